use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::channel::ChannelHead;
use super::ws_connection::{WriteStats, WsConnection};
use crate::domain::{Clock, Timestamp};
use crate::telemetry::LiveMetrics;

/// The number of connections that one task serves: a batch wakes one task for all of them, and the tasks share the processors.
/// It is what one task may write at a time without keeping a processor from the others for long: about half a millisecond.
const SHARD_CAPACITY: usize = 64;

/// The bytes after which a shard's task yields to others, where states are large: TLS encrypts as many in a quarter of a
/// millisecond.
const YIELD_AFTER_BYTES: u64 = 256 * 1024;

/// The interval at which each shard checks for stalled connections.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// The WebSocket connections of a channel, divided into shards.
pub(super) struct WriterShards {
    shards: Mutex<Vec<Arc<WriterShard>>>,
    head: watch::Receiver<ChannelHead>,
    heartbeat: Duration,
    metrics: Arc<LiveMetrics>,
    clock: Arc<dyn Clock>,
}

/// A shard: up to [`SHARD_CAPACITY`] connections, and the task that writes to them.
struct WriterShard {
    connections: Arc<ShardConnections>,
    _task: AbortOnDropHandle<()>,
}

/// The connections of a shard, which they may have left.
#[derive(Default)]
struct ShardConnections(Mutex<Vec<Weak<WsConnection>>>);

/// A connection's membership in a shard. Dropping it removes the connection.
pub(super) struct ShardMembership {
    shards: Arc<WriterShards>,
    shard: Arc<WriterShard>,
    connection: Weak<WsConnection>,
}

impl Drop for ShardMembership {
    fn drop(&mut self) {
        let mut shards = self.shards.lock();
        let mut connections = self.shard.connections.lock();
        // One of them: who moves to the same channel again joins before it leaves.
        if let Some(place) = connections.iter().position(|connection| connection.ptr_eq(&self.connection)) {
            connections.swap_remove(place);
        }
        if connections.is_empty() {
            drop(connections);
            shards.retain(|shard| !Arc::ptr_eq(shard, &self.shard));
        }
    }
}

impl WriterShards {
    /// No connections yet. Those to come are written to whenever `head` is replaced, and pinged at every `heartbeat`.
    pub(super) fn new(
        head: watch::Receiver<ChannelHead>,
        heartbeat: Duration,
        metrics: Arc<LiveMetrics>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { shards: Mutex::default(), head, heartbeat, metrics, clock }
    }

    /// Adds the connection to a shard, which writes to it from now on.
    pub(super) fn join(self: &Arc<Self>, connection: &Arc<WsConnection>) -> ShardMembership {
        let connection = Arc::downgrade(connection);
        let mut shards = self.lock();
        // Shards have gaps where connections have left; the newest shard is filled up first.
        let open = shards.iter().rev().find(|shard| shard.connections.lock().len() < SHARD_CAPACITY);
        let shard = if let Some(shard) = open {
            Arc::clone(shard)
        } else {
            let shard = Arc::new(WriterShard::start(self));
            shards.push(Arc::clone(&shard));
            shard
        };
        shard.connections.lock().push(Weak::clone(&connection));
        drop(shards);
        ShardMembership { shards: Arc::clone(self), shard, connection }
    }

    /// Calls a function with each connection of every shard, and collects the values that are `Some`.
    pub(super) fn filter_map<T>(&self, f: impl Fn(&WsConnection) -> Option<T>) -> Vec<T> {
        let mut results = Vec::new();
        let mut alive = Vec::new();
        self.lock().iter().for_each(|shard| shard.connections.collect_alive(&mut alive));
        for connection in &alive {
            catch_panic(connection, |connection| results.extend(f(connection)));
        }
        results
    }

