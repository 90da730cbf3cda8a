use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as FairMutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use crate::bus::{Bus, TopicName};
use crate::domain::{Clock, Holder, SourceName, Timestamp};

/// The share of a source's rate that strangers have together: the rest is the members'.
const STRANGERS_SHARE: f64 = 0.5;

/// The share of it that a network of strangers has for queries that were not executed before, as whoever walks through the
/// choices of a page causes. It has ten seconds' worth at once: a page has many panels.
const FIRST_QUERIES_SHARE: f64 = 0.05;
const FIRST_QUERIES_BURST: f64 = 10.0;

/// The queries of strangers that a source executes at a time: so many places in its server at most. A
/// network has a quarter of them for first queries, and as many for others, so that slow ones of one keep out nobody else's.
const MAX_STRANGERS_AT_A_TIME: usize = 16;
const MAX_OF_NETWORK_AT_A_TIME: usize = MAX_STRANGERS_AT_A_TIME / 4;

/// The same for one member, and for the pages that are kept running: all panels of a page, and several pages. Each answer that is
/// awaited costs a connection and memory.
const MAX_OF_MEMBER_AT_A_TIME: usize = 32;
const MAX_OF_PROGRAM_AT_A_TIME: usize = 64;

/// The queues that are remembered for a source, before those in which nothing waits are forgotten.
const MAX_QUEUES: usize = 4096;

/// The gates of all sources that have a rate.
pub(super) struct SourceGates {
    clock: Arc<dyn Clock>,
    gates: Mutex<HashMap<SourceName, Arc<SourceGate>>>,
    bus: Option<Bus>,
}

impl SourceGates {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, gates: Mutex::default(), bus: None }
    }

    /// These gates, whose rates are of all nodes on the bus together.
    pub(super) fn with_bus(self, bus: Bus) -> Self {
        Self { bus: Some(bus), ..self }
    }

    /// The gate of a source with that rate, in queries a second.
    pub(super) fn gate(&self, source: &SourceName, rate: u32) -> Arc<SourceGate> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let shared = self.bus.clone().map(|bus| {
                let name = bus.key().topic(&("rate", source.to_string()));
                Arc::new(SharedRate { bus, name, rate })
            });
            Arc::new(SourceGate::new(rate, shared, Arc::clone(&self.clock)))
        };
        Arc::clone(gates.entry(source.clone()).or_insert_with(new))
    }
}

/// Limits how often a source is queried, and shares that out by holder.
///
/// Every holder has a queue of its own, of which one at a time waits in the strangers', of which one at a time waits with the
/// members: so strangers take turns with each other, and a member waits behind one query of each of the others. Queries that were
/// executed before have queues apart from first ones: what a channel shows is refreshed, however many choices somebody walks
/// through beside it.
pub(super) struct SourceGate {
    clock: Arc<dyn Clock>,
    rate: f64,
    all: Arc<FairMutex<TokenBucket>>,
    strangers: Arc<FairMutex<TokenBucket>>,
    strangers_at_a_time: Arc<Semaphore>,
    queues: Mutex<HashMap<QueueKey, Arc<HolderQueue>>>,
    /// The rate of all nodes together, where there is a bus.
    shared: Option<Arc<SharedRate>>,
}

/// The rate at which all nodes together query a source.
struct SharedRate {
    bus: Bus,
    name: TopicName,
    rate: u32,
}

/// The holder of a queue, of a network in steps, and whether it is the one for first queries.
type QueueKey = (Holder, bool);

/// The queue of a holder.
struct HolderQueue {
    /// Only first queries take tokens of it.
    bucket: Arc<FairMutex<TokenBucket>>,
    at_a_time: Arc<Semaphore>,
}

/// Permission for one query of this node, held while it is executed.
pub(super) struct QueryPermit {
    _permits: Vec<OwnedSemaphorePermit>,
    shared: Option<Arc<SharedRate>>,
}

impl QueryPermit {
    /// Waits for the query's turn among those of all nodes. Only the node that executes it asks for one.
    pub(super) async fn wait_for_rate(&self) {
        if let Some(SharedRate { bus, name, rate }) = self.shared.as_deref() {
            bus.wait_for_rate(name, *rate).await;
        }
    }
}

