use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::sync::{Notify, watch};

use super::context::EntryContext;
use super::entry::{BusEntry, Role, TopicUse};
use super::error::BusError;
use super::key::{BusKey, TopicName};
use super::topic_state::TopicState;
use crate::domain::Clock;
use crate::telemetry::BusMetrics;

/// The most bytes that wait to be sent to the bus, when it is slow: then the oldest are dropped, which newer ones replace.
const MAX_OUTGOING_BYTES: usize = 16 * 1024 * 1024;

/// Whether there is a bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BusState {
    /// That is tried for the first time.
    Connecting,
    /// There is.
    Up,
    /// There is not, and why.
    Down(BusError),
}

/// The state that the topics of a node and its connection to the bus share.
pub(super) struct BusShared {
    pub(super) context: EntryContext,
    /// This run of the node, as holder of leases.
    pub(super) holder: String,
    pub(super) state: watch::Sender<BusState>,
    /// The connection for commands, while there is one.
    pub(super) commands: Mutex<Option<MultiplexedConnection>>,
    topics: Mutex<HashMap<TopicName, Arc<TopicState>>>,
    /// The changes among them since the connection has last looked.
    pub(super) membership: Mutex<MembershipChanges>,
    pub(super) membership_changed: Notify,
    /// Notified when the bus has been told of all changes.
    pub(super) membership_settled: Notify,
    /// Notified when a lease may be claimed.
    pub(super) claims: Notify,
    outgoing: Mutex<Outgoing>,
    pub(super) outgoing_changed: Notify,
}

/// Topics that were joined and left.
#[derive(Default)]
pub(super) struct MembershipChanges {
    pub(super) joined: Vec<Arc<TopicState>>,
    pub(super) left: Vec<TopicName>,
    /// Those whose lease is given back.
    pub(super) released: Vec<TopicName>,
}

/// An entry on its way to the bus.
pub(super) struct OutgoingEntry {
    pub(super) topic: Arc<TopicState>,
    pub(super) fence: u64,
    pub(super) bytes: Vec<u8>,
    /// How many entries the stream keeps.
    pub(super) most: usize,
    /// How long the stream is kept.
    pub(super) kept: Duration,
    /// Whether the lease is given back with it.
    pub(super) is_last: bool,
    /// The entry as this node receives it itself, where it does.
    pub(super) echo: Option<BusEntry>,
}

#[derive(Default)]
struct Outgoing {
    entries: VecDeque<OutgoingEntry>,
    bytes: usize,
}

impl BusShared {
    pub(super) fn new(key: BusKey, holder: String, clock: Arc<dyn Clock>, metrics: BusMetrics) -> Self {
        Self {
            context: EntryContext::new(key, clock, metrics),
            holder,
            state: watch::Sender::new(BusState::Connecting),
            commands: Mutex::default(),
            topics: Mutex::default(),
            membership: Mutex::default(),
            membership_changed: Notify::new(),
            membership_settled: Notify::new(),
            claims: Notify::new(),
            outgoing: Mutex::default(),
            outgoing_changed: Notify::new(),
        }
    }

    /// All topics.
    pub(super) fn topics(&self) -> Vec<Arc<TopicState>> {
        lock(&self.topics).values().cloned().collect()
    }

    /// The topic of that name.
    pub(super) fn topic(&self, name: &TopicName) -> Option<Arc<TopicState>> {
        lock(&self.topics).get(name).cloned()
    }

    /// Joins a topic, in place of one of that name that is about to be left.
    pub(super) fn join(&self, name: TopicName, topic_use: TopicUse) -> Arc<TopicState> {
        let mut topics = lock(&self.topics);
        let role = if matches!(*self.state.borrow(), BusState::Down(_)) { Role::Alone } else { Role::Undecided };
        let topic = Arc::new(TopicState::new(name.clone(), role, topic_use));
        topics.insert(name, Arc::clone(&topic));
        lock(&self.membership).joined.push(Arc::clone(&topic));
        drop(topics);
        self.membership_changed.notify_one();
        topic
    }

    /// Leaves a topic, unless it was joined anew.
    pub(super) fn leave(&self, topic: &Arc<TopicState>) {
        let mut topics = lock(&self.topics);
        if topics.get(&topic.name).is_some_and(|current| Arc::ptr_eq(current, topic)) {
            topics.remove(&topic.name);
            let mut changes = lock(&self.membership);
            changes.joined.retain(|joined| !Arc::ptr_eq(joined, topic));
            changes.left.push(topic.name.clone());
            drop((topics, changes));
            self.membership_changed.notify_one();
        }
    }

    /// Joins all topics anew, on a new connection.
    pub(super) fn rejoin_all(&self) {
        let topics = lock(&self.topics);
        for topic in topics.values() {
            let mut progress = topic.progress();
            progress.has_caught_up = false;
            progress.is_releasing = false;
            // Others may have taken over: it is claimed anew.
            progress.held = None;
        }
        // What was left meanwhile lapses.
        *lock(&self.membership) =
            MembershipChanges { joined: topics.values().cloned().collect(), ..MembershipChanges::default() };
        drop(topics);
        self.membership_changed.notify_one();
    }

    /// Gives the lease of a topic back, if it is held.
    pub(super) fn give_back(&self, topic: &TopicState) {
        let mut progress = topic.progress();
        if progress.held.take().is_some() {
            progress.is_releasing = true;
            if matches!(progress.role, Role::Leading(_)) {
                progress.role = Role::Undecided;
            }
            drop(progress);
            lock(&self.membership).released.push(topic.name.clone());
            self.membership_changed.notify_one();
        }
    }

    /// Sets the role of every topic, when the connection has ended.
    pub(super) fn set_state(&self, state: BusState) {
        // Under the lock, so that a topic is joined before or after.
        let topics = lock(&self.topics);
        if matches!(state, BusState::Down(_)) {
            topics.values().for_each(|topic| topic.set_role(Role::Alone));
            *lock(&self.outgoing) = Outgoing::default();
            *lock(&self.commands) = None;
        }
        self.context.metrics.set_up(state == BusState::Up);
        self.state.send_replace(state);
    }

    /// Sends an entry to the bus.
    pub(super) fn send(&self, entry: OutgoingEntry) {
        let mut outgoing = lock(&self.outgoing);
        outgoing.bytes += entry.bytes.len();
        outgoing.entries.push_back(entry);
        while outgoing.bytes > MAX_OUTGOING_BYTES && outgoing.entries.len() > 1 {
            // Whoever waits for it finds the next one; this node may not go on as if it stood in the stream.
            if let Some(dropped) = outgoing.pop() {
                dropped.topic.progress().is_releasing = false;
                if dropped.echo.is_some() {
                    dropped.topic.lose(dropped.fence);
                }
            }
        }
        drop(outgoing);
        self.outgoing_changed.notify_one();
    }

    /// Takes the next entries to send: so many at most, and so many bytes, but for one alone.
    pub(super) fn take_outgoing(&self, most: usize, max_bytes: usize) -> Vec<OutgoingEntry> {
        let mut outgoing = lock(&self.outgoing);
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while let Some(next) = outgoing.entries.front() {
            bytes += next.bytes.len();
            if taken.len() == most || (bytes > max_bytes && !taken.is_empty()) {
                break;
            }
            taken.extend(outgoing.pop());
        }
        taken
    }
}

impl Outgoing {
    fn pop(&mut self) -> Option<OutgoingEntry> {
        let entry = self.entries.pop_front()?;
        self.bytes -= entry.bytes.len();
        Some(entry)
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whole at every moment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
