use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::hub::Crowded;
use crate::config::LiveSettings;
use crate::domain::{SessionId, TokenId, network_of};

/// A quarter of the places is for those who are signed in: strangers must not be able to take the last one.
const STRANGERS_SHARE: (usize, usize) = (3, 4);

/// How many watch, in all, from each address, and with each session or token.
#[derive(Clone)]
pub(super) struct Places {
    taken: Arc<Mutex<Taken>>,
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
    places: Places,
    holder: Holder,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_holder: HashMap<Holder, usize>,
}

impl Places {
    pub(super) fn new(settings: &LiveSettings) -> Self {
        let LiveSettings { most, per_address, per_session, .. } = *settings;
        let strangers = (most * STRANGERS_SHARE.0).div_ceil(STRANGERS_SHARE.1);
        Self { taken: Arc::default(), most, strangers, per_address, per_session }
    }

    /// A place for one more.
    ///
    /// # Errors
    /// [`Crowded`], when there is none.
    pub(super) fn take(&self, holder: Holder) -> Result<Place, Crowded> {
        let holder = holder.in_their_network();
        let mut taken = self.lock();
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
        taken.all += 1;
        *taken.by_holder.entry(holder).or_default() += 1;
        drop(taken);
        Ok(Place { places: self.clone(), holder })
    }

    /// How many there are.
    pub(super) fn viewers(&self) -> usize {
        self.lock().all
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // The counts change together, in calls that cannot panic between them.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// How many watch in all.
    pub(super) fn viewers(&self) -> usize {
        self.places.viewers()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.all -= 1;
        if let Entry::Occupied(mut entry) = taken.by_holder.entry(self.holder) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}
