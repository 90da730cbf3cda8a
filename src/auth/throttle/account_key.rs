use hmac::Mac;

use super::skeleton::skeleton;
use crate::auth::keys::Keys;
use crate::domain::{Network, PersonId, Username};

/// The key of a name: a hash under a key of this server, so that the counters and their file hold no names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameKey(pub(super) u64);

/// The key of a person: a hash of their stable id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonKey(pub(super) u64);

/// The key of the network that somebody signs in from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkKey(pub(super) u64);

/// The key of an account's counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKey {
    /// Of all names with one skeleton.
    Name(NameKey),
    /// Of a person, under all their names.
    Person(PersonKey),
}

/// The two keys of a typed name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NameKeys {
    /// Of the name just as it was typed, but for upper and lower case.
    pub(super) typed: NameKey,
    /// Of its skeleton.
    pub(super) skeleton: NameKey,
}

impl Keys {
    pub(super) fn name_keys(&self, username: &Username) -> NameKeys {
        NameKeys {
            typed: NameKey(self.throttle_hash("typed", &username.as_str().to_lowercase())),
            skeleton: NameKey(self.throttle_hash("skeleton", &skeleton(username))),
        }
    }

    pub(super) fn person_key(&self, id: &PersonId) -> PersonKey {
        PersonKey(self.throttle_hash("person", id.as_str()))
    }

    pub(super) fn network_key(&self, network: Network) -> NetworkKey {
        NetworkKey(self.throttle_hash("network", &format!("{network:?}")))
    }

    fn throttle_hash(&self, kind: &str, text: &str) -> u64 {
        let tag = self.throttle_hmac().chain_update(kind).chain_update([0]).chain_update(text).finalize().into_bytes();
        tag.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }
}
