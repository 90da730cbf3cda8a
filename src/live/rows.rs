use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::channel::{Channel, Head};
use super::line::{Line, Tally};
use crate::domain::{Clock, Timestamp};
use crate::telemetry::LiveMetrics;

/// So many viewers are served by one task: a batch wakes one task for all of them, and the tasks share the processors. It is
/// what one task may write at a time without keeping a processor from the others for long: about half a millisecond.
const LONGEST_ROW: usize = 64;

/// So much is written at a time where states are large, which TLS encrypts in a quarter of a millisecond; then whoever else waits for
/// the processor has their turn.
const BYTES_AT_A_TIME: u64 = 256 * 1024;

/// How often each row looks for those that have stalled.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// Those who watch a channel over sockets, in rows.
#[derive(Default)]
pub(super) struct Rows {
    rows: Mutex<Vec<Arc<Row>>>,
}

/// Some viewers, and the task that writes to them.
struct Row {
    lines: Arc<Lines>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Lines(Mutex<Vec<Weak<Line>>>);

/// A place in a row. Dropping it gives it up.
pub(super) struct RowPlace {
    channel: Arc<Channel>,
    row: Arc<Row>,
    line: Weak<Line>,
}

impl RowPlace {
    /// Puts the line into a row of the channel, which writes to it from now on.
    pub(super) fn take(channel: &Arc<Channel>, line: &Arc<Line>, clock: &Arc<dyn Clock>) -> Self {
        let line = Arc::downgrade(line);
        let mut rows = channel.rows().lock();
        // Rows have gaps where viewers have left; the newest row is the one that is filled up.
        let open = rows.iter().rev().find(|row| row.lines.lock().len() < LONGEST_ROW);
        let row = if let Some(row) = open {
            Arc::clone(row)
        } else {
            let row = Arc::new(Row::begin(channel, Arc::clone(clock)));
            rows.push(Arc::clone(&row));
            row
        };
        row.lines.lock().push(Weak::clone(&line));
        drop(rows);
        Self { channel: Arc::clone(channel), row, line }
    }
}

impl Drop for RowPlace {
    fn drop(&mut self) {
        let mut rows = self.channel.rows().lock();
        let mut lines = self.row.lines.lock();
        lines.retain(|line| !line.ptr_eq(&self.line));
        if lines.is_empty() {
            drop(lines);
            rows.retain(|row| !Arc::ptr_eq(row, &self.row));
        }
    }
}

impl Rows {
    /// What each line of every row says of itself.
    pub(super) fn ask<T>(&self, question: impl Fn(&Line) -> Option<T>) -> Vec<T> {
        let mut answers = Vec::new();
        let mut present = Vec::new();
        self.lock().iter().for_each(|row| row.lines.gather(&mut present));
        for line in &present {
            contained(line, |line| answers.extend(question(line)));
        }
        answers
    }

    /// How many sit in each row.
    #[cfg(test)]
    pub(super) fn lengths(&self) -> Vec<usize> {
        self.lock().iter().map(|row| row.lines.lock().len()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Row>>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Row {
    fn begin(channel: &Channel, clock: Arc<dyn Clock>) -> Self {
        let lines = Arc::new(Lines::default());
        let work = Work {
            lines: Arc::clone(&lines),
            head: channel.head(),
            heartbeat: channel.heartbeat(),
            metrics: Arc::clone(channel.metrics()),
            clock,
        };
        // What it may do at a time is bounded by the row's length. Tokio's own bound would tell a wire that can take more
        // that it cannot, once a task has written often enough.
        let task = tokio::spawn(tokio::task::unconstrained(work.go_on()));
        Self { lines, _task: AbortOnDropHandle::new(task) }
    }
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Line>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds those who are there to `present`: nobody who comes or leaves has to wait for what is done with them.
    fn gather(&self, present: &mut Vec<Arc<Line>>) {
        present.extend(self.lock().iter().filter_map(Weak::upgrade));
    }
}

/// Does something with a line. A fault in what it is told stays with that one; the panic itself is in the log.
fn contained(line: &Line, work: impl FnOnce(&Line)) {
    if catch_unwind(AssertUnwindSafe(|| work(line))).is_err() {
        line.give_up();
    }
}

/// What the task of a row has to do, and with what.
struct Work {
    lines: Arc<Lines>,
    head: watch::Receiver<Head>,
    heartbeat: Duration,
    metrics: Arc<LiveMetrics>,
    clock: Arc<dyn Clock>,
}

impl Work {
    /// Writes what the channel tells to every line of the row, and looks after them.
    async fn go_on(mut self) {
        let mut present = Vec::with_capacity(LONGEST_ROW);
        let began = self.clock.now();
        let mut rounds = Beat::from(began, SWEEP_EVERY.min(self.heartbeat));
        let mut pings = Beat::from(began, self.heartbeat);
        let mut tally = Tally::default();
        loop {
            let nap = rounds.rest(self.clock.now());
            let told = tokio::select! {
                biased;
                // The channel is gone, and with it all who watch it.
                told = self.head.changed() => if told.is_ok() { true } else { return },
                () = self.clock.sleep(nap) => false,
            };
            let now = self.clock.now();
            let (sweeps, asks) = (rounds.is_due(now), pings.is_due(now));
            self.lines.gather(&mut present);
            for line in present.drain(..) {
                contained(&line, |line| {
                    if sweeps {
                        line.sweep();
                    }
                    if asks { line.ping(&mut tally) } else { line.write(&mut tally) }
                });
                if tally.bytes() >= BYTES_AT_A_TIME {
                    tally.count(&self.metrics);
                    tokio::task::yield_now().await;
                }
            }
            tally.count(&self.metrics);
            let read_at = self.head.borrow().read_at;
            // What is on the wires of those who keep up; the others' lag is looked up.
            if let Some(read_at) = read_at.filter(|_| told) {
                self.metrics.on_the_wire(self.clock.now().since(read_at));
            }
        }
    }
}

/// What is due every so often.
struct Beat {
    next: Timestamp,
    every: Duration,
}

impl Beat {
    fn from(now: Timestamp, every: Duration) -> Self {
        Self { next: now + every, every }
    }

    /// How long until it is due; never longer than from one time to the next.
    fn rest(&self, now: Timestamp) -> Duration {
        self.next.since(now).min(self.every)
    }

    /// Whether it is due; then it is not, until the next time.
    fn is_due(&mut self, now: Timestamp) -> bool {
        // A clock that was set back must not put it off until that has caught up.
        let is_due = now >= self.next || self.next.since(now) > self.every;
        if is_due {
            self.next = now + self.every;
        }
        is_due
    }
}
