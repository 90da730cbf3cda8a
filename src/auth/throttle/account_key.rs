use hmac::Mac;
use serde::{Deserialize, Serialize};

use super::skeleton::{exact_name, skeleton};
use crate::auth::keys::Keys;
use crate::domain::{Network, Password, PersonId, Realm, Username};

/// The key of a name: a hash under a key of this server, so that the counters and their file hold no names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameKey(pub(super) u64);

/// The key of a person: a hash of their stable id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonKey(pub(super) u64);

/// The key of the network that somebody signs in from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NetworkKey(pub(super) u64);

/// The key of an account's counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKey {
    /// Of all names with one skeleton.
    Name(NameKey),
    /// Of a person, under all their names.
    Person(PersonKey),
}

/// A hash of a typed password, under a key of this server: to know the same one again, and for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct PasswordMark(pub(super) u64);

/// The key of a directory's server: a hash of its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ServerKey(pub(super) u64);

/// The two keys of a typed name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameKeys {
    /// Of the name as it was typed, but for what makes no difference to the directory: it is one account's.
    pub(super) typed: NameKey,
    /// Of its skeleton.
    pub(super) skeleton: NameKey,
}

impl Keys {
    pub(super) fn name_keys(&self, username: &Username, realm: &Realm) -> NameKeys {
        NameKeys {
            typed: NameKey(self.throttle_hash("typed", &exact_name(username, realm))),
            skeleton: NameKey(self.throttle_hash("skeleton", &skeleton(username))),
        }
    }

    /// The key of a name's own count in one network.
    pub(super) fn name_key_in(&self, network: NetworkKey, username: &Username) -> NameKey {
        NameKey(self.throttle_hash("skeleton-in", &format!("{:x} {}", network.0, skeleton(username))))
    }

    pub(super) fn person_key(&self, id: &PersonId) -> PersonKey {
        PersonKey(self.throttle_hash("person", id.as_str()))
    }

    pub(super) fn network_key(&self, network: Network) -> NetworkKey {
        NetworkKey(self.throttle_hash("network", &format!("{network:?}")))
    }

    /// The mark of a typed password: the same on every server that has this key, and kept for an hour at the most.
    pub(super) fn password_mark(&self, password: &Password) -> PasswordMark {
        PasswordMark(self.throttle_hash("password", password.expose()))
    }

    /// The key of a directory's server.
    pub(super) fn server_key(&self, address: &str) -> ServerKey {
        ServerKey(self.throttle_hash("server", address))
    }

    fn throttle_hash(&self, kind: &str, text: &str) -> u64 {
        let tag = self.throttle_hmac().chain_update(kind).chain_update([0]).chain_update(text).finalize().into_bytes();
        tag.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }
}
