use super::budget::Budget;
use super::ledger::Ledger;
use super::limits::{AccountTries, AddressTries, Held};
use crate::domain::Timestamp;

/// Names and addresses of the past half hour: room for a whole large company mistyping at once, in some thirty
/// megabytes. When a book is full, what is nearest to being forgotten goes first.
pub(super) const MOST_ENTRIES: usize = 1 << 16;

/// What has been tried, by hashes of names, persons and addresses.
pub(super) struct Books {
    pub(super) accounts: Ledger<AccountTries>,
    pub(super) addresses: Ledger<AddressTries>,
    /// The address from which each account last signed in well.
    pub(super) familiar: Ledger<u64>,
    /// Whom each name, just as it was typed, turned out to be.
    pub(super) people: Ledger<u64>,
    moments: u64,
}

impl Books {
    pub(super) fn new() -> Self {
        Self {
            accounts: Ledger::new(MOST_ENTRIES),
            addresses: Ledger::new(MOST_ENTRIES),
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

    pub(super) fn account_room(&self, account: u64, budget: Budget, address: u64, now: Timestamp) -> Result<(), Held> {
        self.account(account, now).room(budget, self.is_familiar(account, address, now), now)
    }

    pub(super) fn account(&self, account: u64, now: Timestamp) -> AccountTries {
        self.accounts.get(account, now).unwrap_or_else(|| AccountTries::none(now))
    }

    pub(super) fn address_room(&self, address: u64, now: Timestamp) -> Result<(), Held> {
        self.addresses.get(address, now).map_or(Ok(()), |tries| tries.room(now))
    }

    pub(super) fn is_familiar(&self, account: u64, address: u64, now: Timestamp) -> bool {
        self.familiar.get(account, now) == Some(address)
    }

    pub(super) fn change_account(&mut self, account: u64, now: Timestamp, change: impl FnOnce(&mut AccountTries)) {
        let mut tries = self.account(account, now);
        change(&mut tries);
        if tries.until() > now {
            self.accounts.put(account, tries, tries.until(), now);
        } else {
            self.accounts.remove(account);
        }
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
