//! Limits on failed sign-ins, checked before any LDAP traffic.
//!
//! Failures are counted for each account and from each address. The first limit keeps below the directory's own
//! lockout, so that nobody can lock a colleague's account through this program; the second slows down whoever tries one
//! name after the other. An account's limit never blocks the address from which its owner last signed in, nor their
//! browser, which has a signed cookie ([`DeviceCookie`]); and one address alone cannot use up what an account may fail.
//! The counters are in memory, bounded, and hold no names; a restart starts from zero.
//!
//! A pending attempt is no failure yet: others for the same account wait for its end, as it may use up what is left.
//! So failures that reach the directory stay within the limit however many come at once, and nobody is sent away
//! because they signed in with many windows at the same time.
//!
//! An account is identified by the skeleton of its name, common to all spellings, and by its person. Where the
//! directory shows people before they bind (with a service account, or to anonymous searches) the person is known
//! before any password is sent, so two names of one account (`jdoe` and `john.doe@corp.example.com`) share one
//! limit. Where it does not, a name is known to be somebody's once they signed in with it, in this process and for
//! [`FAMILIAR_FOR`]; until then each of two such names has a limit of its own, and the limits are so small that
//! together they stay below a lockout.
//!
//! The limits follow the directory's own policy ([`FailureBudget`] has the figures, and why nobody is locked by them).
//! Failures elsewhere add up there too: on a laptop, on a phone. Where the directory tells its own count, an attempt
//! that could be the one that locks is not made.

mod admit;
mod budget;
mod device_cookie;
mod expiring_map;
mod failure_counters;
mod familiarity;
mod limits;
mod permit;
mod skeleton;

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use super::Keys;
use crate::domain::{Clock, PersonId, Username};
use crate::store::StoreError;
pub use device_cookie::DeviceCookie;
use failure_counters::{AccountKey, FailureCounters};
pub(super) use limits::ThrottleReason;
pub(super) use permit::AttemptPermit;
use skeleton::skeleton;

/// The longest wait for pending attempts to end. A directory that answers needs some tens of milliseconds for each;
/// beyond this the browser's patience ends too.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The most attempts that wait at the same time: far more than one person's windows, and too few to matter in memory.
const MAX_WAITING: usize = 256;

/// The limits on sign-in attempts, and the counters they are checked against.
pub(super) struct Throttle {
    clock: Arc<dyn Clock>,
    keys: Arc<Keys>,
    /// Names and addresses are kept as hashes with a key of this process: of one size, and unpredictable from outside.
    hasher: RandomState,
    counters: Mutex<FailureCounters>,
    /// Wakes those who wait when an attempt has ended.
    attempt_ended: Notify,
    wait_slots: Semaphore,
}

impl Throttle {
    pub(super) fn new(clock: Arc<dyn Clock>, keys: Arc<Keys>) -> Self {
        Self {
            clock,
            keys,
            hasher: RandomState::new(),
            counters: Mutex::new(FailureCounters::new()),
            attempt_ended: Notify::new(),
            wait_slots: Semaphore::new(MAX_WAITING),
        }
    }

    /// A device cookie for the browser in which `person` has just signed in as `username`.
    ///
    /// # Errors
    /// [`StoreError::NoRandomness`] when the system has none to give.
    pub(super) fn issue_device_cookie(&self, username: &Username, person: &PersonId) -> Result<DeviceCookie, StoreError> {
        self.keys.issue_device_cookie(&skeleton(username), person, self.clock.now())
    }

    /// Repeats a check whenever an attempt has ended, while the reason is pending attempts, up to [`MAX_WAIT`].
    async fn wait_while_pending<T>(&self, mut attempt: impl FnMut() -> Result<T, ThrottleReason>) -> Result<T, ThrottleReason> {
        let mut timeout = self.clock.sleep(MAX_WAIT);
        let mut slot = None;
        loop {
            // Made before the attempt, so that an end between the two is not missed.
            let ended = self.attempt_ended.notified();
            match attempt() {
                Err(ThrottleReason::Pending) => {}
                decided => return decided,
            }
            if slot.is_none() {
                slot = Some(self.wait_slots.try_acquire().map_err(|_| ThrottleReason::Pending)?);
            }
            tokio::select! {
                () = ended => {}
                () = &mut timeout => return Err(ThrottleReason::Pending),
            }
        }
    }

    fn person_key(&self, id: &PersonId) -> AccountKey {
        AccountKey::Person(self.hasher.hash_one(("person", id)))
    }

    /// Locks the counters. A panic elsewhere leaves them whole: at worst one attempt is counted that was not made.
    fn counters(&self) -> MutexGuard<'_, FailureCounters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
