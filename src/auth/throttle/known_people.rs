use std::time::Duration;

use super::account_key::{NameKey, NameKeys, NetworkKey, PersonKey};
use super::expiring_map::ExpiringMap;
use super::limits::{FAMILIAR_FOR, MAX_ENTRIES};
use crate::directory::LockoutPolicy;
use crate::domain::Timestamp;

/// How long a name is known to be somebody's after they last signed in with it: longer than any leave.
pub(super) const KNOWN_FOR: Duration = Duration::from_hours(400 * 24);

/// The time after which it is written down again that a name is still somebody's.
const RENEWED_AFTER: Duration = Duration::from_hours(24);

/// The most people who share a skeleton: names that differ in a dot or an accent.
const MAX_ALIKE: usize = 4;

/// Somebody who has signed in here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KnownPerson {
    /// Who.
    pub(super) person: PersonKey,
    /// The network from which they last signed in.
    pub(super) network: Option<NetworkKey>,
    /// The lockout policy of their account, where it was told.
    pub(super) policy: Option<LockoutPolicy>,
    /// When they last signed in.
    pub(super) signed_in_at: Timestamp,
}

/// A name of somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KnownName {
    /// The key of a typed name, or of a skeleton.
    pub(super) name: NameKey,
    /// Whether it is a typed name, which is one person's; a skeleton may be several people's.
    pub(super) is_typed: bool,
    /// Whose.
    pub(super) person: PersonKey,
    /// When it last was seen to be.
    pub(super) seen_at: Timestamp,
}

/// The people who have signed in, and the names that are known to be theirs.
pub(super) struct KnownPeople {
    names: ExpiringMap<NameKey, Vec<(PersonKey, Timestamp)>>,
    people: ExpiringMap<PersonKey, KnownPerson>,
    /// The networks from which anybody has signed in within the last month.
    networks: ExpiringMap<NetworkKey, ()>,
    /// The strictest of the people's lockout policies, of those that lock.
    strictest_policy: Option<LockoutPolicy>,
}

/// The people whom a typed name may be of.
pub(super) struct NameOwners {
    pub(super) people: Vec<PersonKey>,
    /// Whether it is known to be the name of the one there is, and not just one with the same letters.
    pub(super) is_exact: bool,
}

impl KnownPeople {
    pub(super) fn new() -> Self {
        // A person has some four names, in two forms.
        Self {
            names: ExpiringMap::new(8 * MAX_ENTRIES),
            people: ExpiringMap::new(MAX_ENTRIES),
            networks: ExpiringMap::new(MAX_ENTRIES),
            strictest_policy: None,
        }
    }

    /// The people whom a typed name may be of: the one who has signed in with just this, or else all whose names have its
    /// skeleton.
    pub(super) fn owners(&self, name: NameKeys, now: Timestamp) -> NameOwners {
        let owners = |key| self.names.get(key, now).into_iter().flatten().map(|(person, _)| *person).collect::<Vec<_>>();
        let typed = owners(name.typed);
        let is_exact = !typed.is_empty();
        NameOwners { people: if is_exact { typed } else { owners(name.skeleton) }, is_exact }
    }

    /// The strictest lockout policy of anybody's that was told, for as long as the directory has told none since the start.
    pub(super) fn strictest_policy(&self) -> Option<LockoutPolicy> {
        self.strictest_policy
    }

    /// Whether anybody has signed in from that network within the last month.
    pub(super) fn is_familiar_network(&self, network: NetworkKey, now: Timestamp) -> bool {
        self.networks.get(network, now).is_some()
    }

    pub(super) fn person(&self, person: PersonKey, now: Timestamp) -> Option<&KnownPerson> {
        self.people.get(person, now)
    }

    /// Whether the person last signed in from that network, within the last month.
    pub(super) fn is_familiar(&self, person: PersonKey, network: NetworkKey, now: Timestamp) -> bool {
        self.person(person, now).is_some_and(|known| known.network == Some(network) && now < known.signed_in_at + FAMILIAR_FOR)
    }

    /// Records whose a name is; what is to be written down of it.
    pub(super) fn record_name(&mut self, name: NameKeys, person: PersonKey, now: Timestamp) -> Vec<KnownName> {
        let mut news = Vec::new();
        for (key, is_typed) in [(name.typed, true), (name.skeleton, false)] {
            let owners = self.names.get(key, now).cloned().unwrap_or_default();
            let seen_at = owners.iter().find(|(owner, _)| *owner == person).map(|(_, seen_at)| *seen_at);
            if seen_at.is_some_and(|seen_at| now < seen_at + RENEWED_AFTER) {
                continue;
            }
            let known = KnownName { name: key, is_typed, person, seen_at: now };
            self.restore_name(known, now);
            news.push(known);
        }
        news
    }

    /// Records somebody's sign-in; whether it is to be written down.
    pub(super) fn record_person(&mut self, known: KnownPerson, now: Timestamp) -> bool {
        let before = self.people.get(known.person, now);
        let known = KnownPerson { policy: known.policy.or(before.and_then(|before| before.policy)), ..known };
        let is_news = before.is_none_or(|before| {
            (before.network, before.policy) != (known.network, known.policy) || now >= before.signed_in_at + RENEWED_AFTER
        });
        self.people.insert(known.person, known, known.signed_in_at + KNOWN_FOR, now);
        if let Some(network) = known.network {
            self.networks.insert(network, (), known.signed_in_at + FAMILIAR_FOR, now);
        }
        let locks = |policy: &LockoutPolicy| policy.threshold > 0;
        let policies = self.strictest_policy.into_iter().chain(known.policy.filter(locks));
        self.strictest_policy = policies.reduce(LockoutPolicy::stricter);
        is_news
    }

    /// Takes in a name as it was written down: a typed name's last owner, or one of those who share a skeleton.
    pub(super) fn restore_name(&mut self, known: KnownName, now: Timestamp) {
        let mut owners = self.names.get(known.name, now).cloned().unwrap_or_default();
        owners.retain(|(owner, _)| *owner != known.person && !known.is_typed);
        if owners.len() >= MAX_ALIKE {
            owners.remove(0);
        }
        owners.push((known.person, known.seen_at));
        self.names.insert(known.name, owners, known.seen_at + KNOWN_FOR, now);
    }

    /// Takes in that somebody has signed in from that network.
    pub(super) fn restore_network(&mut self, network: NetworkKey, now: Timestamp) {
        self.networks.insert(network, (), now + FAMILIAR_FOR, now);
    }

    /// Takes in the strictest of all people's lockout policies.
    pub(super) fn restore_strictest_policy(&mut self, policy: LockoutPolicy) {
        self.strictest_policy = Some(policy);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize) {
        (self.names.len(), self.people.len())
    }
}
