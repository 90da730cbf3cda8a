use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::Throttle;
use super::account_key::{AccountKey, PersonKey};
use super::attempt::{Attempt, CountedAccounts, CountedPerson};
use super::denial::AttemptDenial;
use super::failure_counters::FailureCounters;
use super::place::Place;
use super::reason::ThrottleReason;
use super::settlement::{AttemptFailure, AttemptOutcome, Settlement};
use super::store::AccountScope;
use crate::directory::{BindCandidate, FailureBudget, LockoutPolicy};
use crate::domain::{PersonId, Timestamp, Username};

/// The permit for one attempt at the directory. As long as it is held the attempt is pending; dropping it counts a
/// failure, so that one that is given up half-way, when the directory may have counted it, does not slip through.
#[must_use]
pub(in crate::auth) struct AttemptPermit<'a> {
    pub(super) throttle: &'a Throttle,
    pub(super) attempt: Attempt,
    /// The sequence number when it was given.
    pub(super) sequence: u64,
    /// The owner of the browser, where the name is one of theirs.
    pub(super) familiar_owner: Option<PersonKey>,
    pub(super) counted: Mutex<CountedAccounts>,
    /// The policy of the account, where only the bind told whose it was.
    pub(super) policy: OnceLock<LockoutPolicy>,
    pub(super) is_settled: bool,
}

