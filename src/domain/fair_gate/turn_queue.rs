use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use tokio::sync::oneshot;

use super::holder::GateHolder;
use crate::domain::Network;

/// The queue of a gate: holders take turns, strangers of one widest network together, and in their turn its narrowest ones.
pub(super) struct TurnQueue<K> {
    turns: VecDeque<GateHolder<K>>,
    waiting: HashMap<GateHolder<K>, VecDeque<Waiting<K>>>,
    len: usize,
}

/// One who waits.
pub(super) struct Waiting<K> {
    pub(super) id: u64,
    pub(super) holder: GateHolder<K>,
    /// Told when it is let in; when this is dropped, it is told that it may not wait.
    pub(super) sender: oneshot::Sender<()>,
}

impl<K: Clone + Eq + Hash> TurnQueue<K> {
    pub(super) fn new() -> Self {
        Self { turns: VecDeque::new(), waiting: HashMap::new(), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The networks of those who wait, some more than once.
    pub(super) fn networks(&self) -> impl Iterator<Item = Network> {
        self.waiting.values().flatten().filter_map(|waiting| match waiting.holder {
            GateHolder::Stranger(network) => Some(network),
            GateHolder::Known(_) => None,
        })
    }

    pub(super) fn push(&mut self, one: Waiting<K>) {
        let turn = one.holder.widened();
        let waiting = self.waiting.entry(turn.clone()).or_default();
        if waiting.is_empty() {
            self.turns.push_back(turn);
        }
        // After as many of each other holder in this turn as there are of its own.
        let mut seen = HashMap::new();
        let own = waiting.iter().filter(|other| other.holder == one.holder).count();
        let is_after = |other: &Waiting<K>| {
            let before = seen.entry(other.holder.clone()).or_insert(0);
            *before += 1;
            *before > own + 1
        };
        let place = waiting.iter().position(is_after).unwrap_or(waiting.len());
        waiting.insert(place, one);
        self.len += 1;
    }

    /// Takes the first of the holder whose turn it is among those that may enter; the holder's next turn is the last.
    pub(super) fn next(&mut self, may_enter: impl Fn(&GateHolder<K>) -> bool) -> Option<Waiting<K>> {
        let place = self.turns.iter().position(may_enter)?;
        let turn = self.turns.remove(place)?;
        let waiting = self.waiting.get_mut(&turn)?;
        let next = waiting.pop_front()?;
        self.len -= 1;
        if waiting.is_empty() {
            self.waiting.remove(&turn);
        } else {
            self.turns.push_back(turn);
        }
        Some(next)
    }

    /// Removes the last one of this holder.
    pub(super) fn remove_last(&mut self, holder: &GateHolder<K>) -> Option<Waiting<K>> {
        self.remove_where(&holder.widened(), |waiting| waiting.iter().rposition(|other| other.holder == *holder))
    }

    /// Removes the one with this id, who waits in that turn; whether there was one.
    pub(super) fn remove(&mut self, turn: &GateHolder<K>, id: u64) -> bool {
        self.remove_where(turn, |waiting| waiting.iter().position(|other| other.id == id)).is_some()
    }

    fn remove_where(
        &mut self,
        turn: &GateHolder<K>,
        find: impl Fn(&VecDeque<Waiting<K>>) -> Option<usize>,
    ) -> Option<Waiting<K>> {
        let waiting = self.waiting.get_mut(turn)?;
        let removed = waiting.remove(find(waiting)?)?;
        self.len -= 1;
        if waiting.is_empty() {
            self.waiting.remove(turn);
            self.turns.retain(|other| other != turn);
        }
        Some(removed)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0 && self.turns.is_empty() && self.waiting.is_empty()
    }
}
