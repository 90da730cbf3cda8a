use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::hub::Crowded;
use crate::config::LiveSettings;
use crate::domain::{SessionId, TokenId, network_of};

/// How many watch, in all, from each address, and with each session or token.
#[derive(Clone)]
pub(super) struct Places {
    taken: Arc<Mutex<Taken>>,
    most: usize,
    per_address: usize,
    per_session: usize,
}

/// By what somebody watches: each has its own few places, so that a page in a loop takes no one else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A browser's session.
    Session(SessionId),
    /// A script's token.
    Token(TokenId),
}

/// A place among those who watch. Dropping it gives it back.
pub struct Place {
    places: Places,
    address: Option<IpAddr>,
    holder: Option<Holder>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
    by_holder: HashMap<Holder, usize>,
}

impl Places {
    pub(super) fn new(settings: &LiveSettings) -> Self {
        let LiveSettings { most, per_address, per_session, .. } = *settings;
        Self { taken: Arc::default(), most, per_address, per_session }
    }

    /// A place for one more.
    ///
    /// # Errors
    /// [`Crowded`], when there is none.
    pub(super) fn take(&self, address: Option<IpAddr>, holder: Option<Holder>) -> Result<Place, Crowded> {
        let address = address.map(network_of);
        let mut taken = self.lock();
        let Taken { all, by_address, by_holder } = &mut *taken;
        if *all >= self.most {
            return Err(Crowded::Everywhere);
        }
        if address.is_some_and(|address| by_address.get(&address).is_some_and(|count| *count >= self.per_address)) {
            return Err(Crowded::FromThere);
        }
        if holder.is_some_and(|holder| by_holder.get(&holder).is_some_and(|count| *count >= self.per_session)) {
            return Err(Crowded::BySession);
        }
        *all += 1;
        if let Some(address) = address {
            *by_address.entry(address).or_default() += 1;
        }
        if let Some(holder) = holder {
            *by_holder.entry(holder).or_default() += 1;
        }
        drop(taken);
        Ok(Place { places: self.clone(), address, holder })
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
        if let Some(address) = self.address {
            one_less(&mut taken.by_address, address);
        }
        if let Some(holder) = self.holder {
            one_less(&mut taken.by_holder, holder);
        }
    }
}

fn one_less<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: K) {
    if let Entry::Occupied(mut entry) = counts.entry(key) {
        *entry.get_mut() -= 1;
        if *entry.get() == 0 {
            entry.remove();
        }
    }
}
