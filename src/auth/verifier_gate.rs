use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use async_trait::async_trait;

use super::sign_in_gates::{PasswordVerifier, SignInGates};
use super::throttle::{AttemptDenial, AttemptPermit};
use crate::directory::{BindCandidate, BindDenied, BindGate, LockoutPolicy};
use crate::domain::{GateBusy, GateHolder, GatePlace};

/// The gate before what verifies a password: it holds a place there, and asks the throttle again once the person is known. While
/// that waits for other attempts on the same account, the place is another's.
pub(super) struct VerifierGate<'a> {
    gates: &'a SignInGates,
    verifier: PasswordVerifier,
    holder: GateHolder<String>,
    permit: &'a AttemptPermit<'a>,
    place: Mutex<Option<GatePlace<String>>>,
    /// Whether the password may have been sent.
    allowed: AtomicBool,
    /// Whether the directory has accepted it.
    accepted: AtomicBool,
    /// Why the bind was denied.
    denial: OnceLock<BindDenial>,
}

/// The fate of the password of an attempt that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SentPassword {
    NotSent,
    /// It was sent, and not accepted.
    NotAccepted,
    /// It was right: what refused was not the bind.
    Accepted,
}

/// Why a bind was denied.
#[derive(Clone, Debug)]
pub(super) enum BindDenial {
    /// The throttle does not allow it.
    Throttle(AttemptDenial),
    /// There was no place.
    Busy,
}

impl<'a> VerifierGate<'a> {
    /// Enters it, before anything is asked or computed.
    ///
    /// # Errors
    /// [`GateBusy`], when there is no place.
    pub(super) async fn enter(
        gates: &'a SignInGates,
        verifier: PasswordVerifier,
        holder: GateHolder<String>,
        permit: &'a AttemptPermit<'a>,
    ) -> Result<Self, GateBusy> {
        let place = Mutex::new(Some(gates.enter(verifier, holder.clone()).await?));
        Ok(Self {
            gates,
            verifier,
            holder,
            permit,
            place,
            allowed: AtomicBool::new(false),
            accepted: AtomicBool::new(false),
            denial: OnceLock::new(),
        })
    }

    /// The fate of the password, as far as the bind tells.
    pub(super) fn sent_password(&self) -> SentPassword {
        match (self.allowed.load(Ordering::Relaxed), self.accepted.load(Ordering::Relaxed)) {
            (false, _) => SentPassword::NotSent,
            (true, false) => SentPassword::NotAccepted,
            (true, true) => SentPassword::Accepted,
        }
    }

    /// Gives the place back: why the bind was denied, if it was.
    pub(super) fn into_denial(self) -> Option<BindDenial> {
        self.denial.into_inner()
    }

    async fn identify(&self, who: &BindCandidate) -> Result<(), BindDenial> {
        if self.permit.identify_at_once(who).await.is_ok() {
            return Ok(());
        }
        self.set_place(None);
        self.permit.identify(who).await.map_err(BindDenial::Throttle)?;
        let place = self.gates.enter(self.verifier, self.holder.clone()).await.map_err(|GateBusy| BindDenial::Busy)?;
        self.set_place(Some(place));
        Ok(())
    }

    fn set_place(&self, place: Option<GatePlace<String>>) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }
}

impl BindDenial {
    /// Settles the permit of the attempt.
    pub(super) fn settle(&self, permit: AttemptPermit<'_>) {
        match self {
            Self::Throttle(denial) => permit.deny(denial),
            Self::Busy => permit.cancel(),
        }
    }
}

#[async_trait]
impl BindGate for VerifierGate<'_> {
    async fn allow_bind(&self, who: Option<&BindCandidate>) -> Result<(), BindDenied> {
        if let Some(who) = who {
            self.identify(who).await.map_err(|denial| {
                self.denial.get_or_init(|| denial);
                BindDenied
            })?;
        }
        self.allowed.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn record_acceptance(&self) {
        self.accepted.store(true, Ordering::Relaxed);
    }

    fn record_policy(&self, policy: LockoutPolicy) {
        self.permit.record_policy(policy);
    }
}
