use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::hub::Crowded;
use crate::config::LiveSettings;
use crate::domain::{PersonId, SessionId, TokenId, network_of};

/// A quarter of the places is for those who are signed in: strangers must not be able to take the last one.
const STRANGERS_SHARE: (usize, usize) = (3, 4);

/// A person may have as many as with so many full sessions: browsers, screens on walls and scripts of one account. Whoever signs in
/// again and again takes no more.
const SESSIONS_OF_A_PERSON: usize = 4;

/// How many watch, in all, from each address, with each session or token, and as each person.
pub(super) struct Places {
    taken: Arc<Mutex<Taken>>,
    /// People are told apart by a hash: their ids would weigh more than all the rest.
    hasher: RandomState,
    most: usize,
    /// How many of them strangers may have.
    strangers: usize,
    per_address: usize,
    per_session: usize,
}

/// As whom somebody watches: each has their own few places, so that a page in a loop takes no one else's, and members are not
/// counted among the strangers of their address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A browser's session.
    Session(SessionId),
    /// A script's token.
    Token(TokenId),
    /// A member by a password alone, from that address.
    Password(Option<IpAddr>),
    /// Nobody we know, from that address.
    Stranger(Option<IpAddr>),
}

impl Holder {
    /// Those at one address, or in one IPv6 network of 64 bits, count as one.
    fn in_their_network(self) -> Self {
        match self {
            Self::Password(address) => Self::Password(address.map(network_of)),
            Self::Stranger(address) => Self::Stranger(address.map(network_of)),
            known => known,
        }
    }
}

/// A place among those who watch. Dropping it gives it back.
pub struct Place {
    taken: Arc<Mutex<Taken>>,
    holder: Holder,
    person: Option<u64>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_holder: HashMap<Holder, usize>,
    by_person: HashMap<u64, usize>,
}

impl Places {
    pub(super) fn new(settings: &LiveSettings) -> Self {
        let LiveSettings { most, per_address, per_session, .. } = *settings;
        let strangers = (most * STRANGERS_SHARE.0).div_ceil(STRANGERS_SHARE.1);
        Self { taken: Arc::default(), hasher: RandomState::new(), most, strangers, per_address, per_session }
    }

    /// A place for one more, and whom they are, if that is known.
    ///
    /// # Errors
    /// [`Crowded`], when there is none.
    pub(super) fn take(&self, holder: Holder, person: Option<&PersonId>) -> Result<Place, Crowded> {
        let person = person.map(|person| self.hasher.hash_one(person));
        let holder = holder.in_their_network();
        let mut taken = lock(&self.taken);
        let is_stranger = matches!(holder, Holder::Stranger(_));
        if taken.all >= if is_stranger { self.strangers } else { self.most } {
            return Err(Crowded::Everywhere);
        }
        let (most, crowded) = match holder {
            Holder::Session(_) | Holder::Token(_) => (self.per_session, Crowded::BySession),
            Holder::Password(_) | Holder::Stranger(_) => (self.per_address, Crowded::FromThere),
        };
        if taken.by_holder.get(&holder).is_some_and(|count| *count >= most) {
            return Err(crowded);
        }
        let of_person = person.and_then(|person| taken.by_person.get(&person)).copied().unwrap_or_default();
        if of_person >= self.per_session.saturating_mul(SESSIONS_OF_A_PERSON) {
            return Err(Crowded::ByPerson);
        }
        taken.all += 1;
        *taken.by_holder.entry(holder).or_default() += 1;
        if let Some(person) = person {
            *taken.by_person.entry(person).or_default() += 1;
        }
        drop(taken);
        Ok(Place { taken: Arc::clone(&self.taken), holder, person })
    }

    /// How many there are.
    pub(super) fn viewers(&self) -> usize {
        lock(&self.taken).all
    }
}

impl Place {
    /// How many watch in all.
    pub(super) fn viewers(&self) -> usize {
        lock(&self.taken).all
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.all -= 1;
        give_back(&mut taken.by_holder, self.holder);
        if let Some(person) = self.person {
            give_back(&mut taken.by_person, person);
        }
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    // The counts change together, in calls that cannot panic between them.
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

fn give_back<K: Eq + Hash>(taken: &mut HashMap<K, usize>, key: K) {
    if let Entry::Occupied(mut entry) = taken.entry(key) {
        *entry.get_mut() -= 1;
        if *entry.get() == 0 {
            entry.remove();
        }
    }
}
