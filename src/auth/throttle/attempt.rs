use super::account_attempts::{FailedAttempt, PendingAttempt};
use super::account_counters::AccountCounters;
use super::account_key::{AccountKey, NameKey, NameKeys, NetworkKey, PasswordMark, PersonKey, ServerKey};
use super::device_cookie::VerifiedDevice;
use super::failure_counters::FailureCounters;
use super::known_people::NameOwners;
use super::place::Place;
use super::reason::ThrottleReason;
use super::store::AccountScope;
use crate::directory::{FailureBudget, LockoutInfo};
use crate::domain::{Realm, Timestamp};

/// An attempt, by what is known before the directory is asked.
#[derive(Clone)]
pub(super) struct Attempt {
    pub(super) name: NameKeys,
    /// When it began, by the clock that accounts are counted by.
    pub(super) began_at: Timestamp,
    /// The key of the name in the network it comes from.
    pub(super) name_here: NameKey,
    /// The realm that the name is looked for in.
    pub(super) realm: Realm,
    pub(super) lockout: LockoutInfo,
    pub(super) password: Option<PasswordMark>,
    /// The networks it comes from, the narrowest first, each with its multiple of an address's share.
    pub(super) networks: Vec<(u64, usize)>,
    /// The key of the narrowest.
    pub(super) network: NetworkKey,
    /// The browser's device cookie, if it is one of ours.
    pub(super) device: Option<VerifiedDevice>,
    /// Whether the cookie's owner had this very name.
    pub(super) is_name_of_device: bool,
}

impl Attempt {
    /// How familiar the place is to that person.
    pub(super) fn place(&self, person: PersonKey, counters: &FailureCounters<'_>, now: Timestamp) -> Place {
        if self.device.as_ref().is_some_and(|device| device.owner == person) {
            Place::Own
        } else if counters.accounts.known.is_familiar(person, self.network, now) {
            Place::Familiar
        } else {
            Place::Unfamiliar
        }
    }

    /// The place of each of the people whom the name may be of. What only has the letters of somebody's name may be another
    /// account's, whose owner this is not.
    fn places(&self, counters: &FailureCounters<'_>, now: Timestamp) -> Vec<(PersonKey, Place)> {
        let NameOwners { people, is_exact } = self.owners(counters, now);
        let place = |person| if is_exact { self.place(person, counters, now) } else { Place::Unfamiliar };
        people.into_iter().map(|person| (person, place(person))).collect()
    }

    /// The owner of the browser, where the name is one of theirs.
    pub(super) fn familiar_owner(&self, counters: &FailureCounters<'_>, now: Timestamp) -> Option<PersonKey> {
        let owner = self.device.as_ref()?.owner;
        let owners = counters.accounts.known.owners(self.name, now);
        (self.is_name_of_device || owners.is_exact && owners.people.contains(&owner)).then_some(owner)
    }

    /// The accounts of the name.
    pub(super) fn scope(&self) -> AccountScope {
        AccountScope {
            names: vec![self.name],
            name_here: self.name_here,
            persons: self.device.iter().map(|device| device.owner).collect(),
            network: self.network,
            needs_policy: self.lockout.policy.is_none(),
            is_admitted: false,
        }
    }

    /// An account and the narrowest network.
    pub(super) fn pair(&self, account: AccountKey) -> (AccountKey, u64) {
        (account, self.networks.first().map_or(0, |(network, _)| *network))
    }

    pub(super) fn of_name(&self) -> AccountKey {
        AccountKey::Name(self.name.skeleton)
    }

    pub(super) fn name_budget(&self) -> FailureBudget {
        FailureBudget::for_name(self.lockout)
    }

    /// The people whom the name may be of.
    fn owners(&self, counters: &FailureCounters<'_>, now: Timestamp) -> NameOwners {
        let owners = counters.accounts.known.owners(self.name, now);
        match &self.device {
            Some(device) if !owners.is_exact && self.is_name_of_device => {
                NameOwners { people: vec![device.owner], is_exact: true }
            }
            _ => owners,
        }
    }

