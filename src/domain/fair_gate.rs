use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Clock, Network, NetworkCounts};

/// A gate that lets a bounded number of requests through at the same time. Its places are shared out by holder: whoever is known
/// comes before strangers, but neither ever has more than its own share, nor one holder more than a part of that; among either, each
/// holder has a turn after the other, however many of one wait. Whoever may not wait is told at once.
pub struct FairGate<K: Clone + Eq + Hash> {
    state: Arc<Mutex<GateState<K>>>,
    limits: GateLimits,
    clock: Arc<dyn Clock>,
}

/// The one whom a place of a gate is counted under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GateHolder<K> {
    /// Somebody who is known, by a key: who has proved who they are, or comes from a browser that is familiar as theirs.
    Known(K),
    /// Anybody else, by the narrowest network.
    Stranger(Network),
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
    strangers: NetworkCounts,
    known: HashMap<GateHolder<K>, usize>,
    waiting_known: TurnQueue<K>,
    waiting_strangers: TurnQueue<K>,
}

/// Those who wait, by the holder in whose turn they are.
struct TurnQueue<K> {
    turns: VecDeque<GateHolder<K>>,
    waiting: HashMap<GateHolder<K>, VecDeque<(u64, oneshot::Sender<()>)>>,
    len: usize,
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
    /// this one, or when none became free in time.
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
        let turn = holder.widened();
        if !state.has_room(&holder, self.limits) || !state.make_room_in_queue(&turn, self.limits) {
            return Err(GateBusy);
        }
        state.count(&holder);
        state.last_id += 1;
        let id = state.last_id;
        let (sender, receiver) = oneshot::channel();
        state.queue_of(&holder).push(turn, id, sender);
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
        } else {
            state.queue_of(&self.holder).remove(&turn, self.id);
        }
        state.uncount(&self.holder);
        state.let_in(self.limits);
    }
}

impl<K: Clone> GateHolder<K> {
    /// The holder in whose turn it is: strangers of one widest network have one together.
    fn widened(&self) -> Self {
        match self {
            Self::Known(key) => Self::Known(key.clone()),
            Self::Stranger(network) => Self::Stranger(network.widest()),
        }
    }

    fn is_stranger(&self) -> bool {
        matches!(self, Self::Stranger(_))
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
            known: HashMap::new(),
            waiting_known: TurnQueue::new(),
            waiting_strangers: TurnQueue::new(),
        }
    }

    fn has_room(&self, holder: &GateHolder<K>, limits: GateLimits) -> bool {
        match holder {
            GateHolder::Stranger(network) => self.strangers.has_room(*network, limits.per_holder),
            known @ GateHolder::Known(_) => self.known.get(known).is_none_or(|held| *held < limits.per_holder),
        }
    }

    /// Makes room for one more that waits in this turn, where strangers fill the queue: the last of the longest turn is sent
    /// away, so that a few networks do not keep out the others.
    fn make_room_in_queue(&mut self, turn: &GateHolder<K>, limits: GateLimits) -> bool {
        !turn.is_stranger()
            || self.waiting_strangers.len < limits.waiting_strangers
            || self.waiting_strangers.displace_for(turn)
    }

    fn count(&mut self, holder: &GateHolder<K>) {
        match holder {
            GateHolder::Stranger(network) => self.strangers.add(*network),
            known @ GateHolder::Known(_) => *self.known.entry(known.clone()).or_default() += 1,
        }
    }

    fn uncount(&mut self, holder: &GateHolder<K>) {
        match holder {
            GateHolder::Stranger(network) => self.strangers.remove(*network),
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
            let Some((turn, id, sender)) = next else { return };
            self.inside.insert(id);
            *self.inside_of_kind(&turn) += 1;
            *self.inside_by_turn.entry(turn).or_default() += 1;
            // Whoever has gone meanwhile gives the place back when it is dropped.
            let _ = sender.send(());
        }
    }
}

impl<K: Clone + Eq + Hash> TurnQueue<K> {
    fn new() -> Self {
        Self { turns: VecDeque::new(), waiting: HashMap::new(), len: 0 }
    }

    fn push(&mut self, turn: GateHolder<K>, id: u64, sender: oneshot::Sender<()>) {
        let waiting = self.waiting.entry(turn.clone()).or_default();
        if waiting.is_empty() {
            self.turns.push_back(turn);
        }
        waiting.push_back((id, sender));
        self.len += 1;
    }

    /// Takes the first of the holder whose turn it is among those that may enter; the holder's next turn is the last.
    fn next(&mut self, may_enter: impl Fn(&GateHolder<K>) -> bool) -> Option<(GateHolder<K>, u64, oneshot::Sender<()>)> {
        let place = self.turns.iter().position(may_enter)?;
        let turn = self.turns.remove(place)?;
        let waiting = self.waiting.get_mut(&turn)?;
        let (id, sender) = waiting.pop_front()?;
        self.len -= 1;
        if waiting.is_empty() {
            self.waiting.remove(&turn);
        } else {
            self.turns.push_back(turn.clone());
        }
        Some((turn, id, sender))
    }

    /// Sends away the last of the longest turn, unless this one would become as long.
    fn displace_for(&mut self, turn: &GateHolder<K>) -> bool {
        let own = self.waiting.get(turn).map_or(0, VecDeque::len);
        let Some(longest) = self.waiting.values_mut().max_by_key(|waiting| waiting.len()) else { return false };
        if longest.len() <= own + 1 {
            return false;
        }
        // Whose sender is gone is told that the gate is busy.
        longest.pop_back();
        self.len -= 1;
        true
    }

    fn remove(&mut self, turn: &GateHolder<K>, id: u64) {
        let Some(waiting) = self.waiting.get_mut(turn) else { return };
        let before = waiting.len();
        waiting.retain(|(other, _)| *other != id);
        self.len -= before - waiting.len();
        if waiting.is_empty() {
            self.waiting.remove(turn);
            self.turns.retain(|other| other != turn);
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
