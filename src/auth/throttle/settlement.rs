use super::account_attempts::FailedAttempt;
use super::account_key::{AccountKey, NameKeys, PersonKey};
use super::attempt::{Attempt, CountedAccounts, CountedPerson};
use super::failure_counters::FailureCounters;
use super::known_people::KnownPerson;
use super::network_counters::NetworkCounters;
use super::place::Place;
use super::store::AccountScope;
use super::throttle_change::ThrottleChange;
use crate::directory::{FailureBudget, LockoutPolicy};
use crate::domain::Timestamp;

/// An attempt that has ended, with everything that its outcome is recorded by.
pub(super) struct Settlement {
    pub(super) attempt: Attempt,
    /// The sequence number of its permit.
    pub(super) sequence: u64,
    pub(super) counted: CountedAccounts,
    pub(super) outcome: AttemptOutcome,
}

/// The outcome of an attempt.
pub(super) enum AttemptOutcome {
    /// Somebody has signed in, who has these names.
    Succeeded {
        person: PersonKey,
        names: Vec<NameKeys>,
        policy: Option<LockoutPolicy>,
    },
    /// It was no guess.
    Declined,
    /// The password was not sent, as the bind was denied, and that is told as a wrong password.
    Withheld,
    /// The password was not sent.
    Cancelled,
    Failed(AttemptFailure),
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

impl Settlement {
    /// The accounts that are involved.
    pub(super) fn scope(&self) -> AccountScope {
        let mut scope = AccountScope { is_admitted: true, ..self.attempt.scope() };
        scope.persons.extend(self.counted.persons.iter().map(|counted| counted.person));
        if let AttemptOutcome::Succeeded { person, names, .. } = &self.outcome {
            scope.persons.push(*person);
            scope.names.extend(names);
        }
        scope
    }

    /// Records it in the counters of its networks.
    pub(super) fn update_networks(&self, networks: &mut NetworkCounters, now: Timestamp) {
        let is_failure = !matches!(self.outcome, AttemptOutcome::Succeeded { .. } | AttemptOutcome::Cancelled);
        networks.update(&self.attempt.networks, now, |attempts| {
            attempts.end();
            if is_failure {
                attempts.fail(now);
            }
        });
    }

    /// Records it in the counters of accounts, if it was tried before and may have been recorded then.
    pub(super) fn apply_again(&self, counters: &mut FailureCounters<'_>, now: Timestamp) {
        if self.counted.may_be_pending(self.sequence, counters.accounts, now) {
            self.apply(counters, now);
        }
    }

    /// Records it in the counters of accounts.
    pub(super) fn apply(&self, counters: &mut FailureCounters<'_>, now: Timestamp) {
        if let AttemptOutcome::Failed(failure) = self.outcome {
            self.record_failure(failure, counters, now);
        }
        // Afterwards: what was noted of an account goes with its last attempt.
        self.counted.end(self.sequence, counters.accounts, now);
        match &self.outcome {
            AttemptOutcome::Succeeded { person, names, policy } => {
                self.record_success(*person, names, *policy, counters, now);
            }
            AttemptOutcome::Withheld => {
                let name = self.counted.name.or_else(|| self.attempt.check_as_stranger(counters, now).ok());
                self.attempt.withhold(name.unwrap_or_else(|| self.attempt.of_name()), counters, now);
            }
            AttemptOutcome::Declined | AttemptOutcome::Cancelled | AttemptOutcome::Failed(_) => {}
        }
    }

    fn record_success(
        &self,
        person: PersonKey,
        names: &[NameKeys],
        policy: Option<LockoutPolicy>,
        counters: &mut FailureCounters<'_>,
        now: Timestamp,
    ) {
        let (attempt, sequence, account) = (&self.attempt, self.sequence, AccountKey::Person(person));
        counters.networks.pairs.remove(attempt.pair(account));
        let accounts = &mut *counters.accounts;
        if accounts.has_failures(account, now) {
            accounts.update(account, now, |attempts| attempts.forget_before(sequence));
            accounts.note_failures(account, now);
        }
        for name in names.iter().chain([&attempt.name]) {
            let news = accounts.known.record_name(*name, person, now);
            if !news.is_empty() {
                accounts.move_failures(name.skeleton, sequence, person, now);
            }
            accounts.changes.extend(news.into_iter().map(ThrottleChange::Name));
        }
        let known = KnownPerson { person, network: Some(attempt.network), policy, signed_in_at: now };
        if accounts.known.record_person(known, now) {
            accounts.changes.push(ThrottleChange::Person(known));
        }
    }

    fn record_failure(&self, failure: AttemptFailure, counters: &mut FailureCounters<'_>, now: Timestamp) {
        let attempt = &self.attempt;
        let sequence = counters.accounts.next_sequence();
        let is_wrong = failure == AttemptFailure::Wrong;
        let password = attempt.password.filter(|_| is_wrong);
        let persons = self.persons_of(failure, counters, now);
        // The same password again for a name that nobody has costs nothing, either: strangers must not tell the two apart.
        let is_same = failure == AttemptFailure::NoSuchName && attempt.is_remembered(counters, now);
        if let Some(name) = self.counted.name.filter(|_| !is_same) {
            // Where the person is known, it is they of whom it is remembered that the password is wrong.
            let is_wrong = is_wrong && persons.is_empty();
            let password = attempt.password;
            let place = Place::Unfamiliar;
            let failed = FailedAttempt { sequence, at: now, place, password, is_wrong, judge: None };
            counters.record_failure(attempt.pair(name), failed, attempt.name_budget().window, attempt.began_at);
            // Where the person is known before the bind, the name's count protects nobody.
            if !attempt.lockout.identifies_before_bind {
                counters.accounts.note_failures(name, now);
            }
        }
        for CountedPerson { person, place, budget, judge } in persons {
            let account = AccountKey::Person(person);
            // Who has not answered may not have counted it yet.
            let judge = judge.filter(|_| is_wrong);
            let failed = FailedAttempt { sequence, at: now, place, password, is_wrong, judge };
            counters.record_failure(attempt.pair(account), failed, budget.window, attempt.began_at);
            counters.accounts.note_failures(account, now);
            // So that whoever releases the name by hand finds whose it is, where the directory has told.
            if attempt.lockout.identifies_before_bind {
                let news = counters.accounts.known.record_name(attempt.name, person, now);
                counters.accounts.changes.extend(news.into_iter().map(ThrottleChange::Name));
            }
        }
    }

    /// The people whom the directory may have counted the failure against.
    fn persons_of(&self, failure: AttemptFailure, counters: &FailureCounters<'_>, now: Timestamp) -> Vec<CountedPerson> {
        if !matches!(failure, AttemptFailure::Wrong | AttemptFailure::Unanswered) {
            return Vec::new();
        }
        if !self.counted.persons.is_empty() {
            return self.counted.persons.clone();
        }
        // Another attempt may have shown meanwhile whose name this is.
        let budget = FailureBudget::for_person(self.attempt.lockout.policy);
        let shown = counters.accounts.known.owners(self.attempt.name, now).people.into_iter();
        shown.map(|person| CountedPerson { person, place: Place::Unfamiliar, budget, judge: None }).collect()
    }
}