    /// Counts an attempt that was not made, as one would be told of it: by the `account` that strangers are told of.
    pub(super) fn withhold(&self, account: AccountKey, counters: &mut FailureCounters<'_>, now: Timestamp) {
        let failure = FailedAttempt {
            sequence: counters.accounts.next_sequence(),
            at: now,
            place: Place::Unfamiliar,
            password: self.password,
            is_wrong: false,
            judge: None,
        };
        counters.record_failure(self.pair(account), failure, self.name_budget().window, now);
    }
}

/// The accounts that an attempt counts against.
#[derive(Clone)]
pub(super) struct CountedAccounts {
    /// The account that it counts against as a stranger's, unless it comes from an owner's own browser.
    pub(super) name: Option<AccountKey>,
    pub(super) persons: Vec<CountedPerson>,
}

/// A person that an attempt counts against.
#[derive(Clone, Copy)]
pub(super) struct CountedPerson {
    pub(super) person: PersonKey,
    pub(super) place: Place,
    pub(super) budget: FailureBudget,
    /// The server that judges the password, where it is known.
    pub(super) judge: Option<ServerKey>,
}

impl CountedAccounts {
    /// Notes the attempt that has this `permit` as pending.
    pub(super) fn begin(&self, permit: u64, attempt: &Attempt, accounts: &mut AccountCounters, now: Timestamp) {
        let name = self.name.map(|name| (name, Place::Unfamiliar, attempt.name_budget().window));
        let person = |counted: &CountedPerson| (AccountKey::Person(counted.person), counted.place, counted.budget.window);
        for (account, place, window) in name.into_iter().chain(self.persons.iter().map(person)) {
            let pending = PendingAttempt { permit, password: attempt.password, place, began_at: now, window };
            accounts.update(account, now, |attempts| attempts.begin(pending));
        }
    }

    /// Whether the attempt that has this `permit` may be pending: it is not where there are accounts, and none of them has it.
    pub(super) fn may_be_pending(&self, permit: u64, accounts: &AccountCounters, now: Timestamp) -> bool {
        let persons = self.persons.iter().map(|counted| AccountKey::Person(counted.person));
        let mut counted = self.name.into_iter().chain(persons).peekable();
        counted.peek().is_none() || counted.any(|account| accounts.attempts(account, now).is_pending(permit))
    }

    /// Forgets that it is pending.
    pub(super) fn end(&self, permit: u64, accounts: &mut AccountCounters, now: Timestamp) {
        let persons = self.persons.iter().map(|counted| AccountKey::Person(counted.person));
        for account in self.name.into_iter().chain(persons) {
            accounts.update(account, now, |attempts| attempts.end(permit));
        }
    }
}

impl Attempt {
    /// Checks what strangers are told of, where this is not the browser of somebody who has the name: the account that it then
    /// counts against.
    pub(super) fn check_as_told(
        &self,
        counters: &FailureCounters<'_>,
        now: Timestamp,
    ) -> Result<Option<AccountKey>, ThrottleReason> {
        let is_own = self.places(counters, now).iter().any(|(_, place)| *place == Place::Own);
        if is_own { Ok(None) } else { self.check_as_stranger(counters, now).map(Some) }
    }

    /// Checks the attempt, which counts against `name` as a stranger's; the accounts that it counts against.
    pub(super) fn check(
        &self,
        name: Option<AccountKey>,
        counters: &FailureCounters<'_>,
        now: Timestamp,
    ) -> Result<CountedAccounts, ThrottleReason> {
        // Where the directory shows the person before the bind, their count is checked then, by what it tells of them, and so
        // is the password: a name that was nobody's may be somebody's by now.
        if self.lockout.identifies_before_bind {
            return Ok(CountedAccounts { name, persons: Vec::new() });
        }
        let places = self.places(counters, now);
        let persons = self.persons(&places, counters, now);
        if persons.is_empty() {
            counters.accounts.attempts(self.of_name(), now).check_password(self.password, now)?;
        }
        // The tries of the network are for those who have signed in from there.
        let is_spent = name.is_some_and(|name| name != self.of_name());
        if is_spent && places.iter().all(|(_, place)| *place == Place::Unfamiliar) {
            self.tell_stranger(Err(ThrottleReason::Withheld), Place::Unfamiliar, counters, now)?;
        }
        for counted in &persons {
            let account = AccountKey::Person(counted.person);
            let attempts = counters.accounts.attempts(account, now);
            let checked = attempts.check_password(self.password, now);
            let checked =
                checked.and_then(|()| counters.check(&attempts, self.pair(account), counted.budget, counted.place, now));
            self.tell_stranger(checked, counted.place, counters, now)?;
        }
        Ok(CountedAccounts { name, persons })
    }

