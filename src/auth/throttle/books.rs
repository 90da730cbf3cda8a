use std::time::Duration;

use super::FAMILIAR_FOR;
use super::budget::Budget;
use super::ledger::Ledger;
use super::limits::{AccountTries, AddressTries, Held, PairTries};
use crate::domain::Timestamp;

/// Names and addresses of the past half hour: room for a whole large company mistyping at once, in some thirty
/// megabytes. When a book is full, what is nearest to being forgotten goes first.
pub(super) const MOST_ENTRIES: usize = 1 << 16;

/// What has been tried, by hashes of names, persons and addresses.
pub(super) struct Books {
    /// By name. Anybody can make up names, and so fill this book.
    pub(super) names: Ledger<u64, AccountTries>,
    /// By person. Nobody can make up those, so however many names a flood has, what counts against them stays.
    pub(super) persons: Ledger<u64, AccountTries>,
    pub(super) addresses: Ledger<u64, AddressTries>,
    /// By account and address.
    pub(super) pairs: Ledger<(Account, u64), PairTries>,
    /// The address from which each account last signed in well.
    pub(super) familiar: Ledger<Account, u64>,
    /// Whom each name, just as it was typed, turned out to be.
    pub(super) people: Ledger<u64, u64>,
    moments: u64,
}

/// What a try counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Account {
    /// What all spellings of a name have in common.
    Name(u64),
    /// Who it is.
    Person(u64),
}

/// Where a try comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whence {
    /// The address, or the network it is in.
    pub(super) address: u64,
    /// Whether the browser shows that the account's owner signed in well in it.
    pub(super) is_own_device: bool,
}

impl Books {
    pub(super) fn new() -> Self {
        Self {
            names: Ledger::new(MOST_ENTRIES),
            persons: Ledger::new(MOST_ENTRIES),
            addresses: Ledger::new(MOST_ENTRIES),
            pairs: Ledger::new(MOST_ENTRIES),
            familiar: Ledger::new(MOST_ENTRIES),
            people: Ledger::new(MOST_ENTRIES),
            moments: 0,
        }
    }

    /// The next place in the order of what happens here. Two things can happen at the same time on the clock.
    pub(super) fn moment(&mut self) -> u64 {
        self.moments += 1;
        self.moments
    }

    /// Whether one more try for the account could fail.
    pub(super) fn account_room(
        &self,
        account: Account,
        budget: Budget,
        from: Whence,
        now: Timestamp,
    ) -> Result<(), Held> {
        self.room_of(self.account(account, now), account, budget, from, now)
    }

    /// The same, its tries being these.
    pub(super) fn room_of(
        &self,
        tries: AccountTries,
        account: Account,
        budget: Budget,
        from: Whence,
        now: Timestamp,
    ) -> Result<(), Held> {
        let familiar = self.is_familiar(account, from, now);
        let of_pair =
            self.pairs.get((account, from.address), now).map_or(Ok(()), |pair| pair.room(budget, familiar, now));
        tries.room(budget, familiar, now).and(of_pair)
    }

    pub(super) fn account(&self, account: Account, now: Timestamp) -> AccountTries {
        let (book, key) = match account {
            Account::Name(key) => (&self.names, key),
            Account::Person(key) => (&self.persons, key),
        };
        book.get(key, now).unwrap_or_else(|| AccountTries::none(now))
    }

    pub(super) fn address_room(&self, address: u64, now: Timestamp) -> Result<(), Held> {
        self.addresses.get(address, now).map_or(Ok(()), |tries| tries.room(now))
    }

    /// Whether the account's owner last signed in well from there.
    pub(super) fn is_familiar(&self, account: Account, from: Whence, now: Timestamp) -> bool {
        from.is_own_device || self.familiar.get(account, now) == Some(from.address)
    }

    pub(super) fn change_account(&mut self, account: Account, now: Timestamp, change: impl FnOnce(&mut AccountTries)) {
        let mut tries = self.account(account, now);
        change(&mut tries);
        let (book, key) = match account {
            Account::Name(key) => (&mut self.names, key),
            Account::Person(key) => (&mut self.persons, key),
        };
        if tries.until() > now { book.put(key, tries, tries.until(), now) } else { book.remove(key) }
    }

    /// The name, just as it was typed, is that person's.
    pub(super) fn know(&mut self, typed: u64, person: Account, now: Timestamp) {
        if let Account::Person(person) = person {
            self.people.put(typed, person, now + FAMILIAR_FOR, now);
        }
    }

    /// One more failure for the account from that address.
    pub(super) fn fail_pair(&mut self, account: Account, address: u64, window: Duration, now: Timestamp) {
        let mut tries = self.pairs.get((account, address), now).unwrap_or_else(PairTries::none);
        tries.fail(window, now);
        self.pairs.put((account, address), tries, tries.until(), now);
    }

    pub(super) fn change_address(&mut self, address: u64, now: Timestamp, change: impl FnOnce(&mut AddressTries)) {
        let mut tries = self.addresses.get(address, now).unwrap_or_else(|| AddressTries::none(now));
        change(&mut tries);
        if tries.until() > now {
            self.addresses.put(address, tries, tries.until(), now);
        } else {
            self.addresses.remove(address);
        }
    }
}
