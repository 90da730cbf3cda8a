use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::channel::Channel;
use super::line::Line;
use crate::domain::{Clock, Timestamp};

/// So many viewers are served by one task: a batch wakes one task for all of them, and the tasks share the processors. It is
/// what one task may write at a time without keeping a processor from the others for long: about half a millisecond.
const LONGEST_ROW: usize = 64;

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
        let task = serve(Arc::clone(&lines), channel.head(), channel.heartbeat(), clock);
        // What it may do at a time is bounded by the row's length. Tokio's own bound would tell a wire that can take more
        // that it cannot, once a task has written often enough.
        let task = tokio::spawn(tokio::task::unconstrained(task));
        Self { lines, _task: AbortOnDropHandle::new(task) }
    }
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Line>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does that with each. Nobody who comes or leaves has to wait for it.
    fn each(&self, present: &mut Vec<Arc<Line>>, work: impl Fn(&Line)) {
        present.extend(self.lock().iter().filter_map(Weak::upgrade));
        for line in present.drain(..) {
            work(&line);
        }
    }
}

/// Writes what the channel tells to every line of the row, and looks after them.
async fn serve(lines: Arc<Lines>, mut head: watch::Receiver<u64>, heartbeat: Duration, clock: Arc<dyn Clock>) {
    let mut present = Vec::with_capacity(LONGEST_ROW);
    let mut rounds = Rounds::from(clock.now(), heartbeat);
    loop {
        let nap = rounds.next.since(clock.now()).min(SWEEP_EVERY);
        tokio::select! {
            biased;
            // The channel is gone, and with it all who watch it.
            told = head.changed() => if told.is_err() { return },
            () = clock.sleep(nap) => (),
        }
        let now = clock.now();
        if rounds.is_due(now) {
            let pings = rounds.pings(now);
            lines.each(&mut present, |line| {
                line.sweep(now);
                if pings { line.ping(now) } else { line.write(now) }
            });
        } else {
            lines.each(&mut present, |line| line.write(now));
        }
    }
}

/// When a row is looked after, and when it is asked whether anybody is there.
struct Rounds {
    next: Timestamp,
    next_ping: Timestamp,
    every: Duration,
    heartbeat: Duration,
}

impl Rounds {
    fn from(now: Timestamp, heartbeat: Duration) -> Self {
        let every = SWEEP_EVERY.min(heartbeat);
        Self { next: now + every, next_ping: now + heartbeat, every, heartbeat }
    }

    fn is_due(&mut self, now: Timestamp) -> bool {
        // A clock that was set back must not put the rounds off until it has caught up.
        let is_due = now >= self.next || self.next.since(now) > self.every;
        if is_due {
            self.next = now + self.every;
        }
        is_due
    }

    fn pings(&mut self, now: Timestamp) -> bool {
        let pings = now >= self.next_ping || self.next_ping.since(now) > self.heartbeat;
        if pings {
            self.next_ping = now + self.heartbeat;
        }
        pings
    }
}
