use std::hash::BuildHasher as _;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::Throttle;
use super::account_attempts::{FailedAttempt, ServerKey};
use super::account_key::{AccountKey, PersonKey};
use super::attempt::{Attempt, CountedAccounts, CountedPerson};
use super::failure_counters::FailureCounters;
use super::known_people::KnownPerson;
use super::place::Place;
use super::reason::ThrottleReason;
use super::store::ThrottleChange;
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
    pub(super) counted: Mutex<CountedAccounts>,
    /// The policy of the account, where only the bind told whose it was.
    pub(super) policy: OnceLock<LockoutPolicy>,
    pub(super) is_settled: bool,
}

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::auth) enum AttemptFailure {
    /// The directory said that the password is wrong.
    Wrong,
    /// The password was sent, and no answer came: it may have been counted.
    Unanswered,
    /// Nobody has the name, or not just one. No password was sent.
    NoSuchName,
    /// The password was not judged, as the account is locked, or the like. A stranger must not learn it.
    Unjudged,
}

/// The outcome of an attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AttemptOutcome {
    Succeeded,
    Declined,
    Cancelled,
    Failed(AttemptFailure),
}

impl AttemptPermit<'_> {
    /// Tells the permit whose account it is, before the bind: from here on the attempt counts against that person,
    /// whichever of their names was typed. Waits a little while other attempts for them are pending.
    ///
    /// # Errors
    /// [`ThrottleReason`] when that person's attempts are used up, here or by the directory's own count; the password
    /// must not be sent then.
    pub(in crate::auth) async fn identify(&self, who: &BindCandidate) -> Result<(), ThrottleReason> {
        let person = self.throttle.keys.person_key(&who.id);
        let identified = self.throttle.wait_while_pending(|| self.try_identify(who, person)).await;
        if identified.is_err() && self.throttle.apply_releases().await {
            return self.throttle.wait_while_pending(|| self.try_identify(who, person)).await;
        }
        identified
    }

    /// Identifies without waiting: attempts that are pending deny it.
    ///
    /// # Errors
    /// [`ThrottleReason`], [`ThrottleReason::Pending`] among them.
    pub(in crate::auth) fn identify_at_once(&self, who: &BindCandidate) -> Result<(), ThrottleReason> {
        self.try_identify(who, self.throttle.keys.person_key(&who.id))
    }

    fn try_identify(&self, who: &BindCandidate, person: PersonKey) -> Result<(), ThrottleReason> {
        let now = self.throttle.clock.now();
        let attempt = &self.attempt;
        let mut counted = self.counted();
        let mut counters = self.throttle.counters();
        let (account, place) = (AccountKey::Person(person), attempt.place(person, &counters, now));
        let name = match (place, counted.name) {
            (Place::Own, _) => None,
            (_, Some(name)) => Some(name),
            // The browser was taken for the owner's, and it is somebody else's.
            (_, None) => Some(attempt.check_as_stranger(&counters, now)?),
        };
        let is_counted = counted.persons.iter().any(|counted| counted.person == person);
        let server =
            |address: &Option<String>| address.as_ref().map(|address| ServerKey(self.throttle.hasher.hash_one(address)));
        counters.update(account, now, |attempts| attempts.believe(who, server(&who.told_by), self.sequence, now));
        let attempts = counters.attempts(account, now);
        let attempts = if is_counted { attempts.without_pending(attempt.password) } else { attempts };
        let budget = FailureBudget::for_person(who.policy);
        let checked = attempts.check_password(attempt.password, now);
        let checked = checked.and_then(|()| counters.check(&attempts, attempt.pair(account), budget, place, now));
        let checked = checked.and_then(|()| attempts.check_directory_count(who, place, self.sequence, now));
        attempt.tell_stranger(checked, place, &counters, now)?;
        counted.end(attempt, &mut counters, now);
        let judge = server(&who.judge);
        *counted = CountedAccounts { name, persons: vec![CountedPerson { person, place, budget, judge }] };
        counted.begin(attempt, &mut counters, now);
        counters.update(account, now, |attempts| attempts.note_told(who));
        Ok(())
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
        let now = self.throttle.clock.now();
        let person = self.throttle.keys.person_key(id);
        self.settle(AttemptOutcome::Succeeded);
        let (keys, attempt, sequence) = (&self.throttle.keys, &self.attempt, self.sequence);
        let mut counters = self.throttle.counters();
        let account = AccountKey::Person(person);
        if counters.has_failures(account, now) {
            counters.update(account, now, |attempts| attempts.forget_before(sequence));
            counters.note_failures(account, now);
        }
        counters.pairs.remove(attempt.pair(account));
        for name in names.iter().map(|name| keys.name_keys(name, &attempt.realm)).chain([attempt.name]) {
            let news = counters.known.record_name(name, person, now);
            if !news.is_empty() {
                counters.move_failures(name.skeleton, sequence, person, now);
            }
            counters.changes.extend(news.into_iter().map(ThrottleChange::Name));
        }
        let policy = self.policy.get().copied();
        let known = KnownPerson { person, network: Some(attempt.network), policy, signed_in_at: now };
        if counters.known.record_person(known, now) {
            counters.changes.push(ThrottleChange::Person(known));
        }
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
    pub(in crate::auth) fn deny(mut self, reason: ThrottleReason) {
        let is_pending = reason == ThrottleReason::Pending;
        self.settle(if is_pending { AttemptOutcome::Cancelled } else { AttemptOutcome::Declined });
        if matches!(reason, ThrottleReason::Withheld | ThrottleReason::NearLockout) {
            let (name, now) = (self.counted().name, self.throttle.clock.now());
            let mut counters = self.throttle.counters();
            let name = name.or_else(|| self.attempt.check_as_stranger(&counters, now).ok());
            self.attempt.withhold(name.unwrap_or_else(|| self.attempt.of_name()), &mut counters, now);
        }
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
        let now = self.throttle.clock.now();
        let counted = self.counted().clone();
        let mut counters = self.throttle.counters();
        if let AttemptOutcome::Failed(failure) = outcome {
            self.record_failure(failure, counted.clone(), &mut counters, now);
        }
        // Afterwards: what was noted of an account goes with its last attempt.
        counted.end(&self.attempt, &mut counters, now);
        self.attempt.update_networks(&mut counters, now, |attempts| {
            attempts.end();
            if matches!(outcome, AttemptOutcome::Failed(_) | AttemptOutcome::Declined) {
                attempts.fail(now);
            }
        });
        drop(counters);
        self.throttle.attempt_ended.notify_waiters();
    }

    fn record_failure(
        &self,
        failure: AttemptFailure,
        mut counted: CountedAccounts,
        counters: &mut FailureCounters,
        now: Timestamp,
    ) {
        let attempt = &self.attempt;
        let sequence = counters.next_sequence();
        let may_be_counted = matches!(failure, AttemptFailure::Wrong | AttemptFailure::Unanswered);
        // Another attempt may have shown meanwhile whose name this is.
        if may_be_counted && counted.persons.is_empty() {
            let budget = FailureBudget::for_person(attempt.lockout.policy);
            let shown = counters.known.owners(attempt.name, now);
            counted.persons = shown
                .people
                .into_iter()
                .map(|person| CountedPerson { person, place: Place::Unfamiliar, budget, judge: None })
                .collect();
        }
        let is_wrong = failure == AttemptFailure::Wrong;
        let password = attempt.password.filter(|_| is_wrong);
        // The same password again for a name that nobody has costs nothing, either: strangers must not tell the two apart.
        let is_same = failure == AttemptFailure::NoSuchName && attempt.is_remembered(counters, now);
        if let Some(name) = counted.name.filter(|_| !is_same) {
            // Where the person is known, it is they of whom it is remembered that the password is wrong.
            let is_wrong = is_wrong && counted.persons.is_empty();
            let password = attempt.password;
            let place = Place::Unfamiliar;
            let failed = FailedAttempt { sequence, at: now, place, password, is_wrong, judge: None };
            counters.record_failure(attempt.pair(name), failed, attempt.name_budget().window, now);
            // Where the person is known before the bind, the name's count protects nobody.
            if !attempt.lockout.identifies_before_bind {
                counters.note_failures(name, now);
            }
        }
        for CountedPerson { person, place, budget, judge } in counted.persons.into_iter().filter(|_| may_be_counted) {
            let account = AccountKey::Person(person);
            // Who has not answered may not have counted it yet.
            let judge = judge.filter(|_| is_wrong);
            let failed = FailedAttempt { sequence, at: now, place, password, is_wrong, judge };
            counters.record_failure(attempt.pair(account), failed, budget.window, now);
            counters.note_failures(account, now);
            // So that whoever releases the name by hand finds whose it is, where the directory has told.
            if attempt.lockout.identifies_before_bind {
                let news = counters.known.record_name(attempt.name, person, now);
                counters.changes.extend(news.into_iter().map(ThrottleChange::Name));
            }
        }
    }
}

impl Drop for AttemptPermit<'_> {
    fn drop(&mut self) {
        self.settle(AttemptOutcome::Failed(AttemptFailure::Unanswered));
    }
}
