use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::capacity::CapacityExceeded;
use super::connection_seats::{ConnectionSeats, SeatOwner};
use crate::config::LiveSettings;
use crate::domain::{Network, NetworkCounts, PersonId, SessionId, TokenId};

/// The share of `live.most` that anonymous visitors may have: they must not be able to take the last permit from those who
/// are signed in.
const ANONYMOUS_SHARE: (usize, usize) = (3, 4);

/// A person's limit, as a multiple of `live.per_session`: browsers, screens on walls and scripts of one account. Whoever signs
/// in again and again gets no more.
const SESSIONS_PER_PERSON: usize = 4;

/// Limits the live connections: in all, by the networks of an address, by session or token, and by person. Where there is no room
/// in all, one of whoever has most makes some, if that is more than the newcomer would have.
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

impl PermitHolder {
    fn is_anonymous(self) -> bool {
        matches!(self, Self::Anonymous(_))
    }

    /// The owner of its seats: the person, or else the widest network.
    fn seat_owner(self, person: Option<u64>) -> SeatOwner {
        match (person, self) {
            (Some(person), _) => SeatOwner::Person(person),
            (None, Self::Anonymous(network) | Self::Password(network)) => SeatOwner::Network(network.widest()),
            (None, Self::Session(_) | Self::Token(_)) => SeatOwner::Network(Network::widest_of(None)),
        }
    }
}

/// A permit for one live connection. Dropping it gives it back.
pub struct ConnectionPermit {
    counts: Arc<Mutex<PermitCounts>>,
    holder: PermitHolder,
    person: Option<u64>,
    id: u64,
    displaced: oneshot::Receiver<()>,
}

#[derive(Default)]
struct PermitCounts {
    total: usize,
    by_credential: HashMap<PermitHolder, usize>,
    anonymous: NetworkCounts,
    by_password: NetworkCounts,
    seats_of_strangers: ConnectionSeats<PermitHolder>,
    seats_of_members: ConnectionSeats<PermitHolder>,
}

impl PermitCounts {
    /// The connections of a session or token.
    fn of_credential(&self, holder: &PermitHolder) -> usize {
        self.by_credential.get(holder).copied().unwrap_or_default()
    }

    fn seats(&mut self, holder: PermitHolder) -> &mut ConnectionSeats<PermitHolder> {
        if holder.is_anonymous() { &mut self.seats_of_strangers } else { &mut self.seats_of_members }
    }

    fn add(&mut self, holder: PermitHolder, owner: SeatOwner) -> (u64, oneshot::Receiver<()>) {
        self.total += 1;
        match holder {
            PermitHolder::Session(_) | PermitHolder::Token(_) => *self.by_credential.entry(holder).or_default() += 1,
            PermitHolder::Password(network) => self.by_password.add(network, 1),
            PermitHolder::Anonymous(network) => self.anonymous.add(network, 1),
        }
        self.seats(holder).add(owner, holder)
    }

    /// Takes a connection out of the counts, if it was not displaced before.
    fn remove(&mut self, holder: PermitHolder, owner: SeatOwner, id: u64) {
        if self.seats(holder).remove(owner, id) {
            self.uncount(holder);
        }
    }

    /// Displaces a connection of whoever has most among those like `holder`; whether there was one.
    fn displace_for(&mut self, holder: PermitHolder, owner: SeatOwner) -> bool {
        let displaced = self.seats(holder).displace_for(owner, holder);
        displaced.inspect(|displaced| self.uncount(*displaced)).is_some()
    }

    fn uncount(&mut self, holder: PermitHolder) {
        self.total -= 1;
        match holder {
            PermitHolder::Session(_) | PermitHolder::Token(_) => decrement(&mut self.by_credential, holder),
            PermitHolder::Password(network) => self.by_password.remove(network, 1),
            PermitHolder::Anonymous(network) => self.anonymous.remove(network, 1),
        }
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
        self.check_own_limits(&counts, holder, person)?;
        let owner = holder.seat_owner(person);
        let most = if holder.is_anonymous() { self.max_anonymous } else { self.max_total };
        if counts.total >= most && !counts.displace_for(holder, owner) {
            return Err(CapacityExceeded::Total);
        }
        let (id, displaced) = counts.add(holder, owner);
        drop(counts);
        Ok(ConnectionPermit { counts: Arc::clone(&self.counts), holder, person, id, displaced })
    }

    /// Checks the limits of a credential, a network and a person.
    fn check_own_limits(
        &self,
        counts: &PermitCounts,
        holder: PermitHolder,
        person: Option<u64>,
    ) -> Result<(), CapacityExceeded> {
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
        let of_person = person.map_or(0, |person| counts.seats_of_members.of(SeatOwner::Person(person)));
        if of_person >= self.per_session.saturating_mul(SESSIONS_PER_PERSON) {
            return Err(CapacityExceeded::PerPerson);
        }
        Ok(())
    }

    /// The number of live connections.
    pub(super) fn viewers(&self) -> usize {
        lock(&self.counts).total
    }
}

impl ConnectionPermit {
    /// Resolves, if only to an error, when the connection has to make room for somebody who has fewer.
    pub(super) fn displaced(&mut self) -> &mut oneshot::Receiver<()> {
        &mut self.displaced
    }

    /// The number of live connections in all.
    pub(super) fn viewers(&self) -> usize {
        lock(&self.counts).total
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        lock(&self.counts).remove(self.holder, self.holder.seat_owner(self.person), self.id);
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
