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
//! The counters are in memory, bounded, and hold no names: what had to be forgotten of names is assumed of all others until then; what must outlive a restart is in a [`ThrottleStore`].

mod account_attempts;
mod account_key;
mod admit;
mod attempt;
mod device_cookie;
mod expiring_map;
mod failure_counters;
mod familiarity;
mod known_people;
mod limits;
mod memory;
mod permit;
mod place;
mod reason;
mod skeleton;
mod sqlite;
mod store;
mod unwritten_changes;

use std::hash::RandomState;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use super::Keys;
use crate::domain::{Clock, PersonId, Realm, Username};
use crate::store::StoreError;

pub use device_cookie::DeviceCookie;
use failure_counters::FailureCounters;
pub use memory::{Release, release_attempts};
pub(super) use permit::{AttemptFailure, AttemptPermit};
pub(super) use reason::ThrottleReason;
use skeleton::exact_name;
pub use sqlite::SqliteThrottleStore;
pub use store::ThrottleStore;

/// The longest wait for pending attempts to end. A directory that answers needs some tens of milliseconds for each;
/// beyond this the browser's patience ends too.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The most attempts that wait at the same time: far more than one person's windows, and too few to matter in memory.
const MAX_WAITING: usize = 256;

/// The limits on sign-in attempts, and the counters they are checked against.
pub(super) struct Throttle {
    clock: Arc<dyn Clock>,
    keys: Arc<Keys>,
    store: Arc<dyn ThrottleStore>,
    /// The number of the last release by hand that has been taken in.
    last_release: AtomicI64,
    /// Held while changes are written down.
    writing: tokio::sync::Mutex<()>,
    /// Networks and passwords are kept as hashes with a key of this process: of one size, and unpredictable from outside.
    hasher: RandomState,
    counters: Mutex<FailureCounters>,
    /// Wakes those who wait when an attempt has ended.
    attempt_ended: Notify,
    wait_slots: Semaphore,
}

impl Throttle {
    /// A throttle without failures; [`Throttle::restore`] takes in those that `store` has.
    pub(super) fn new(clock: Arc<dyn Clock>, keys: Arc<Keys>, store: Arc<dyn ThrottleStore>) -> Self {
        Self {
            clock,
            keys,
            store,
            last_release: AtomicI64::new(0),
            writing: tokio::sync::Mutex::default(),
            hasher: RandomState::new(),
            counters: Mutex::new(FailureCounters::new()),
            attempt_ended: Notify::new(),
            wait_slots: Semaphore::new(MAX_WAITING),
        }
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
    ) -> Result<DeviceCookie, StoreError> {
        let mut exact: Vec<String> = Vec::with_capacity(names.len());
        for name in names.iter().map(|name| exact_name(name, realm)) {
            if !exact.contains(&name) {
                exact.push(name);
            }
        }
        self.keys.issue_device_cookie(&exact, self.keys.person_key(person), self.clock.now())
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

    /// Locks the counters. A panic elsewhere leaves them whole: at worst one attempt is counted that was not made.
    fn counters(&self) -> MutexGuard<'_, FailureCounters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(super) mod tests;
