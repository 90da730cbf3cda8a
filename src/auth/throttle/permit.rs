use std::sync::{Mutex, PoisonError};

use super::Throttle;
use super::budget::FailureBudget;
use super::device_cookie::{DeviceCookie, DeviceOwner};
use super::failure_counters::{AccountKey, AttemptOrigin};
use super::limits::{AccountAttempts, FAMILIAR_FOR, FailedAttempt, ThrottleReason};
use crate::directory::BindCandidate;
use crate::domain::PersonId;

/// The permit for one attempt at the directory. As long as it is held the attempt is pending; dropping it counts a
/// failure, so that one that is given up half-way, when the directory may have counted it, does not slip through.
#[must_use]
pub(in crate::auth) struct AttemptPermit<'a> {
    pub(super) throttle: &'a Throttle,
    /// The key of the name's skeleton.
    pub(super) account: AccountKey,
    pub(super) budget: FailureBudget,
    /// The hash of the name, just as it was typed.
    pub(super) typed_name: u64,
    pub(super) origin: AttemptOrigin,
    /// The browser's device cookie.
    pub(super) device_cookie: Option<DeviceCookie>,
    /// The sequence number when it was given.
    pub(super) sequence: u64,
    /// The person, as far as known, once the attempt counts against them.
    pub(super) person: Mutex<Option<CountedPerson>>,
    pub(super) settled: bool,
}

/// The person that an attempt counts against.
#[derive(Clone, Copy)]
pub(super) struct CountedPerson {
    pub(super) person: AccountKey,
    pub(super) budget: FailureBudget,
}

/// The outcome of an attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AttemptOutcome {
    Succeeded,
    Declined,
    Cancelled,
    Failed,
}

impl AttemptPermit<'_> {
    /// Tells the permit whose account it is, before the bind: from here on the attempt counts against that person too,
    /// whichever of their names was typed. Waits a little while other attempts for them are pending.
    ///
    /// # Errors
    /// [`ThrottleReason`] when that person's attempts are used up, here or by the directory's own count; the password
    /// must not be sent then.
    pub(in crate::auth) async fn identify(&self, who: &BindCandidate) -> Result<(), ThrottleReason> {
        let person = self.throttle.person_key(&who.id);
        self.throttle.wait_while_pending(|| self.try_identify(who, person)).await
    }

    /// Settles it as a success: the account's count is reset (as it is in the directory), and the address is now
    /// familiar. The address's other failures stay: one's own account must not wash away attempts on others'.
    ///
    /// Failures while this attempt was pending stay too, since the directory may have counted them afterwards; so do
    /// those for a name like this one that is not known to be the same person's.
    pub(in crate::auth) fn succeed(mut self, id: &PersonId) {
        let now = self.throttle.clock.now();
        let person = self.counted_person().map_or_else(|| self.throttle.person_key(id), |counted| counted.person);
        self.settle(AttemptOutcome::Succeeded);
        let mut counters = self.throttle.counters();
        counters.record_owner(self.typed_name, person, now);
        let (typed_name, sequence) = (self.typed_name, self.sequence);
        for account in [self.account, person] {
            let mut attempts = counters.account_attempts(account, now);
            let same = |name| name == typed_name || counters.name_owners.get(name, now).map(AccountKey::Person) == Some(person);
            attempts.forgive(|failure| failure.sequence < sequence && same(failure.typed_name));
            counters.update_account(account, now, |kept| *kept = attempts);
            counters.pairs.remove((account, self.origin.address));
            counters.familiar_addresses.insert(account, self.origin.address, now + FAMILIAR_FOR, now);
        }
    }

    /// Settles it as declined: the directory was asked, and the attempt was no guess: the password was right and it
    /// refused all the same, or it was not sent. It counts against the address, and not against the account.
    pub(in crate::auth) fn decline(mut self) {
        self.settle(AttemptOutcome::Declined);
    }

    /// Settles it when the bind was denied, so the password was not sent. Near a lockout it took a search of the
    /// directory to know, which nobody may have for nothing again and again.
    pub(in crate::auth) fn deny(self, reason: ThrottleReason) {
        match reason {
            ThrottleReason::NearLockout => self.decline(),
            ThrottleReason::Pending | ThrottleReason::Exhausted(_) => self.cancel(),
        }
    }

    /// Settles it when the password was not sent: nothing counts.
    pub(in crate::auth) fn cancel(mut self) {
        self.settle(AttemptOutcome::Cancelled);
    }

    fn try_identify(&self, who: &BindCandidate, person: AccountKey) -> Result<(), ThrottleReason> {
        let now = self.throttle.clock.now();
        let budget = FailureBudget::for_person(who.policy);
        let mut counted = self.person.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counters = self.throttle.counters();
        let is_counted = counted.is_some_and(|counted| counted.person == person);
        let attempts = counters.account_attempts(person, now);
        let attempts = if is_counted { attempts.without_one_pending() } else { attempts };
        let is_own = |cookie: &DeviceCookie| self.throttle.keys.verify_device_cookie(cookie, DeviceOwner::Person(&who.id), now);
        let origin = AttemptOrigin { is_own_device: self.device_cookie.as_ref().is_some_and(is_own), ..self.origin };
        counters.check_attempts(attempts, person, budget, origin, now)?;
        if let (Some(policy), Some(count)) = (who.policy, who.failures)
            && policy.threshold > 0
        {
            attempts.check_directory_count(count, policy.threshold, self.sequence, now)?;
        }
        let before = counted.replace(CountedPerson { person, budget });
        if !is_counted {
            // The name was somebody else's before.
            if let Some(other) = before {
                counters.update_account(other.person, now, AccountAttempts::end);
            }
            counters.update_account(person, now, |attempts| attempts.begin(now));
        }
        counters.record_owner(self.typed_name, person, now);
        Ok(())
    }

    fn counted_person(&self) -> Option<CountedPerson> {
        *self.person.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&mut self, outcome: AttemptOutcome) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        let now = self.throttle.clock.now();
        let counted = self.counted_person();
        let mut counters = self.throttle.counters();
        let failure = FailedAttempt { sequence: counters.next_sequence(), typed_name: self.typed_name };
        for account in [Some(self.account), counted.map(|counted| counted.person)].into_iter().flatten() {
            counters.update_account(account, now, AccountAttempts::end);
        }
        if outcome == AttemptOutcome::Failed {
            // Another attempt may have shown meanwhile whose name this is.
            let shown = || {
                counters
                    .name_owners
                    .get(self.typed_name, now)
                    .map(|person| CountedPerson { person: AccountKey::Person(person), budget: self.budget })
            };
            let person = counted.or_else(shown).map(|counted| (counted.person, counted.budget.window));
            for (account, window) in [Some((self.account, self.budget.window)), person].into_iter().flatten() {
                counters.update_account(account, now, |attempts| attempts.fail(failure, window, now));
                counters.record_pair_failure(account, self.origin.address, window, now);
            }
        }
        counters.update_address(self.origin.address, now, |attempts| {
            attempts.end();
            if matches!(outcome, AttemptOutcome::Failed | AttemptOutcome::Declined) {
                attempts.fail(now);
            }
        });
        drop(counters);
        self.throttle.attempt_ended.notify_waiters();
    }
}

impl Drop for AttemptPermit<'_> {
    fn drop(&mut self) {
        self.settle(AttemptOutcome::Failed);
    }
}
