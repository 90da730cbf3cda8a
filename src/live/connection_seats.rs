use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

use tokio::sync::oneshot;

use crate::domain::Network;

/// The live connections of strangers, or those of members, by owner: whoever has most is found at once, however many there are.
pub(super) struct ConnectionSeats<H> {
    last_id: u64,
    by_owner: HashMap<SeatOwner, BTreeMap<u64, Seat<H>>>,
    /// The owners in the order of the share of one holder that they need.
    by_share: BTreeSet<(usize, SeatOwner)>,
}

/// The owner of seats: a widest network of strangers, or a person, by a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum SeatOwner {
    Network(Network),
    Person(u64),
}

/// The seat of a live connection. Dropping it displaces the connection.
struct Seat<H> {
    /// Whose it is among the owner's.
    holder: H,
    _displaced: oneshot::Sender<()>,
}

impl<H> Default for ConnectionSeats<H> {
    fn default() -> Self {
        Self { last_id: 0, by_owner: HashMap::new(), by_share: BTreeSet::new() }
    }
}

impl<H: Copy + Eq + Hash> ConnectionSeats<H> {
    /// Adds a connection: its number, and what resolves when it has to make room.
    pub(super) fn add(&mut self, owner: SeatOwner, holder: H) -> (u64, oneshot::Receiver<()>) {
        self.last_id += 1;
        let id = self.last_id;
        let (sender, displaced) = oneshot::channel();
        self.change(owner, |seats| seats.insert(id, Seat { holder, _displaced: sender }));
        (id, displaced)
    }

    /// How many connections an owner has.
    pub(super) fn of(&self, owner: SeatOwner) -> usize {
        self.by_owner.get(&owner).map_or(0, BTreeMap::len)
    }

    /// Removes a connection; whether it was there still.
    pub(super) fn remove(&mut self, owner: SeatOwner, id: u64) -> bool {
        self.change(owner, |seats| seats.remove(&id)).is_some()
    }

    /// Displaces the newest connection of the owner who has most, if that is more than this one would have with one more; otherwise
    /// of a holder of this owner's, if that has more than `holder` would have. Returns whose it was.
    pub(super) fn displace_for(&mut self, owner: SeatOwner, holder: H) -> Option<H> {
        let &(most, richest) = self.by_share.last()?;
        let is_own = most <= owner.share(self.of(owner) + 1);
        let from = if is_own { owner } else { richest };
        let mut by_holder: HashMap<H, (usize, u64)> = HashMap::new();
        for (id, seat) in self.by_owner.get(&from)? {
            let (count, newest) = by_holder.entry(seat.holder).or_default();
            (*count, *newest) = (*count + 1, *id);
        }
        let would_have = if is_own { by_holder.get(&holder).map_or(0, |(count, _)| *count) + 1 } else { 0 };
        let (displaced, (count, newest)) = by_holder.into_iter().max_by_key(|(_, held)| *held)?;
        (count > would_have && self.remove(from, newest)).then_some(displaced)
    }

    fn change<T>(&mut self, owner: SeatOwner, change: impl FnOnce(&mut BTreeMap<u64, Seat<H>>) -> T) -> T {
        let seats = self.by_owner.entry(owner).or_default();
        self.by_share.remove(&(owner.share(seats.len()), owner));
        let changed = change(seats);
        if seats.is_empty() {
            self.by_owner.remove(&owner);
        } else {
            self.by_share.insert((owner.share(seats.len()), owner));
        }
        changed
    }
}

impl SeatOwner {
    /// The share of one holder that would be just enough for so many seats.
    fn share(self, seats: usize) -> usize {
        match self {
            Self::Network(network) => seats.div_ceil(network.shares()),
            Self::Person(_) => seats,
        }
    }
}
