use super::account_attempts::{FailedAttempt, PasswordMark};
use super::account_key::{AccountKey, NameKeys, NetworkKey, PersonKey};
use super::device_cookie::VerifiedDevice;
use super::failure_counters::FailureCounters;
use super::limits::AddressAttempts;
use super::place::Place;
use super::reason::ThrottleReason;
use crate::directory::{FailureBudget, LockoutInfo};
use crate::domain::Timestamp;

/// An attempt, by what is known before the directory is asked.
pub(super) struct Attempt {
    pub(super) name: NameKeys,
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
    pub(super) fn place(&self, person: PersonKey, counters: &FailureCounters, now: Timestamp) -> Place {
        if self.device.as_ref().is_some_and(|device| device.owner == person) {
            Place::Own
        } else if counters.known.is_familiar(person, self.network, now) {
            Place::Familiar
        } else {
            Place::Unfamiliar
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
    fn owners(&self, counters: &FailureCounters, now: Timestamp) -> Vec<PersonKey> {
        let owners = counters.known.owners(self.name, now);
        match &self.device {
            Some(device) if owners.is_empty() && self.is_name_of_device => vec![device.owner],
            _ => owners,
        }
    }

    /// Counts an attempt that was not made, as a stranger would be told of one: by the name and the networks.
    pub(super) fn withhold(&self, counters: &mut FailureCounters, now: Timestamp) {
        let failure = FailedAttempt {
            sequence: counters.next_sequence(),
            at: now,
            place: Place::Unfamiliar,
            password: self.password,
            is_wrong: false,
        };
        counters.record_failure(self.pair(self.of_name()), failure, self.name_budget().window, now);
    }

    pub(super) fn update_networks(
        &self,
        counters: &mut FailureCounters,
        now: Timestamp,
        change: impl Fn(&mut AddressAttempts),
    ) {
        for (network, _) in &self.networks {
            let mut attempts = counters.networks.get(*network, now).copied().unwrap_or_else(|| AddressAttempts::new(now));
            change(&mut attempts);
            if attempts.expires_at() > now {
                counters.networks.insert(*network, attempts, attempts.expires_at(), now);
            } else {
                counters.networks.remove(*network);
            }
        }
    }
}

/// The accounts that an attempt counts against.
#[derive(Clone)]
pub(super) struct CountedAccounts {
    /// Whether it counts against the name: it comes from an unfamiliar place.
    pub(super) name: bool,
    pub(super) persons: Vec<CountedPerson>,
}

/// A person that an attempt counts against.
#[derive(Clone, Copy)]
pub(super) struct CountedPerson {
    pub(super) person: PersonKey,
    pub(super) place: Place,
    pub(super) budget: FailureBudget,
}

impl CountedAccounts {
    pub(super) fn begin(&self, attempt: &Attempt, counters: &mut FailureCounters, now: Timestamp) {
        for account in self.accounts(attempt) {
            counters.update(account, now, |attempts| attempts.begin(attempt.password, now));
        }
    }

    pub(super) fn end(&self, attempt: &Attempt, counters: &mut FailureCounters, now: Timestamp) {
        for account in self.accounts(attempt) {
            counters.update(account, now, |attempts| attempts.end(attempt.password));
        }
    }

    fn accounts(&self, attempt: &Attempt) -> impl Iterator<Item = AccountKey> {
        let name = self.name.then(|| attempt.of_name());
        name.into_iter().chain(self.persons.iter().map(|counted| AccountKey::Person(counted.person)))
    }
}

impl Attempt {
    /// Checks the attempt; the accounts that it counts against.
    pub(super) fn check(&self, counters: &FailureCounters, now: Timestamp) -> Result<CountedAccounts, ThrottleReason> {
        let owners = self.owners(counters, now);
        let place = |person| self.place(person, counters, now);
        let places: Vec<_> = owners.into_iter().map(|person| (person, place(person))).collect();
        let is_stranger = places.iter().all(|(_, place)| *place == Place::Unfamiliar);
        if is_stranger {
            self.check_as_stranger(counters, now)?;
        }
        // Where the directory shows the person before the bind, their count is checked then, by what it tells of them, and so
        // is the password: a name that was nobody's may be somebody's by now.
        let persons = if self.lockout.identifies_before_bind { Vec::new() } else { self.persons(&places, counters, now) };
        if persons.is_empty() && is_stranger && !self.lockout.identifies_before_bind {
            counters.attempts(self.of_name(), now).check_password(self.password, now)?;
        }
        for counted in &persons {
            let account = AccountKey::Person(counted.person);
            let attempts = counters.attempts(account, now);
            let checked = attempts.check_password(self.password, now);
            let checked =
                checked.and_then(|()| counters.check(&attempts, self.pair(account), counted.budget, counted.place, now));
            self.tell_stranger(checked, counted.place, counters, now)?;
        }
        Ok(CountedAccounts { name: is_stranger, persons })
    }

    /// Checks what strangers are told of: the tries for this name, and from these networks.
    pub(super) fn check_as_stranger(&self, counters: &FailureCounters, now: Timestamp) -> Result<(), ThrottleReason> {
        let name = self.of_name();
        counters.check(&counters.attempts(name, now), self.pair(name), self.name_budget(), Place::Unfamiliar, now)?;
        for (network, shares) in &self.networks {
            counters.networks.get(*network, now).map_or(Ok(()), |attempts| attempts.check(*shares, now))?;
        }
        Ok(())
    }

    /// From an unfamiliar place, what keeps a person's attempt from being made is told as a wrong password, and counts as one
    /// for the name, until as many are used up as for a name that nobody has: two names of one person would be told for such
    /// otherwise. The same password again for the same name costs nothing, as ever.
    pub(super) fn tell_stranger(
        &self,
        checked: Result<(), ThrottleReason>,
        place: Place,
        counters: &FailureCounters,
        now: Timestamp,
    ) -> Result<(), ThrottleReason> {
        let Err(reason) = checked else { return Ok(()) };
        if place != Place::Unfamiliar || reason == ThrottleReason::Pending {
            return Err(reason);
        }
        if self.is_remembered(counters, now) {
            return Err(ThrottleReason::SamePassword);
        }
        Err(if reason == ThrottleReason::NearLockout { reason } else { ThrottleReason::Withheld })
    }

    /// Whether the same password was tried for this name before, whatever came of it.
    pub(super) fn is_remembered(&self, counters: &FailureCounters, now: Timestamp) -> bool {
        let name = counters.attempts(self.of_name(), now);
        self.password.is_some_and(|password| name.remembers(password, now, |_| true))
    }

    fn persons(&self, places: &[(PersonKey, Place)], counters: &FailureCounters, now: Timestamp) -> Vec<CountedPerson> {
        let counted = |(person, place): &(PersonKey, Place)| {
            let of_person = counters.known.person(*person, now).and_then(|known| known.policy);
            // What was told of them may be old: the domain's policy may have become stricter.
            let budgets =
                [of_person, self.lockout.policy].into_iter().flatten().map(|policy| FailureBudget::for_person(Some(policy)));
            let budget = budgets.min_by_key(|budget| budget.total).unwrap_or_else(|| FailureBudget::for_person(None));
            CountedPerson { person: *person, place: *place, budget }
        };
        places.iter().map(counted).collect()
    }
}