impl SourceGate {
    fn new(rate: u32, shared: Option<Arc<SharedRate>>, clock: Arc<dyn Clock>) -> Self {
        let (rate, now) = (f64::from(rate), clock.now());
        let bucket = |rate| Arc::new(FairMutex::new(TokenBucket::new(rate, rate, now)));
        Self {
            rate,
            all: bucket(rate),
            strangers: bucket(rate * STRANGERS_SHARE),
            strangers_at_a_time: Arc::new(Semaphore::new(MAX_STRANGERS_AT_A_TIME)),
            queues: Mutex::default(),
            shared,
            clock,
        }
    }

    /// Waits for the holder's turn; `is_first` where the query was not executed before. Whoever gives up waiting leaves the queue.
    pub(super) async fn pass(&self, holder: &Holder, is_first: bool) -> QueryPermit {
        // Each is kept until the wider ones are passed, so that one of each waits there.
        let mut passed = Vec::new();
        let mut permits = Vec::new();
        if let Holder::Stranger(network) = holder {
            for (step, shares) in network.steps() {
                let shares = f64::from(u32::try_from(shares).unwrap_or(u32::MAX));
                let queue = self.queue(Holder::Stranger(step), is_first, self.rate * FIRST_QUERIES_SHARE * shares);
                let mut bucket = Arc::clone(&queue.bucket).lock_owned().await;
                if is_first {
                    bucket.take(&*self.clock).await;
                }
                passed.push(bucket);
                if step == network.widest() {
                    permits.extend(Arc::clone(&queue.at_a_time).acquire_owned().await);
                }
            }
            permits.extend(Arc::clone(&self.strangers_at_a_time).acquire_owned().await);
            passed.push(self.take_from(&self.strangers).await);
        } else {
            let queue = self.queue(holder.clone(), is_first, self.rate);
            passed.push(Arc::clone(&queue.bucket).lock_owned().await);
            permits.extend(Arc::clone(&queue.at_a_time).acquire_owned().await);
        }
        drop(self.take_from(&self.all).await);
        QueryPermit { _permits: permits, shared: self.shared.clone() }
    }

    async fn take_from(&self, bucket: &Arc<FairMutex<TokenBucket>>) -> OwnedMutexGuard<TokenBucket> {
        let mut bucket = Arc::clone(bucket).lock_owned().await;
        bucket.take(&*self.clock).await;
        bucket
    }

    fn queue(&self, holder: Holder, is_first: bool, rate: f64) -> Arc<HolderQueue> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if queues.len() >= MAX_QUEUES {
            queues.retain(|_, queue| queue.is_used());
        }
        let at_a_time = match holder {
            Holder::Stranger(_) => MAX_OF_NETWORK_AT_A_TIME,
            Holder::Person(_) => MAX_OF_MEMBER_AT_A_TIME,
            Holder::Program => MAX_OF_PROGRAM_AT_A_TIME,
        };
        let new = || {
            let bucket = TokenBucket::new(rate, rate * FIRST_QUERIES_BURST, self.clock.now());
            Arc::new(HolderQueue { bucket: Arc::new(FairMutex::new(bucket)), at_a_time: Arc::new(Semaphore::new(at_a_time)) })
        };
        Arc::clone(queues.entry((holder, is_first)).or_insert_with(new))
    }
}

impl HolderQueue {
    /// Whether somebody waits in it, or has a permit of it.
    fn is_used(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) > 1 || Arc::strong_count(&self.bucket) > 1 || Arc::strong_count(&self.at_a_time) > 1
    }
}

/// A token bucket: so many a second, and so many at once after a time without.
struct TokenBucket {
    rate: f64,
    most: f64,
    tokens: f64,
    filled_at: Timestamp,
}

impl TokenBucket {
    fn new(rate: f64, most: f64, now: Timestamp) -> Self {
        let most = most.max(1.0);
        Self { rate, most, tokens: most, filled_at: now }
    }

    /// Takes a token, and waits for one if there is none.
    async fn take(&mut self, clock: &dyn Clock) {
        loop {
            let now = clock.now();
            self.tokens = (self.tokens + now.since(self.filled_at).as_secs_f64() * self.rate).min(self.most);
            self.filled_at = now;
            if self.tokens >= 1.0 {
                self.tokens -= 1.0;
                return;
            }
            let missing = Duration::from_secs_f64((1.0 - self.tokens) / self.rate);
            clock.sleep(missing.max(Duration::from_millis(1))).await;
        }
    }
}
