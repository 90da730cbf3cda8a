//! Limits on failed sign-ins, asked before any LDAP traffic.
//!
//! Two books are kept: failures for each account's name, and failures from each address. The first keeps below the
//! directory's own lockout, so that nobody can lock a colleague's account through this program; the second slows
//! down whoever tries one name after the other. An account's limit never blocks the address from which its owner
//! last signed in well. The books are in memory, bounded, and hold no names; a restart opens new ones.
//!
//! The limits presume a directory that locks after five failures with an observation window of half an hour.

mod ledger;
mod limits;

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use unicode_normalization::UnicodeNormalization;

use crate::domain::{Clock, NameForm, Timestamp, Username};
use ledger::Ledger;
use limits::{AccountFailures, AddressFailures};

/// Names and addresses of the past half hour: room for a whole large company mistyping at once, in some three
/// megabytes. When it is full, those nearest to being forgotten go first.
const MOST_ENTRIES: usize = 1 << 16;

/// An address stays familiar this long after the last good sign-in: a fortnight's holiday and then some.
const FAMILIAR_FOR: Duration = Duration::from_hours(30 * 24);

/// The limits and what counts against them.
pub(super) struct Throttle {
    clock: Arc<dyn Clock>,
    /// Names and addresses are kept as hashes with a key of this process: of one size, and unpredictable from outside.
    hasher: RandomState,
    books: Mutex<Books>,
}

struct Books {
    accounts: Ledger<AccountFailures>,
    addresses: Ledger<AddressFailures>,
    /// The address from which each account last signed in well.
    familiar: Ledger<u64>,
}

/// The leave to ask the directory once. The try is counted as a failure from the start, so that many at once, or one
/// that is given up half-way, do not slip through; dropping the permit leaves it at that.
#[must_use]
pub(super) struct Permit<'a> {
    throttle: &'a Throttle,
    account: u64,
    address: u64,
}

impl Throttle {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let books = Books {
            accounts: Ledger::new(MOST_ENTRIES),
            addresses: Ledger::new(MOST_ENTRIES),
            familiar: Ledger::new(MOST_ENTRIES),
        };
        Self { clock, hasher: RandomState::new(), books: Mutex::new(books) }
    }

    /// Leave to try, or how long until there is.
    pub(super) fn admit(&self, username: &Username, address: Option<IpAddr>) -> Result<Permit<'_>, Duration> {
        let account = self.hasher.hash_one(skeleton(username));
        let address = self.hasher.hash_one(address.map(network));
        let now = self.clock.now();
        let mut books = self.books();
        let mut of_account = books.accounts.get(account, now).unwrap_or_else(|| AccountFailures::none(now));
        let mut of_address = books.addresses.get(address, now).unwrap_or_else(|| AddressFailures::none(now));
        let familiar = books.familiar.get(account, now) == Some(address);
        let wait =
            if familiar { of_account.wait_when_familiar(now) } else { of_account.wait(now).max(of_address.wait(now)) };
        if !wait.is_zero() {
            return Err(wait);
        }
        of_account.count(now);
        of_address.count(now);
        books.accounts.put(account, of_account, of_account.until(), now);
        books.addresses.put(address, of_address, of_address.until(), now);
        Ok(Permit { throttle: self, account, address })
    }

    /// A panic elsewhere leaves the books whole: at worst one try is counted that was not made.
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl Permit<'_> {
    /// The person proved who they are: the account starts afresh (as it does in the directory), and the address is
    /// now familiar. The address's other failures stay: one's own account must not wash away tries on others'.
    pub(super) fn proved(self) {
        let now = self.throttle.now();
        let mut books = self.throttle.books();
        books.accounts.remove(self.account);
        take_back_from_address(&mut books, self.address, now);
        books.familiar.put(self.account, self.address, now + FAMILIAR_FOR, now);
    }

    /// The password was right and the directory declined all the same: no guess, so it does not count against the
    /// account. The directory was asked, so it does count against the address.
    pub(super) fn declined(self) {
        let now = self.throttle.now();
        take_back_from_account(&mut self.throttle.books(), self.account, now);
    }

    /// The directory could not be asked: nothing counts.
    pub(super) fn not_asked(self) {
        let now = self.throttle.now();
        let mut books = self.throttle.books();
        take_back_from_account(&mut books, self.account, now);
        take_back_from_address(&mut books, self.address, now);
    }
}

fn take_back_from_account(books: &mut Books, account: u64, now: Timestamp) {
    if let Some(mut failures) = books.accounts.get(account, now) {
        failures.take_back();
        books.accounts.put(account, failures, failures.until(), now);
    }
}

fn take_back_from_address(books: &mut Books, address: u64, now: Timestamp) {
    if let Some(mut failures) = books.addresses.get(address, now) {
        failures.take_back();
        books.addresses.put(address, failures, failures.until(), now);
    }
}

/// What all spellings of an account's name have in common.
///
/// `alice`, `CORP\alice` and `alice@corp.example.com` are one account, and Active Directory compares names without
/// regard to case, accents, width and white space. If each spelling had a budget of its own, a few of them would add
/// up to a lockout. Two names that differ only so share a budget, which harms neither much.
fn skeleton(username: &Username) -> String {
    let name = match username.form() {
        NameForm::Bare(name) | NameForm::Principal { name, .. } | NameForm::DownLevel { name, .. } => name,
    };
    // Upper case first: it makes "ß" and "SS" one, as the directory does.
    let folded = |text: &str| text.to_uppercase().to_lowercase();
    let letters: String = folded(name).nfkd().filter(|c| c.is_alphanumeric()).collect();
    if letters.is_empty() { folded(name) } else { folded(&letters) }
}

/// Whoever has one IPv6 address has the 64 bits below it as well (RFC 6177), so those count as one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests;
