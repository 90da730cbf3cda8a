use std::sync::Arc;
use std::time::Duration;

use hmac::Mac;
use quick_cache::sync::Cache;

use super::Keys;
use crate::domain::{Clock, Password, Person, PersonEpoch, Timestamp, Username};

/// The most entries: more scripts than any company runs within a minute, in a few megabytes. When it is full, what is
/// seldom used goes.
const MAX_ENTRIES: usize = 4096;

/// The HMAC of a name and password under a key of this server: without the key nobody can try guesses against it, and
/// it is not kept on disk.
pub(super) type CredentialTag = [u8; 32];

/// A cache of names and passwords that the directory found right a short while ago, and their owners.
pub(super) struct CredentialCache {
    clock: Arc<dyn Clock>,
    ttl: Duration,
    entries: Cache<CredentialTag, CachedPerson>,
}

#[derive(Clone)]
struct CachedPerson {
    person: Person,
    /// The epoch that was noted before the directory was asked.
    epoch: PersonEpoch,
    until: Timestamp,
}

impl CredentialCache {
    /// An empty cache; with a `ttl` of zero it stays empty.
    pub(super) fn new(clock: Arc<dyn Clock>, ttl: Duration) -> Self {
        Self { clock, ttl, entries: Cache::new(MAX_ENTRIES) }
    }

    /// The owner of a name and password, if they were right not too long ago, and the epoch in which they were. Whether that has
    /// ended is for the caller to ask.
    pub(super) fn get(&self, tag: &CredentialTag) -> Option<(Person, PersonEpoch)> {
        let cached = self.entries.get(tag)?;
        let now = self.clock.now();
        // A clock that was set back must not make it last longer.
        if now < cached.until && cached.until <= now + self.ttl {
            return Some((cached.person, cached.epoch));
        }
        self.entries.remove(tag);
        None
    }

    /// Inserts a name and password that were right just now, in this epoch.
    pub(super) fn insert(&self, tag: CredentialTag, person: &Person, epoch: PersonEpoch) {
        if !self.ttl.is_zero() {
            let cached = CachedPerson { person: person.clone(), epoch, until: self.clock.now() + self.ttl };
            self.entries.insert(tag, cached);
        }
    }
}

impl Keys {
    /// The cache's key for a name and password. The name's length goes first, so that no other pair has the same bytes.
    pub(super) fn credential_tag(&self, username: &Username, password: &Password) -> CredentialTag {
        let name = username.as_str().as_bytes();
        let length = u64::try_from(name.len()).unwrap_or(u64::MAX).to_be_bytes();
        let tag = self.credential_hmac().chain_update(length).chain_update(name).chain_update(password.expose());
        tag.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ManualClock;

    const EPOCH: PersonEpoch = PersonEpoch::new(7);

    const MINUTE: Duration = Duration::from_mins(1);

    fn alice() -> Person {
        Person { display_name: "Alice".into(), ..Person::named("alice") }
    }

    fn tag(keys: &Keys, name: &str, password: &str) -> CredentialTag {
        keys.credential_tag(&Username::parse(name).unwrap(), &Password::parse(password.to_owned()).unwrap())
    }

    #[test]
    fn what_was_right_is_remembered_for_its_while_and_no_longer() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_309_126_976)));
        let cache = CredentialCache::new(clock.clone(), MINUTE);
        let right = tag(&Keys::from_secret(&[7; 32]), "alice", "correct horse");
        assert!(cache.get(&right).is_none());
        cache.insert(right, &alice(), EPOCH);
        clock.advance(Duration::from_millis(59_999));
        assert_eq!(cache.get(&right), Some((alice(), EPOCH)));
        clock.advance(Duration::from_millis(1));
        assert!(cache.get(&right).is_none());

        cache.insert(right, &alice(), EPOCH);
        clock.set_back(MINUTE);
        assert!(cache.get(&right).is_none(), "a clock that was set back lengthens nothing");
    }

    #[test]
    fn nothing_is_remembered_where_nothing_is_to_be() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(0)));
        let cache = CredentialCache::new(clock, Duration::ZERO);
        let right = tag(&Keys::from_secret(&[7; 32]), "alice", "correct horse");
        cache.insert(right, &alice(), EPOCH);
        assert!(cache.get(&right).is_none() && cache.entries.is_empty());
    }

    #[test]
    fn no_other_pair_and_no_other_server_has_the_same_tag() {
        let keys = Keys::from_secret(&[7; 32]);
        let right = tag(&keys, "alice", "correct horse");
        assert_eq!(right, tag(&keys, "alice", "correct horse"));
        for (name, password) in [("alice", "correct hors"), ("alicec", "orrect horse"), ("Alice", "correct horse")] {
            assert_ne!(right, tag(&keys, name, password), "{name}");
        }
        assert_ne!(right, tag(&Keys::from_secret(&[8; 32]), "alice", "correct horse"));
    }
}
