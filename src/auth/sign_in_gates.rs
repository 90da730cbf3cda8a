use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Clock, FairGate, GateBusy, GateHolder, GateLimits, GatePlace};

/// The longest wait for a place: beyond it a browser's patience ends, too.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// The sign-ins that ask a directory at the same time. One that answers takes some tens of milliseconds, so this is a thousand
/// a second; one that hangs does not collect connections without end. A quarter is kept for browsers that are familiar and as much
/// for those that are not, and an address may be an office.
pub(super) const DIRECTORY: GateLimits = GateLimits {
    places: 64,
    for_known: 48,
    for_strangers: 48,
    per_known: 24,
    per_holder: 64,
    waiting_strangers: 512,
    max_wait: MAX_WAIT,
};

/// The sign-ins whose password is hashed at the same time: 76 MiB, and no more of the machine's cores than pages can spare. One
/// place is kept for browsers that are familiar, and one for those that are not. Each takes some 20 ms of one core, so whoever may
/// wait is through within the time even on a small machine.
const HASHING: GateLimits = GateLimits {
    places: 4,
    for_known: 3,
    for_strangers: 3,
    per_known: 2,
    per_holder: 8,
    waiting_strangers: 256,
    max_wait: MAX_WAIT,
};

/// The verifier of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PasswordVerifier {
    /// A directory, by a bind.
    Directory,
    /// This server, by hashing it.
    Hashing,
}

/// The gates before what verifies passwords: a flood at one is none at the other.
pub(super) struct SignInGates {
    directory: FairGate<String>,
    hashing: FairGate<String>,
}

impl SignInGates {
    pub(super) fn new(clock: &Arc<dyn Clock>) -> Self {
        Self { directory: FairGate::new(DIRECTORY, Arc::clone(clock)), hashing: FairGate::new(HASHING, Arc::clone(clock)) }
    }

    /// A place for one attempt.
    ///
    /// # Errors
    /// [`GateBusy`], when nothing has been asked or computed.
    pub(super) async fn enter(
        &self,
        verifier: PasswordVerifier,
        holder: GateHolder<String>,
    ) -> Result<GatePlace<String>, GateBusy> {
        match verifier {
            PasswordVerifier::Directory => self.directory.enter(holder).await,
            PasswordVerifier::Hashing => self.hashing.enter(holder).await,
        }
    }
}
