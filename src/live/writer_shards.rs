use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::channel::{Channel, ChannelHead};
use super::ws_connection::{WriteStats, WsConnection};
use crate::domain::{Clock, Timestamp};
use crate::telemetry::LiveMetrics;

/// So many viewers are served by one task: a batch wakes one task for all of them, and the tasks share the processors. It is
/// what one task may write at a time without keeping a processor from the others for long: about half a millisecond.
const SHARD_CAPACITY: usize = 64;

/// So much is written at a time where states are large, which TLS encrypts in a quarter of a millisecond; then whoever else waits for
/// the processor has their turn.
const YIELD_AFTER_BYTES: u64 = 256 * 1024;

/// How often each row looks for those that have stalled.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Those who watch a channel over sockets, in rows.
#[derive(Default)]
pub(super) struct WriterShards {
    shards: Mutex<Vec<Arc<WriterShard>>>,
}

/// Some viewers, and the task that writes to them.
struct WriterShard {
    connections: Arc<ShardConnections>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct ShardConnections(Mutex<Vec<Weak<WsConnection>>>);

/// A place in a row. Dropping it gives it up.
pub(super) struct ShardMembership {
    channel: Arc<Channel>,
    shard: Arc<WriterShard>,
    connection: Weak<WsConnection>,
}

impl ShardMembership {
    /// Puts the line into a row of the channel, which writes to it from now on.
    pub(super) fn join(channel: &Arc<Channel>, line: &Arc<WsConnection>, clock: &Arc<dyn Clock>) -> Self {
        let connection = Arc::downgrade(line);
        let mut rows = channel.rows().lock();
        // Rows have gaps where viewers have left; the newest row is the one that is filled up.
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
    /// What each line of every row says of itself.
    pub(super) fn filter_map<T>(&self, question: impl Fn(&WsConnection) -> Option<T>) -> Vec<T> {
        let mut answers = Vec::new();
        let mut present = Vec::new();
        self.lock().iter().for_each(|row| row.connections.collect_alive(&mut present));
        for line in &present {
            catch_panic(line, |line| answers.extend(question(line)));
        }
        answers
    }

    /// How many sit in each row.
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
        // What it may do at a time is bounded by the row's length. Tokio's own bound would tell a wire that can take more
        // that it cannot, once a task has written often enough.
        let task = tokio::spawn(tokio::task::unconstrained(work.run()));
        Self { connections, _task: AbortOnDropHandle::new(task) }
    }
}

impl ShardConnections {
    fn lock(&self) -> MutexGuard<'_, Vec<Weak<WsConnection>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds those who are there to `present`: nobody who comes or leaves has to wait for what is done with them.
    fn collect_alive(&self, present: &mut Vec<Arc<WsConnection>>) {
        present.extend(self.lock().iter().filter_map(Weak::upgrade));
    }
}

/// Does something with a line. A fault in what it is told stays with that one; the panic itself is in the log.
fn catch_panic(line: &WsConnection, work: impl FnOnce(&WsConnection)) {
    if catch_unwind(AssertUnwindSafe(|| work(line))).is_err() {
        line.mark_lost();
    }
}

/// What the task of a row has to do, and with what.
struct ShardTask {
    connections: Arc<ShardConnections>,
    head: watch::Receiver<ChannelHead>,
    heartbeat: Duration,
    metrics: Arc<LiveMetrics>,
    clock: Arc<dyn Clock>,
}

impl ShardTask {
    /// Writes what the channel tells to every line of the row, and looks after them.
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
                // The channel is gone, and with it all who watch it.
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
            // What is on the wires of those who keep up; the others' lag is looked up.
            if let Some(read_at) = read_at.filter(|_| told) {
                self.metrics.on_the_wire(self.clock.now().since(read_at));
            }
        }
    }
}

/// What is due every so often.
struct Interval {
    next: Timestamp,
    period: Duration,
}

impl Interval {
    fn new(now: Timestamp, period: Duration) -> Self {
        Self { next: now + period, period }
    }

    /// How long until it is due; never longer than from one time to the next.
    fn until_due(&self, now: Timestamp) -> Duration {
        self.next.since(now).min(self.period)
    }

    /// Whether it is due; then it is not, until the next time.
    fn tick(&mut self, now: Timestamp) -> bool {
        // A clock that was set back must not put it off until that has caught up.
        let is_due = now >= self.next || self.next.since(now) > self.period;
        if is_due {
            self.next = now + self.period;
        }
        is_due
    }
}