    /// The number of connections in each shard.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> Vec<usize> {
        self.lock().iter().map(|shard| shard.connections.lock().len()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<WriterShard>>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WriterShard {
    fn start(shards: &WriterShards) -> Self {
        let connections = Arc::new(ShardConnections::default());
        let writer = ShardTask {
            connections: Arc::clone(&connections),
            head: shards.head.clone(),
            heartbeat: shards.heartbeat,
            metrics: Arc::clone(&shards.metrics),
            clock: Arc::clone(&shards.clock),
        };
        // Its work at a time is bounded by the shard's capacity. Tokio's own budget would report a transport that accepts more
        // as full, once a task has written often enough.
        let task = tokio::spawn(tokio::task::unconstrained(writer.run()));
        Self { connections, _task: AbortOnDropHandle::new(task) }
    }
}

impl ShardConnections {
    fn lock(&self) -> MutexGuard<'_, Vec<Weak<WsConnection>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the connections that still exist to `alive`: those that join or leave need not wait for what is done with them.
    fn collect_alive(&self, alive: &mut Vec<Arc<WsConnection>>) {
        alive.extend(self.lock().iter().filter_map(Weak::upgrade));
    }
}

/// Runs `work` on a connection. A panic, which is in the log, costs that connection alone.
fn catch_panic(connection: &WsConnection, work: impl FnOnce(&WsConnection)) {
    if catch_unwind(AssertUnwindSafe(|| work(connection))).is_err() {
        connection.mark_lost();
    }
}

/// The task of a shard.
struct ShardTask {
    connections: Arc<ShardConnections>,
    head: watch::Receiver<ChannelHead>,
    heartbeat: Duration,
    metrics: Arc<LiveMetrics>,
    clock: Arc<dyn Clock>,
}

impl ShardTask {
    /// Writes each batch of the channel to every connection of the shard, pings them, and drops those that have stalled.
    async fn run(mut self) {
        let mut alive = Vec::with_capacity(SHARD_CAPACITY);
        let began = self.clock.now();
        let mut sweep_interval = Interval::new(began, SWEEP_INTERVAL.min(self.heartbeat));
        let mut ping_interval = Interval::new(began, self.heartbeat);
        let mut stats = WriteStats::default();
        loop {
            let sleep_time = sweep_interval.until_due(self.clock.now());
            let published = tokio::select! {
                biased;
                // The channel is gone, and with it all its viewers.
                published = self.head.changed() => if published.is_ok() { true } else { return },
                () = self.clock.sleep(sleep_time) => false,
            };
            let now = self.clock.now();
            let (sweep_due, ping_due) = (sweep_interval.tick(now), ping_interval.tick(now));
            self.connections.collect_alive(&mut alive);
            for connection in alive.drain(..) {
                catch_panic(&connection, |connection| {
                    if sweep_due {
                        connection.sweep();
                    }
                    if ping_due { connection.ping(&mut stats) } else { connection.write(&mut stats) }
                });
                if stats.bytes() >= YIELD_AFTER_BYTES {
                    stats.flush_to(&self.metrics);
                    tokio::task::yield_now().await;
                }
            }
            stats.flush_to(&self.metrics);
            let read_at = self.head.borrow().read_at;
            // The latency of those that keep up; the others' lag is read by `Hub::state`.
            if let Some(read_at) = read_at.filter(|_| published) {
                self.metrics.observe_reading_to_wire(self.clock.now().since(read_at));
            }
        }
    }
}

/// A recurring moment, once per period.
struct Interval {
    next: Timestamp,
    period: Duration,
}

impl Interval {
    fn new(now: Timestamp, period: Duration) -> Self {
        Self { next: now + period, period }
    }

    /// The time until it is due; never more than one period.
    fn until_due(&self, now: Timestamp) -> Duration {
        self.next.since(now).min(self.period)
    }

    /// Whether it is due. If so, it is due again one period later.
    fn tick(&mut self, now: Timestamp) -> bool {
        // A clock that was set back must not put it off until that has caught up.
        let is_due = now >= self.next || self.next.since(now) > self.period;
        if is_due {
            self.next = now + self.period;
        }
        is_due
    }
}