    /// Checks what strangers are told of: the tries for this name, and from these networks. The account that the attempt then counts
    /// against: the name, or, when its tries are used up, the name in this network. That has some of its own wherever anybody has
    /// signed in, so that it shows nobody who.
    pub(super) fn check_as_stranger(
        &self,
        counters: &FailureCounters<'_>,
        now: Timestamp,
    ) -> Result<AccountKey, ThrottleReason> {
        let is_familiar = counters.accounts.known.is_familiar_network(self.network, now);
        let check = |account, budget| counters.accounts.attempts(account, now).check(budget, Place::Unfamiliar, now);
        let (name, here) = (self.of_name(), AccountKey::Name(self.name_here));
        let account = match check(name, self.name_budget()) {
            Err(exhausted @ ThrottleReason::Exhausted(_)) if is_familiar => {
                check(here, FailureBudget::of_familiar_network(self.lockout).ok_or(exhausted)?)?;
                here
            }
            checked => checked.map(|()| name)?,
        };
        if is_familiar {
            // As its owner waits there.
            counters.check_pair(self.pair(account), FailureBudget::for_person(self.lockout.policy), Place::Familiar, now)?;
        } else {
            counters.check_pair(self.pair(account), self.name_budget(), Place::Unfamiliar, now)?;
        }
        counters.networks.check(&self.networks, counters.local_now)?;
        Ok(account)
    }

    /// Anywhere but in a person's own browser, what keeps their attempt from being made is told as a wrong password, and counts as
    /// one for the name, until as many are used up as for a name that nobody has: two names of one person would be told for such
    /// otherwise, and so would the network of their last sign-in. The same password again for the same name costs nothing, as ever.
    pub(super) fn tell_stranger(
        &self,
        checked: Result<(), ThrottleReason>,
        place: Place,
        counters: &FailureCounters<'_>,
        now: Timestamp,
    ) -> Result<(), ThrottleReason> {
        let Err(reason) = checked else { return Ok(()) };
        if place == Place::Own || reason == ThrottleReason::Pending {
            return Err(reason);
        }
        if self.is_remembered(counters, now) {
            return Err(ThrottleReason::SamePassword);
        }
        Err(if reason == ThrottleReason::NearLockout { reason } else { ThrottleReason::Withheld })
    }

    /// Whether the same password was tried for this name before, whatever came of it.
    pub(super) fn is_remembered(&self, counters: &FailureCounters<'_>, now: Timestamp) -> bool {
        let remembers = |password| {
            [self.of_name(), AccountKey::Name(self.name_here)]
                .into_iter()
                .any(|account| counters.accounts.attempts(account, now).remembers(password, now, |_| true))
        };
        self.password.is_some_and(remembers)
    }

    fn persons(&self, places: &[(PersonKey, Place)], counters: &FailureCounters<'_>, now: Timestamp) -> Vec<CountedPerson> {
        let counted = |(person, place): &(PersonKey, Place)| {
            let of_person = counters.accounts.known.person(*person, now).and_then(|known| known.policy);
            // What was told of them may be old: the domain's policy may have become stricter.
            let budgets =
                [of_person, self.lockout.policy].into_iter().flatten().map(|policy| FailureBudget::for_person(Some(policy)));
            let budget = budgets.min_by_key(|budget| budget.total).unwrap_or_else(|| FailureBudget::for_person(None));
            CountedPerson { person: *person, place: *place, budget, judge: None }
        };
        places.iter().map(counted).collect()
    }
}
