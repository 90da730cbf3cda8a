//! Limits on failed sign-ins, checked before any LDAP traffic.
//!
//! So whoever mistypes gets in, and nobody can lock a colleague's account through this program. Failures are counted for each
//! account and from each network. The first limit keeps below the directory's own lockout ([`crate::directory::FailureBudget`] has the figures);
//! the second slows down whoever tries one name after the other.
//!
//! **Whose failure it is.** A person has one count for all their names, however they are spelled. Where the directory shows
//! people before they bind (with a service account, or to anonymous searches) the person is known before any password is
//! sent. Where it does not, a name is somebody's once they have signed in with just it; until then each name has a count of its
//! own, and they are so small that two of them stay below a lockout. What only has the letters of somebody's name counts
//! against both.
//!
//! **Where from.** A browser in which the person has signed in has a signed cookie ([`DeviceCookie`]), and tries of its own,
//! which no stranger can take; so has, but for one, the network from which they last signed in. Strangers share what is left.
//! Every name is told to have such tries in every network from which anybody has signed in: so they show nobody who.
//!
//! **What counts.** What the directory answered as a wrong password, or never answered; never what it accepted, whatever
//! fails afterwards, nor what was not sent. The same wrong password again is refused without a bind, and costs nothing. Where
//! the directory tells its own count, it is believed: an attempt that could be the one that locks is not made, and what was
//! reset there (a new password, a good sign-in elsewhere, an account unlocked) does not count here. An administrator can
//! release somebody by hand.
//!
//! **What strangers are told** depends on what was tried with this name, and never on whether anybody has it: until as many
//! tries are used up as for a name that nobody has, used-up failures of a person look like a wrong password.
//!
//! A pending attempt is no failure yet: others for the same account wait for its end, as it may use up what is left.
//! So failures that reach the directory stay within the limit however many come at once, and nobody is sent away
//! because they signed in with many windows at the same time.
//!
//! Accounts are counted in a [`ThrottleStore`], where every decision is one atomic step over the accounts that it involves:
//! an attempt is *reserved* there before the directory is asked, and *settled* afterwards. One server's store is its memory,
//! bounded, with a file of what must outlive a restart; what had to be forgotten of names is assumed of all others until then.
//! Networks are counted by each server for itself. No name is kept anywhere, only keyed hashes.

mod account_attempts;
mod account_counters;
mod account_key;
mod admit;
mod attempt;
mod attempt_counters;
mod columns;
mod denial;
mod device_cookie;
mod expiring_map;
mod failure_counters;
mod familiarity;
mod known_people;
mod limits;
mod network_counters;
mod permit;
mod place;
mod postgres;
mod reason;
mod release;
mod settlement;
mod skeleton;
mod sqlite;
mod store;
mod throttle_change;
mod throttle_file;
mod turns;
mod unwritten_changes;

use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::Keys;
use crate::domain::{Clock, PersonId, Realm, Username};
use crate::store::StoreError;

use attempt_counters::AttemptCounters;
pub(super) use denial::AttemptDenial;
pub use device_cookie::DeviceCookie;
pub(super) use device_cookie::DeviceProof;
pub(super) use permit::AttemptPermit;
pub use postgres::PostgresThrottleStore;
pub(super) use reason::ThrottleReason;
pub use release::release_attempts;
pub(super) use settlement::AttemptFailure;
use skeleton::exact_name;
pub use sqlite::SqliteThrottleStore;
pub use store::{Release, ThrottleStore};

/// The longest wait for pending attempts to end. A directory that answers needs some tens of milliseconds for each;
/// beyond this the browser's patience ends too.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The first pause before somebody who waits looks again in a store that other servers settle attempts in, and the longest: every
/// pause is twice as long as the one before.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// The most attempts that wait at the same time: far more than one person's windows, and too few to matter in memory.
const MAX_WAITING: usize = 256;

/// The limits on sign-in attempts, and the counters they are checked against.
pub(super) struct Throttle {
    clock: Arc<dyn Clock>,
    keys: Arc<Keys>,
    /// Networks are kept as hashes with a key of this process: of one size, and unpredictable from outside.
    hasher: RandomState,
    counters: Arc<AttemptCounters>,
    wait_slots: Semaphore,
}

impl Throttle {
    /// A throttle that counts accounts in `store`.
    pub(super) fn new(clock: Arc<dyn Clock>, keys: Arc<Keys>, store: Arc<dyn ThrottleStore>) -> Self {
        let counters = Arc::new(AttemptCounters::new(Arc::clone(&clock), store));
        Self { clock, keys, hasher: RandomState::new(), counters, wait_slots: Semaphore::new(MAX_WAITING) }
    }

    /// A device cookie for the browser in which `person` of that realm has just signed in, who has these names.
    ///
    /// # Errors
    /// [`StoreError::NoRandomness`] when the system has none to give.
    pub(super) fn issue_device_cookie(
        &self,
        names: &[Username],
        realm: &Realm,
        person: &PersonId,
        proof: DeviceProof,
    ) -> Result<DeviceCookie, StoreError> {
        let mut exact: Vec<String> = Vec::with_capacity(names.len());
        for name in names.iter().map(|name| exact_name(name, realm)) {
            if !exact.contains(&name) {
                exact.push(name);
            }
        }
        self.keys.issue_device_cookie(&exact, self.keys.person_key(person), proof, self.clock.now())
    }

    /// Repeats a check whenever an attempt has ended, while the reason is pending attempts, up to [`MAX_WAIT`].
    async fn wait_while_pending<T, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, AttemptDenial>
    where
        F: Future<Output = Result<T, AttemptDenial>>,
    {
        let mut timeout = self.clock.sleep(MAX_WAIT);
        let mut slot = None;
        let (mut pause, longest_pause) = PAUSES;
        loop {
            // Made before the attempt, so that an end between the two is not missed.
            let ended = self.counters.attempt_ended();
            match attempt().await {
                Err(AttemptDenial::Throttled(ThrottleReason::Pending)) => {}
                decided => return decided,
            }
            if slot.is_none() {
                slot = Some(self.wait_slots.try_acquire().map_err(|_| ThrottleReason::Pending)?);
            }
            tokio::select! {
                () = ended => {}
                () = async { self.clock.sleep(pause).await }, if self.counters.store.is_shared() => {
                    pause = longest_pause.min(2 * pause);
                }
                () = &mut timeout => return Err(ThrottleReason::Pending.into()),
            }
        }
    }
}

#[cfg(test)]
mod cluster_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
#[path = "throttle/tests/mod.rs"]
#[expect(clippy::duplicate_mod, reason = "both engines keep the same promises")]
mod tests_on_postgres;
