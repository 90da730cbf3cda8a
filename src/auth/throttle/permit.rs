use std::sync::{Mutex, PoisonError};

use super::books::{Account, Whence};
use super::budget::Budget;
use super::device::{DeviceMark, Owner};
use super::limits::{AccountTries, Failure, Held};
use super::{FAMILIAR_FOR, Throttle};
use crate::directory::BindCandidate;
use crate::domain::PersonId;

/// The leave to ask the directory once. As long as it is held the try is under way; dropping it makes the try a
/// failure, so that one that is given up half-way, when the directory may have counted it, does not slip through.
#[must_use]
pub(in crate::auth) struct Permit<'a> {
    pub(super) throttle: &'a Throttle,
    /// What all spellings of the name have in common.
    pub(super) account: Account,
    pub(super) budget: Budget,
    /// The name just as it was typed.
    pub(super) typed: u64,
    pub(super) from: Whence,
    /// What the browser keeps of who signed in well in it.
    pub(super) device: Option<DeviceMark>,
    /// When it was given, in the throttle's own order.
    pub(super) moment: u64,
    /// Whose account it is, as far as that is known, once the try counts against them.
    pub(super) person: Mutex<Option<Whose>>,
    pub(super) settled: bool,
}

/// The person a try counts against.
#[derive(Clone, Copy)]
pub(super) struct Whose {
    pub(super) person: Account,
    pub(super) budget: Budget,
}

/// What a try came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Proved,
    Declined,
    NotAsked,
    Failed,
}

impl Permit<'_> {
    /// The directory found out whose account it is, before the bind: from here on the try counts against that person
    /// too, whichever of their names was typed. Waits a little while other tries for them are under way.
    ///
    /// # Errors
    /// [`Held`] when that person's tries are used up, here or by the directory's own count; the password must not be
    /// sent then.
    pub(in crate::auth) async fn found(&self, who: &BindCandidate) -> Result<(), Held> {
        let person = self.throttle.person(&who.id);
        self.throttle.patiently(|| self.try_found(who, person)).await
    }

    /// The person proved who they are: the account starts afresh (as it does in the directory), and the address is
    /// now familiar. The address's other failures stay: one's own account must not wash away tries on others'.
    ///
    /// What failed while this try was under way stays too, since the directory may have counted it afterwards; so
    /// does what failed for a name like this one that is not known to be the same person's.
    pub(in crate::auth) fn proved(mut self, id: &PersonId) {
        let now = self.throttle.clock.now();
        let person = self.known().map_or_else(|| self.throttle.person(id), |whose| whose.person);
        self.settle(Outcome::Proved);
        let mut books = self.throttle.books();
        books.know(self.typed, person, now);
        let (typed, moment) = (self.typed, self.moment);
        for account in [self.account, person] {
            let mut tries = books.account(account, now);
            let same = |name| name == typed || books.people.get(name, now).map(Account::Person) == Some(person);
            tries.forgive(|failure| failure.moment < moment && same(failure.typed));
            books.change_account(account, now, |kept| *kept = tries);
            books.pairs.remove((account, self.from.address));
            books.familiar.put(account, self.from.address, now + FAMILIAR_FOR, now);
        }
    }

    /// The directory was asked, and the try was no guess: the password was right and it declined all the same, or it was
    /// not sent. It does not count against the account, but against the address.
    pub(in crate::auth) fn declined(mut self) {
        self.settle(Outcome::Declined);
    }

    /// Leave to bind was withheld, for this reason, so the password was not sent. Near a lockout it took a search of the
    /// directory to know, which nobody may have for nothing again and again.
    pub(in crate::auth) fn withheld(self, held: Held) {
        match held {
            Held::NearLockout => self.declined(),
            Held::Pending | Held::Spent(_) => self.not_asked(),
        }
    }

    /// The password was not sent: nothing counts.
    pub(in crate::auth) fn not_asked(mut self) {
        self.settle(Outcome::NotAsked);
    }

    fn try_found(&self, who: &BindCandidate, person: Account) -> Result<(), Held> {
        let now = self.throttle.clock.now();
        let budget = Budget::of_person(who.policy);
        let mut known = self.person.lock().unwrap_or_else(PoisonError::into_inner);
        let mut books = self.throttle.books();
        let is_counted = known.is_some_and(|whose| whose.person == person);
        let tries = books.account(person, now);
        let tries = if is_counted { tries.for_one_of_them() } else { tries };
        let owns = |mark: &DeviceMark| self.throttle.keys.is_device_of(mark, Owner::Person(&who.id), now);
        let from = Whence { is_own_device: self.device.as_ref().is_some_and(owns), ..self.from };
        books.room_of(tries, person, budget, from, now)?;
        if let (Some(policy), Some(count)) = (who.policy, who.failures)
            && policy.threshold > 0
        {
            tries.room_there(count, policy.threshold, self.moment, now)?;
        }
        let before = known.replace(Whose { person, budget });
        if !is_counted {
            // The name was somebody else's before.
            if let Some(other) = before {
                books.change_account(other.person, now, AccountTries::end);
            }
            books.change_account(person, now, |tries| tries.begin(now));
        }
        books.know(self.typed, person, now);
        Ok(())
    }

    fn known(&self) -> Option<Whose> {
        *self.person.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&mut self, outcome: Outcome) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        let now = self.throttle.clock.now();
        let known = self.known();
        let mut books = self.throttle.books();
        let failure = Failure { moment: books.moment(), typed: self.typed };
        for account in [Some(self.account), known.map(|whose| whose.person)].into_iter().flatten() {
            books.change_account(account, now, AccountTries::end);
        }
        if outcome == Outcome::Failed {
            // Another try may have shown meanwhile whose name this is.
            let shown = || {
                books
                    .people
                    .get(self.typed, now)
                    .map(|person| Whose { person: Account::Person(person), budget: self.budget })
            };
            let person = known.or_else(shown).map(|whose| (whose.person, whose.budget.window));
            for (account, window) in [Some((self.account, self.budget.window)), person].into_iter().flatten() {
                books.change_account(account, now, |tries| tries.fail(failure, window, now));
                books.fail_pair(account, self.from.address, window, now);
            }
        }
        books.change_address(self.from.address, now, |tries| {
            tries.end();
            if matches!(outcome, Outcome::Failed | Outcome::Declined) {
                tries.fail(now);
            }
        });
        drop(books);
        self.throttle.settled.notify_waiters();
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.settle(Outcome::Failed);
    }
}