impl AttemptPermit<'_> {
    /// Tells the permit whose account it is, before the bind: from here on the attempt counts against that person,
    /// whichever of their names was typed. Waits a little while other attempts for them are pending.
    ///
    /// # Errors
    /// [`ThrottleReason`] when that person's attempts are used up, here or by the directory's own count; the password
    /// must not be sent then.
    pub(in crate::auth) async fn identify(&self, who: &BindCandidate) -> Result<(), AttemptDenial> {
        let identify = || self.identify_at_once(who);
        let identified = self.throttle.wait_while_pending(identify).await;
        if matches!(identified, Err(AttemptDenial::Throttled(_))) && self.throttle.counters.apply_releases().await {
            return self.throttle.wait_while_pending(identify).await;
        }
        identified
    }

    /// Identifies without waiting: attempts that are pending deny it.
    ///
    /// # Errors
    /// [`AttemptDenial`], [`ThrottleReason::Pending`] among them.
    pub(in crate::auth) async fn identify_at_once(&self, who: &BindCandidate) -> Result<(), AttemptDenial> {
        let person = self.throttle.keys.person_key(&who.id);
        let before = self.counted().clone();
        let mut scope = AccountScope { is_admitted: true, ..self.attempt.scope() };
        scope.persons.extend(before.persons.iter().map(|counted| counted.person).chain([person]));
        let mut identified = Err(ThrottleReason::Pending);
        let decide =
            |counters: &mut FailureCounters<'_>, now| identified = self.identify_as(who, person, &before, counters, now);
        self.throttle.counters.step(&scope, decide).await?;
        *self.counted() = identified?;
        Ok(())
    }

    /// Checks the attempt as that person's: the accounts that it counts against from here on.
    fn identify_as(
        &self,
        who: &BindCandidate,
        person: PersonKey,
        before: &CountedAccounts,
        counters: &mut FailureCounters<'_>,
        now: Timestamp,
    ) -> Result<CountedAccounts, ThrottleReason> {
        let (attempt, sequence) = (&self.attempt, self.sequence);
        let (account, place) = (AccountKey::Person(person), attempt.place(person, counters, now));
        let name = match (place, before.name) {
            (Place::Own, _) => None,
            (_, Some(name)) => Some(name),
            // The browser was taken for the owner's, and it is somebody else's.
            (_, None) => Some(attempt.check_as_stranger(counters, now)?),
        };
        let server = |address: &Option<String>| address.as_ref().map(|address| self.throttle.keys.server_key(address));
        counters.accounts.update(account, now, |attempts| attempts.believe(who, server(&who.told_by), sequence, now));
        let attempts = counters.accounts.attempts(account, now).without_pending(sequence);
        let budget = FailureBudget::for_person(who.policy);
        let checked = attempts.check_password(attempt.password, now);
        let checked = checked.and_then(|()| counters.check(&attempts, attempt.pair(account), budget, place, now));
        let checked = checked.and_then(|()| attempts.check_directory_count(who, place, sequence, now));
        attempt.tell_stranger(checked, place, counters, now)?;
        let judge = server(&who.judge);
        let counted = CountedAccounts { name, persons: vec![CountedPerson { person, place, budget, judge }] };
        before.end(sequence, counters.accounts, now);
        counted.begin(sequence, attempt, counters.accounts, now);
        counters.accounts.update(account, now, |attempts| attempts.note_told(who));
        Ok(counted)
    }

    /// The owner of the browser, in words that differ from every other's, where somebody signs in with one of the owner's
    /// names.
    pub(in crate::auth) fn familiar_owner(&self) -> Option<String> {
        self.familiar_owner.map(|owner| format!("{:016x}", owner.0))
    }

    /// Records the policy of the account, where only the bind told whose it was.
    pub(in crate::auth) fn record_policy(&self, policy: LockoutPolicy) {
        self.policy.get_or_init(|| policy);
    }

    /// Settles it as a success: the person's count is reset, as it is in the directory, and their place is now familiar.
    /// Their `names` are known to be theirs from now on. What strangers are told of the name stays as it is, or they would
    /// learn that its owner has signed in; and so do the network's failures: one's own account must not wash away attempts
    /// on others'.
    ///
    /// Failures while this attempt was pending stay too, since the directory may have counted them afterwards.
    pub(in crate::auth) fn succeed(mut self, id: &PersonId, names: &[Username]) {
        let (keys, realm) = (&self.throttle.keys, &self.attempt.realm);
        let names = names.iter().map(|name| keys.name_keys(name, realm)).collect();
        let (person, policy) = (keys.person_key(id), self.policy.get().copied());
        self.settle(AttemptOutcome::Succeeded { person, names, policy });
    }

    /// Settles it as failed. A failure counts against the person only if the directory may have counted it, and against the
    /// name whenever it is told as a wrong password.
    pub(in crate::auth) fn fail(mut self, failure: AttemptFailure) {
        self.settle(AttemptOutcome::Failed(failure));
    }

    /// Settles it as declined: the directory was asked, and the attempt was no guess: the password was right and it
    /// refused all the same. It counts against the network, and not against the account.
    pub(in crate::auth) fn decline(mut self) {
        self.settle(AttemptOutcome::Declined);
    }

    /// Settles it when the bind was denied, so the password was not sent. It took a search of the directory to know, which no
    /// network may have for nothing again and again. What is told as a wrong password counts as one for the name too, unless
    /// it was the same as before.
    pub(in crate::auth) fn deny(mut self, denial: &AttemptDenial) {
        self.settle(match denial {
            AttemptDenial::Store(_) | AttemptDenial::Throttled(ThrottleReason::Pending) => AttemptOutcome::Cancelled,
            AttemptDenial::Throttled(ThrottleReason::Withheld | ThrottleReason::NearLockout) => AttemptOutcome::Withheld,
            AttemptDenial::Throttled(_) => AttemptOutcome::Declined,
        });
    }

    /// Settles it when the password was not sent: nothing counts.
    pub(in crate::auth) fn cancel(mut self) {
        self.settle(AttemptOutcome::Cancelled);
    }

    fn counted(&self) -> MutexGuard<'_, CountedAccounts> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&mut self, outcome: AttemptOutcome) {
        if std::mem::replace(&mut self.is_settled, true) {
            return;
        }
        let (attempt, counted) = (self.attempt.clone(), self.counted().clone());
        self.throttle.counters.settle(Settlement { attempt, sequence: self.sequence, counted, outcome });
    }
}

impl Drop for AttemptPermit<'_> {
    fn drop(&mut self) {
        self.settle(AttemptOutcome::Failed(AttemptFailure::Unanswered));
    }
}
