use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Clock, Network, NetworkCounts};

mod holder;
mod recent;
mod turn_queue;

pub use holder::GateHolder;
use recent::RecentStrangers;
use turn_queue::{TurnQueue, Waiting};

/// A gate that lets a bounded number of requests through at the same time. Its places are shared out by holder: whoever is known
/// comes before strangers, but neither ever has more than its own share, nor one holder more than a part of that; among either, each
/// holder has a turn after the other, however many of one wait. Whoever may not wait is told at once: where strangers fill the
/// queue, that is the last of the network that has had and asks for most.
pub struct FairGate<K: Clone + Eq + Hash> {
    state: Arc<Mutex<GateState<K>>>,
    limits: GateLimits,
    clock: Arc<dyn Clock>,
}

/// The places of a gate.
#[derive(Clone, Copy, Debug)]
pub struct GateLimits {
    /// The most requests at the same time.
    pub places: usize,
    /// The most of them that the known have.
    pub for_known: usize,
    /// The most of them that strangers have; those of one widest network have half of these.
    pub for_strangers: usize,
    /// The most of them that one who is known has.
    pub per_known: usize,
    /// The most of one holder, let through and waiting; of networks in steps.
    pub per_holder: usize,
    /// The most strangers that wait.
    pub waiting_strangers: usize,
    /// The longest wait for a place.
    pub max_wait: Duration,
}

/// The gate has no place, and nobody may wait any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateBusy;

/// A place of a gate, or a place in its queue. It is given back when this is dropped.
pub struct GatePlace<K: Clone + Eq + Hash> {
    state: Arc<Mutex<GateState<K>>>,
    limits: GateLimits,
    holder: GateHolder<K>,
    id: u64,
}

struct GateState<K> {
    last_id: u64,
    /// Those who were let through.
    inside: HashSet<u64>,
    known_inside: usize,
    strangers_inside: usize,
    inside_by_turn: HashMap<GateHolder<K>, usize>,
    /// The strangers that were let through and that wait.
    strangers: NetworkCounts,
    recent_strangers: RecentStrangers,
    known: HashMap<GateHolder<K>, usize>,
    waiting_known: TurnQueue<K>,
    waiting_strangers: TurnQueue<K>,
}

impl<K: Clone + Eq + Hash> FairGate<K> {
    /// A gate that nobody has entered yet.
    pub fn new(limits: GateLimits, clock: Arc<dyn Clock>) -> Self {
        Self { state: Arc::new(Mutex::new(GateState::new())), limits, clock }
    }

    /// A place for one request of this holder, waited for if need be.
    ///
    /// # Errors
    /// [`GateBusy`], when as many of this holder wait already, when as many strangers do and no network of theirs has more than
    /// this one would, or when none became free in time.
    pub async fn enter(&self, holder: GateHolder<K>) -> Result<GatePlace<K>, GateBusy> {
        let (place, let_in) = self.queue(holder)?;
        tokio::select! {
            biased;
            entered = let_in => entered.map_err(|_| GateBusy)?,
            () = self.clock.sleep(self.limits.max_wait) => return Err(GateBusy),
        }
        Ok(place)
    }

    fn queue(&self, holder: GateHolder<K>) -> Result<(GatePlace<K>, oneshot::Receiver<()>), GateBusy> {
        let mut state = lock(&self.state);
        state.recent_strangers.forget_old(self.clock.now());
        if !state.make_room(&holder, self.limits) {
            return Err(GateBusy);
        }
        state.count(&holder);
        state.last_id += 1;
        let id = state.last_id;
        let (sender, receiver) = oneshot::channel();
        state.queue_of(&holder).push(Waiting { id, holder: holder.clone(), sender });
        state.let_in(self.limits);
        drop(state);
        Ok((GatePlace { state: Arc::clone(&self.state), limits: self.limits, holder, id }, receiver))
    }
}

impl<K: Clone + Eq + Hash> Drop for GatePlace<K> {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        let turn = self.holder.widened();
        if state.inside.remove(&self.id) {
            *state.inside_of_kind(&self.holder) -= 1;
            decrement(&mut state.inside_by_turn, &turn);
            state.uncount(&self.holder, true);
        } else if state.queue_of(&self.holder).remove(&turn, self.id) {
            state.uncount(&self.holder, false);
        }
        state.let_in(self.limits);
    }
}

