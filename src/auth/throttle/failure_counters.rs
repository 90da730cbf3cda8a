use std::time::Duration;

use super::budget::FailureBudget;
use super::expiring_map::ExpiringMap;
use super::limits::{AccountAttempts, AddressAttempts, FAMILIAR_FOR, PairAttempts, ThrottleReason};
use crate::domain::Timestamp;

/// The most entries of each map: room for a whole large company mistyping at once within half an hour, in some thirty
/// megabytes. When a map is full, what expires first goes first.
pub(super) const MAX_ENTRIES: usize = 1 << 16;

/// The counters of sign-in attempts, by hashes of names, persons and addresses.
pub(super) struct FailureCounters {
    /// By name. Anybody can make up names, and so fill this map.
    pub(super) names: ExpiringMap<u64, AccountAttempts>,
    /// By person. Nobody can make up those, so however many names a flood has, what counts against them stays.
    pub(super) persons: ExpiringMap<u64, AccountAttempts>,
    pub(super) addresses: ExpiringMap<u64, AddressAttempts>,
    /// By account and address.
    pub(super) pairs: ExpiringMap<(AccountKey, u64), PairAttempts>,
    /// The address from which each account last signed in.
    pub(super) familiar_addresses: ExpiringMap<AccountKey, u64>,
    /// The person of each name, just as it was typed.
    pub(super) name_owners: ExpiringMap<u64, u64>,
    last_sequence: u64,
}

/// The key of an account's counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum AccountKey {
    /// The hash of the name's skeleton.
    Name(u64),
    /// The hash of the person's id.
    Person(u64),
}

/// The origin of an attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct AttemptOrigin {
    /// The hash of the address, or of the network it is in.
    pub(super) address: u64,
    /// Whether the browser has a device cookie of the account's owner.
    pub(super) is_own_device: bool,
}

impl FailureCounters {
    pub(super) fn new() -> Self {
        Self {
            names: ExpiringMap::new(MAX_ENTRIES),
            persons: ExpiringMap::new(MAX_ENTRIES),
            addresses: ExpiringMap::new(MAX_ENTRIES),
            pairs: ExpiringMap::new(MAX_ENTRIES),
            familiar_addresses: ExpiringMap::new(MAX_ENTRIES),
            name_owners: ExpiringMap::new(MAX_ENTRIES),
            last_sequence: 0,
        }
    }

    /// The next sequence number, which orders events. Two can happen at the same time on the clock.
    pub(super) fn next_sequence(&mut self) -> u64 {
        self.last_sequence += 1;
        self.last_sequence
    }

    /// Checks whether one more attempt for the account may fail.
    pub(super) fn check_account(
        &self,
        account: AccountKey,
        budget: FailureBudget,
        origin: AttemptOrigin,
        now: Timestamp,
    ) -> Result<(), ThrottleReason> {
        self.check_attempts(self.account_attempts(account, now), account, budget, origin, now)
    }

    /// Checks an account whose attempts are given.
    pub(super) fn check_attempts(
        &self,
        attempts: AccountAttempts,
        account: AccountKey,
        budget: FailureBudget,
        origin: AttemptOrigin,
        now: Timestamp,
    ) -> Result<(), ThrottleReason> {
        let familiar = self.is_familiar(account, origin, now);
        let of_pair = self.pairs.get((account, origin.address), now).map_or(Ok(()), |pair| pair.check(budget, familiar, now));
        attempts.check(budget, familiar, now).and(of_pair)
    }

    pub(super) fn account_attempts(&self, account: AccountKey, now: Timestamp) -> AccountAttempts {
        let (map, key) = match account {
            AccountKey::Name(key) => (&self.names, key),
            AccountKey::Person(key) => (&self.persons, key),
        };
        map.get(key, now).unwrap_or_else(|| AccountAttempts::new(now))
    }

    pub(super) fn check_address(&self, address: u64, now: Timestamp) -> Result<(), ThrottleReason> {
        self.addresses.get(address, now).map_or(Ok(()), |attempts| attempts.check(now))
    }

    /// Whether the account's owner last signed in from there.
    pub(super) fn is_familiar(&self, account: AccountKey, origin: AttemptOrigin, now: Timestamp) -> bool {
        origin.is_own_device || self.familiar_addresses.get(account, now) == Some(origin.address)
    }

    pub(super) fn update_account(&mut self, account: AccountKey, now: Timestamp, change: impl FnOnce(&mut AccountAttempts)) {
        let mut attempts = self.account_attempts(account, now);
        change(&mut attempts);
        let (map, key) = match account {
            AccountKey::Name(key) => (&mut self.names, key),
            AccountKey::Person(key) => (&mut self.persons, key),
        };
        if attempts.expires_at() > now {
            map.insert(key, attempts, attempts.expires_at(), now);
        } else {
            map.remove(key);
        }
    }

    /// Records that a name, just as it was typed, is that person's.
    pub(super) fn record_owner(&mut self, typed_name: u64, person: AccountKey, now: Timestamp) {
        if let AccountKey::Person(person) = person {
            self.name_owners.insert(typed_name, person, now + FAMILIAR_FOR, now);
        }
    }

    /// Counts one more failure for the account from that address.
    pub(super) fn record_pair_failure(&mut self, account: AccountKey, address: u64, window: Duration, now: Timestamp) {
        let mut attempts = self.pairs.get((account, address), now).unwrap_or_else(PairAttempts::new);
        attempts.fail(window, now);
        self.pairs.insert((account, address), attempts, attempts.expires_at(), now);
    }

    pub(super) fn update_address(&mut self, address: u64, now: Timestamp, change: impl FnOnce(&mut AddressAttempts)) {
        let mut attempts = self.addresses.get(address, now).unwrap_or_else(|| AddressAttempts::new(now));
        change(&mut attempts);
        if attempts.expires_at() > now {
            self.addresses.insert(address, attempts, attempts.expires_at(), now);
        } else {
            self.addresses.remove(address);
        }
    }
}
