use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::channel::{Channel, ChannelHead};
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
#[derive(Default)]
pub(super) struct WriterShards {
    shards: Mutex<Vec<Arc<WriterShard>>>,
}

/// Up to [`SHARD_CAPACITY`] connections, and the task that writes to them.
struct WriterShard {
    connections: Arc<ShardConnections>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct ShardConnections(Mutex<Vec<Weak<WsConnection>>>);

/// A connection's membership in a shard. Dropping it removes the connection.
pub(super) struct ShardMembership {
    channel: Arc<Channel>,
    shard: Arc<WriterShard>,
    connection: Weak<WsConnection>,
}

impl ShardMembership {
    /// Adds the connection to a shard of the channel, which writes to it from now on.
    pub(super) fn join(channel: &Arc<Channel>, line: &Arc<WsConnection>, clock: &Arc<dyn Clock>) -> Self {
        let connection = Arc::downgrade(line);
        let mut rows = channel.rows().lock();
        // Shards have gaps where connections have left; the newest shard is filled up first.
        let open = rows.iter().rev().find(|row| row.connections.lock().len() < SHARD_CAPACITY);
        let shard = if let Some(row) = open {
            Arc::clone(row)
        } else {
            let row = Arc::new(WriterShard::start(channel, Arc::clone(clock)));
            rows.push(Arc::clone(&row));
            row
        };
        shard.connections.lock().push(Weak::clone(&connection));
        drop(rows);
        Self { channel: Arc::clone(channel), shard, connection }
    }
}

impl Drop for ShardMembership {
    fn drop(&mut self) {
        let mut rows = self.channel.rows().lock();
        let mut lines = self.shard.connections.lock();
        lines.retain(|line| !line.ptr_eq(&self.connection));
        if lines.is_empty() {
            drop(lines);
            rows.retain(|row| !Arc::ptr_eq(row, &self.shard));
        }
    }
}

impl WriterShards {
    /// Calls a function with each connection of every shard, and collects the values that are `Some`.
    pub(super) fn filter_map<T>(&self, question: impl Fn(&WsConnection) -> Option<T>) -> Vec<T> {
        let mut answers = Vec::new();
        let mut present = Vec::new();
        self.lock().iter().for_each(|row| row.connections.collect_alive(&mut present));
        for line in &present {
            catch_panic(line, |line| answers.extend(question(line)));
        }
        answers
    }

    /// The number of connections in each shard.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> Vec<usize> {
        self.lock().iter().map(|row| row.connections.lock().len()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<WriterShard>>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WriterShard {
    fn start(channel: &Channel, clock: Arc<dyn Clock>) -> Self {
        let connections = Arc::new(ShardConnections::default());
        let work = ShardTask {
            connections: Arc::clone(&connections),
            head: channel.head(),
            heartbeat: channel.heartbeat(),
            metrics: Arc::clone(channel.metrics()),
            clock,
        };
        // Its work at a time is bounded by the shard's capacity. Tokio's own budget would report a transport that accepts more
        // as full, once a task has written often enough.
        let task = tokio::spawn(tokio::task::unconstrained(work.run()));
        Self { connections, _task: AbortOnDropHandle::new(task) }
    }
}

impl ShardConnections {
    fn lock(&self) -> MutexGuard<'_, Vec<Weak<WsConnection>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the connections that still exist to `alive`: those that join or leave need not wait for what is done with them.
    fn collect_alive(&self, present: &mut Vec<Arc<WsConnection>>) {
        present.extend(self.lock().iter().filter_map(Weak::upgrade));
    }
}

/// Runs `work` on a connection. A panic, which is in the log, costs that connection alone.
fn catch_panic(line: &WsConnection, work: impl FnOnce(&WsConnection)) {
    if catch_unwind(AssertUnwindSafe(|| work(line))).is_err() {
        line.mark_lost();
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
        let mut present = Vec::with_capacity(SHARD_CAPACITY);
        let began = self.clock.now();
        let mut rounds = Interval::new(began, SWEEP_INTERVAL.min(self.heartbeat));
        let mut pings = Interval::new(began, self.heartbeat);
        let mut tally = WriteStats::default();
        loop {
            let nap = rounds.until_due(self.clock.now());
            let told = tokio::select! {
                biased;
                // The channel is gone, and with it all its viewers.
                told = self.head.changed() => if told.is_ok() { true } else { return },
                () = self.clock.sleep(nap) => false,
            };
            let now = self.clock.now();
            let (sweeps, asks) = (rounds.tick(now), pings.tick(now));
            self.connections.collect_alive(&mut present);
            for line in present.drain(..) {
                catch_panic(&line, |line| {
                    if sweeps {
                        line.sweep();
                    }
                    if asks { line.ping(&mut tally) } else { line.write(&mut tally) }
                });
                if tally.bytes() >= YIELD_AFTER_BYTES {
                    tally.flush_to(&self.metrics);
                    tokio::task::yield_now().await;
                }
            }
            tally.flush_to(&self.metrics);
            let read_at = self.head.borrow().read_at;
            // The latency of those that keep up; the others' lag is read by `Hub::state`.
            if let Some(read_at) = read_at.filter(|_| told) {
                self.metrics.on_the_wire(self.clock.now().since(read_at));
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
