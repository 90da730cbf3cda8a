use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::capacity::CapacityExceeded;
use crate::config::LiveSettings;
use crate::domain::{Network, NetworkCounts, PersonId, SessionId, TokenId};

/// The share of `live.most` that anonymous visitors may have: they must not be able to take the last permit from those who
/// are signed in.
const ANONYMOUS_SHARE: (usize, usize) = (3, 4);

/// A person's limit, as a multiple of `live.per_session`: browsers, screens on walls and scripts of one account. Whoever signs
/// in again and again gets no more.
const SESSIONS_PER_PERSON: usize = 4;

/// Limits the live connections: in all, by the networks of an address, by session or token, and by person.
pub(super) struct ConnectionLimiter {
    counts: Arc<Mutex<PermitCounts>>,
    /// People are counted by a hash: their ids would need more memory than all the rest.
    hasher: RandomState,
    max_total: usize,
    /// How many of them anonymous visitors may have.
    max_anonymous: usize,
    per_address: usize,
    per_session: usize,
}

/// The session, token or network that a connection is counted under: each has a limit of its own, so that a page in a loop
/// takes no one else's permits, and members are not counted among the anonymous visitors of their address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PermitHolder {
    /// A browser's session.
    Session(SessionId),
    /// A script's token.
    Token(TokenId),
    /// A member who sent only a password (HTTP Basic), from that network.
    Password(Network),
    /// An anonymous visitor, from that network.
    Anonymous(Network),
}

/// A permit for one live connection. Dropping it gives it back.
pub struct ConnectionPermit {
    counts: Arc<Mutex<PermitCounts>>,
    holder: PermitHolder,
    person: Option<u64>,
}

#[derive(Default)]
struct PermitCounts {
    total: usize,
    by_credential: HashMap<PermitHolder, usize>,
    anonymous: NetworkCounts,
    by_password: NetworkCounts,
    by_person: HashMap<u64, usize>,
}

impl PermitCounts {
    /// The connections of a session or token.
    fn of_credential(&self, holder: &PermitHolder) -> usize {
        self.by_credential.get(holder).copied().unwrap_or_default()
    }
}

impl ConnectionLimiter {
    pub(super) fn new(settings: &LiveSettings) -> Self {
        let LiveSettings { most: max_total, per_address, per_session, .. } = *settings;
        let max_anonymous = (max_total * ANONYMOUS_SHARE.0).div_ceil(ANONYMOUS_SHARE.1);
        Self { counts: Arc::default(), hasher: RandomState::new(), max_total, max_anonymous, per_address, per_session }
    }

    /// Acquires a permit for `holder`, and for `person` where the visitor is a member.
    ///
    /// # Errors
    /// [`CapacityExceeded`] when a limit is reached.
    pub(super) fn acquire(
        &self,
        holder: PermitHolder,
        person: Option<&PersonId>,
    ) -> Result<ConnectionPermit, CapacityExceeded> {
        let person = person.map(|person| self.hasher.hash_one(person));
        let mut counts = lock(&self.counts);
        let is_anonymous = matches!(holder, PermitHolder::Anonymous(_));
        if counts.total >= if is_anonymous { self.max_anonymous } else { self.max_total } {
            return Err(CapacityExceeded::Total);
        }
        let has_room = match holder {
            PermitHolder::Session(_) | PermitHolder::Token(_) if counts.of_credential(&holder) >= self.per_session => {
                return Err(CapacityExceeded::PerSession);
            }
            PermitHolder::Session(_) | PermitHolder::Token(_) => true,
            PermitHolder::Password(network) => counts.by_password.has_room(network, self.per_address),
            PermitHolder::Anonymous(network) => counts.anonymous.has_room(network, self.per_address),
        };
        if !has_room {
            return Err(CapacityExceeded::PerAddress);
        }
        let of_person = person.and_then(|person| counts.by_person.get(&person)).copied().unwrap_or_default();
        if of_person >= self.per_session.saturating_mul(SESSIONS_PER_PERSON) {
            return Err(CapacityExceeded::PerPerson);
        }
        counts.total += 1;
        match holder {
            PermitHolder::Session(_) | PermitHolder::Token(_) => *counts.by_credential.entry(holder).or_default() += 1,
            PermitHolder::Password(network) => counts.by_password.add(network),
            PermitHolder::Anonymous(network) => counts.anonymous.add(network),
        }
        if let Some(person) = person {
            *counts.by_person.entry(person).or_default() += 1;
        }
        drop(counts);
        Ok(ConnectionPermit { counts: Arc::clone(&self.counts), holder, person })
    }

    /// The number of live connections.
    pub(super) fn viewers(&self) -> usize {
        lock(&self.counts).total
    }
}

impl ConnectionPermit {
    /// The number of live connections in all.
    pub(super) fn viewers(&self) -> usize {
        lock(&self.counts).total
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.total -= 1;
        match self.holder {
            PermitHolder::Session(_) | PermitHolder::Token(_) => decrement(&mut counts.by_credential, self.holder),
            PermitHolder::Password(network) => counts.by_password.remove(network),
            PermitHolder::Anonymous(network) => counts.anonymous.remove(network),
        }
        if let Some(person) = self.person {
            decrement(&mut counts.by_person, person);
        }
    }
}

fn lock(counts: &Mutex<PermitCounts>) -> MutexGuard<'_, PermitCounts> {
    // The counts change together, in calls that cannot panic between them.
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

fn decrement<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: K) {
    if let Entry::Occupied(mut entry) = counts.entry(key) {
        *entry.get_mut() -= 1;
        if *entry.get() == 0 {
            entry.remove();
        }
    }
}
