//! Limits on failed sign-ins, asked before any LDAP traffic.
//!
//! Two books are kept: failures for each account, and failures from each address. The first keeps below the
//! directory's own lockout, so that nobody can lock a colleague's account through this program; the second slows
//! down whoever tries one name after the other. An account's limit never blocks the address from which its owner
//! last signed in well. The books are in memory, bounded, and hold no names; a restart opens new ones.
//!
//! A try under way is no failure yet: others for the same account wait for its end, as it may use up what is left.
//! So failures that reach the directory stay within the limit however many come at once, and nobody is sent away
//! because they signed in with many windows at the same time.
//!
//! An account is known by what all spellings of a name have in common, and by the person behind it. Where the
//! directory shows people before they bind (with a service account, or to anonymous searches) the person is known
//! before any password is sent, so two names of one account (`jdoe` and `john.doe@corp.example.com`) share one
//! limit. Where it does not, a name is known to be somebody's once they signed in with it, in this process and for
//! [`FAMILIAR_FOR`]; until then each of two such names has a limit of its own, and together they can reach a lockout
//! after five. Only a service account closes that gap.
//!
//! The limits presume a directory that locks after five failures with an observation window of half an hour.

mod books;
mod ledger;
mod limits;
mod permit;

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use unicode_normalization::UnicodeNormalization;

use crate::domain::{Clock, NameForm, PersonId, Username};
use books::Books;
pub(super) use limits::Held;
pub(super) use permit::Permit;

/// An address stays familiar this long after the last good sign-in: a fortnight's holiday and then some. So long,
/// too, is it remembered whose name a name is.
const FAMILIAR_FOR: Duration = Duration::from_hours(30 * 24);

/// How long a try waits for others under way to end. A directory that answers needs some tens of milliseconds for
/// each; beyond this the browser's patience ends too.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many tries wait at the same time: far more than one person's windows, and too few to matter in memory.
const MOST_WAITING: usize = 256;

/// The limits and what counts against them.
pub(super) struct Throttle {
    clock: Arc<dyn Clock>,
    /// Names and addresses are kept as hashes with a key of this process: of one size, and unpredictable from outside.
    hasher: RandomState,
    books: Mutex<Books>,
    /// Tells those who wait that a try has ended.
    settled: Notify,
    waiting: Semaphore,
}

impl Throttle {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            hasher: RandomState::new(),
            books: Mutex::new(Books::new()),
            settled: Notify::new(),
            waiting: Semaphore::new(MOST_WAITING),
        }
    }

    /// Leave to try. Waits a little while other tries, that are under way, may use up what is left.
    ///
    /// # Errors
    /// [`Held::Spent`] when there were too many failures, [`Held::Pending`] when the others did not end in time.
    pub(super) async fn admit(&self, username: &Username, address: Option<IpAddr>) -> Result<Permit<'_>, Held> {
        self.patiently(|| self.try_admit(username, address)).await
    }

    fn try_admit(&self, username: &Username, address: Option<IpAddr>) -> Result<Permit<'_>, Held> {
        let account = self.hasher.hash_one(("account", skeleton(username)));
        let typed = self.hasher.hash_one(("typed", username.as_str().to_lowercase()));
        let address = self.hasher.hash_one(address.map(network));
        let now = self.clock.now();
        let mut books = self.books();
        let person = books.people.get(typed, now);
        let accounts = || [Some(account), person].into_iter().flatten();
        let of_accounts = accounts().filter_map(|account| books.account_room(account, address, now).err()).max();
        let of_address =
            if books.is_familiar(account, address, now) { None } else { books.address_room(address, now).err() };
        if let Some(held) = of_accounts.max(of_address) {
            return Err(held);
        }
        for account in accounts() {
            books.change_account(account, now, |tries| tries.begin(now));
        }
        books.change_address(address, now, |tries| tries.begin(now));
        let moment = books.moment();
        Ok(Permit { throttle: self, account, typed, address, moment, person: Mutex::new(person), settled: false })
    }

    /// Tries again whenever a try has ended, as long as that may help and patience lasts.
    async fn patiently<T>(&self, mut attempt: impl FnMut() -> Result<T, Held>) -> Result<T, Held> {
        let mut impatient = self.clock.sleep(PATIENCE);
        let mut place = None;
        loop {
            // Made before the attempt, so that an end between the two is not missed.
            let settled = self.settled.notified();
            match attempt() {
                Err(Held::Pending) => {}
                decided => return decided,
            }
            if place.is_none() {
                place = Some(self.waiting.try_acquire().map_err(|_| Held::Pending)?);
            }
            tokio::select! {
                () = settled => {}
                () = &mut impatient => return Err(Held::Pending),
            }
        }
    }

    fn person(&self, id: &PersonId) -> u64 {
        self.hasher.hash_one(("person", id))
    }

    /// A panic elsewhere leaves the books whole: at worst one try is counted that was not made.
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
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