impl<K: Clone + Eq + Hash> GateState<K> {
    fn new() -> Self {
        Self {
            last_id: 0,
            inside: HashSet::new(),
            known_inside: 0,
            strangers_inside: 0,
            inside_by_turn: HashMap::new(),
            strangers: NetworkCounts::default(),
            recent_strangers: RecentStrangers::default(),
            known: HashMap::new(),
            waiting_known: TurnQueue::new(),
            waiting_strangers: TurnQueue::new(),
        }
    }

    /// Makes room for one more of the holder, by sending away one of another where there is none.
    fn make_room(&mut self, holder: &GateHolder<K>, limits: GateLimits) -> bool {
        let network = match holder {
            GateHolder::Stranger(network) => *network,
            known @ GateHolder::Known(_) => return self.known.get(known).is_none_or(|held| *held < limits.per_holder),
        };
        if !self.strangers.has_room(network, limits.per_holder) {
            let strangers = &self.strangers;
            let is_in_the_way = |other| strangers.is_in_the_way(other, network, limits.per_holder);
            let next = self.waiting_strangers.networks().filter(|other| is_in_the_way(*other));
            let next = next.filter_map(|other| Some((strangers.lead(other, network, 1)?, other))).max();
            return next.is_some_and(|(_, other)| self.send_away(other));
        }
        if self.waiting_strangers.len() < limits.waiting_strangers {
            return true;
        }
        let lead = |other| self.recent_strangers.counts().lead(other, network, 1);
        let next = self.waiting_strangers.networks().filter_map(|other| Some((lead(other)?, other))).max();
        next.is_some_and(|(_, other)| self.send_away(other))
    }

    /// Sends away the last stranger from this network that waits.
    fn send_away(&mut self, network: Network) -> bool {
        // Whose sender is gone is told that the gate is busy.
        let Some(last) = self.waiting_strangers.remove_last(&GateHolder::Stranger(network)) else { return false };
        self.uncount(&last.holder, false);
        true
    }

    fn count(&mut self, holder: &GateHolder<K>) {
        match holder {
            GateHolder::Stranger(network) => {
                self.strangers.add(*network, 1);
                self.recent_strangers.add(*network);
            }
            known @ GateHolder::Known(_) => *self.known.entry(known.clone()).or_default() += 1,
        }
    }

    fn uncount(&mut self, holder: &GateHolder<K>, was_inside: bool) {
        match holder {
            GateHolder::Stranger(network) => {
                self.strangers.remove(*network, 1);
                self.recent_strangers.leave(*network, was_inside);
            }
            known @ GateHolder::Known(_) => decrement(&mut self.known, known),
        }
    }

    fn queue_of(&mut self, holder: &GateHolder<K>) -> &mut TurnQueue<K> {
        if holder.is_stranger() { &mut self.waiting_strangers } else { &mut self.waiting_known }
    }

    fn inside_of_kind(&mut self, holder: &GateHolder<K>) -> &mut usize {
        if holder.is_stranger() { &mut self.strangers_inside } else { &mut self.known_inside }
    }

    /// Lets in whoever has a turn, as long as there are places for them.
    fn let_in(&mut self, limits: GateLimits) {
        while self.inside.len() < limits.places {
            let inside = &self.inside_by_turn;
            let has_less = |turn: &GateHolder<K>, most: usize| inside.get(turn).is_none_or(|inside| *inside < most);
            let next_of = |queue: &mut TurnQueue<K>, inside: usize, share: usize, most: usize| {
                if inside < share { queue.next(|turn| has_less(turn, most)) } else { None }
            };
            let known = next_of(&mut self.waiting_known, self.known_inside, limits.for_known, limits.per_known);
            let next = known.or_else(|| {
                next_of(
                    &mut self.waiting_strangers,
                    self.strangers_inside,
                    limits.for_strangers,
                    limits.for_strangers.div_ceil(2),
                )
            });
            let Some(Waiting { id, holder, sender }) = next else { return };
            self.inside.insert(id);
            *self.inside_of_kind(&holder) += 1;
            *self.inside_by_turn.entry(holder.widened()).or_default() += 1;
            // Whoever has gone meanwhile gives the place back when it is dropped.
            let _ = sender.send(());
        }
    }
}

fn decrement<K: Eq + Hash>(counts: &mut HashMap<GateHolder<K>, usize>, holder: &GateHolder<K>) {
    if let Some(count) = counts.get_mut(holder) {
        *count -= 1;
        if *count == 0 {
            counts.remove(holder);
        }
    }
}

/// Locks the state; a panic elsewhere leaves it whole.
fn lock<K>(state: &Mutex<GateState<K>>) -> MutexGuard<'_, GateState<K>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
