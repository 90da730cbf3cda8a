use super::account_attempts::AccountAttempts;
use super::account_key::{AccountKey, NameKey, PersonKey};
use super::expiring_map::ExpiringMap;
use super::known_people::KnownPeople;
use super::limits::MAX_ENTRIES;
use super::throttle_change::ThrottleChange;
use super::unwritten_changes::UnwrittenChanges;
use crate::domain::Timestamp;

/// The counters of accounts' sign-in attempts, and the people who are known, by keys of names and persons.
pub struct AccountCounters {
    /// By the skeleton of a name: the tries from unfamiliar places, which is what strangers are told of. Anybody can make up
    /// names, and so fill this map.
    names: ExpiringMap<NameKey, AccountAttempts>,
    /// The most that a full map of names had to forget of one: it is assumed of every name that is not in it, as the directory may
    /// have counted it.
    forgotten: AccountAttempts,
    /// By person. Nobody can make up those, so however many names a flood has, what counts against them stays.
    persons: ExpiringMap<PersonKey, AccountAttempts>,
    pub(super) known: KnownPeople,
    /// The changes that are to be written down.
    pub(super) changes: UnwrittenChanges,
    last_sequence: u64,
}

impl AccountCounters {
    pub(super) fn new() -> Self {
        Self {
            names: ExpiringMap::new(MAX_ENTRIES),
            forgotten: AccountAttempts::default(),
            persons: ExpiringMap::new(MAX_ENTRIES),
            known: KnownPeople::new(),
            changes: UnwrittenChanges::default(),
            last_sequence: 0,
        }
    }

    /// Counters of which nothing is known, whose next event has a later number than `last_sequence`.
    pub(super) fn numbered_after(last_sequence: u64) -> Self {
        Self { last_sequence, ..Self::new() }
    }

    /// All accounts that have attempts.
    pub(super) fn accounts(&self) -> impl Iterator<Item = (AccountKey, &AccountAttempts)> {
        let names = self.names.iter().map(|(name, attempts)| (AccountKey::Name(name), attempts));
        names.chain(self.persons.iter().map(|(person, attempts)| (AccountKey::Person(person), attempts)))
    }

    /// The next sequence number, which orders events. Two can happen at the same time on the clock.
    pub(super) fn next_sequence(&mut self) -> u64 {
        self.last_sequence += 1;
        self.last_sequence
    }

    pub(super) fn attempts(&self, account: AccountKey, now: Timestamp) -> AccountAttempts {
        match account {
            AccountKey::Name(key) => self.names.get(key, now).unwrap_or(&self.forgotten).clone(),
            AccountKey::Person(key) => self.persons.get(key, now).cloned().unwrap_or_default(),
        }
    }

    pub(super) fn update(&mut self, account: AccountKey, now: Timestamp, change: impl FnOnce(&mut AccountAttempts)) {
        let mut attempts = self.attempts(account, now);
        change(&mut attempts);
        self.replace(account, attempts, now);
    }

    pub(super) fn replace(&mut self, account: AccountKey, attempts: AccountAttempts, now: Timestamp) {
        let until = attempts.expires_at().filter(|until| now < *until);
        match (account, until) {
            (AccountKey::Name(key), Some(until)) => {
                for evicted in self.names.insert(key, attempts, until, now) {
                    self.forgotten.assume(&evicted, now);
                }
            }
            (AccountKey::Person(key), Some(until)) => drop(self.persons.insert(key, attempts, until, now)),
            (AccountKey::Name(key), None) => self.names.remove(key),
            (AccountKey::Person(key), None) => self.persons.remove(key),
        }
    }

    /// Moves the failures of a name after `sequence` to the person whose it turned out to be: the directory may have counted
    /// them after their good sign-in.
    pub(super) fn move_failures(&mut self, name: NameKey, sequence: u64, person: PersonKey, now: Timestamp) {
        let mut of_name = self.attempts(AccountKey::Name(name), now);
        let window = of_name.window();
        for failure in of_name.take_failures_after(sequence) {
            self.update(AccountKey::Person(person), now, |attempts| attempts.fail(failure, window, failure.earliest_begin()));
        }
    }

    /// Queues the failures of an account to be written down.
    pub(super) fn note_failures(&mut self, account: AccountKey, now: Timestamp) {
        let attempts = self.attempts(account, now);
        let failures = attempts.failures(now).iter().map(|failure| (failure.at, failure.place)).collect();
        self.changes.push(ThrottleChange::Failures { account, failures, window: attempts.window() });
    }

    /// Whether there are failures of the account.
    pub(super) fn has_failures(&self, account: AccountKey, now: Timestamp) -> bool {
        !self.attempts(account, now).failures(now).is_empty()
    }

    /// Forgets the failures of an account.
    pub(super) fn release(&mut self, account: AccountKey, now: Timestamp) {
        self.update(account, now, |attempts| attempts.forget_before(u64::MAX));
        self.note_failures(account, now);
    }

    #[cfg(test)]
    pub(super) fn lengths(&self) -> [usize; 2] {
        [self.names.len(), self.persons.len()]
    }
}
