use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::fields::AuditFields;
use super::pending::PendingWrites;
use super::{Audit, AuditEvent, AuditStore};
use crate::domain::{Clock, Timestamp};
use crate::store::StoreError;
use crate::telemetry::AuditMetrics;

/// How many events wait for the writer. A burst of sign-ins in a second or two fits; each takes less than a kilobyte.
const QUEUE_CAPACITY: usize = 8_192;

/// How many events are written at once: one statement, well below SQLite's limit of 32,766 values.
const MAX_BATCH: usize = 512;

/// How long the first event of a batch waits for more: one write for all of a moment, in place of one for each. A program that
/// is killed loses so much more of the store's part; the log has it.
const BATCH_DELAY: Duration = Duration::from_millis(50);

/// How often what has grown old is looked for.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

/// How long the program waits for the last events when it stops. A store that does not answer within it, as on a disk that is
/// gone, must not keep the program from ending; the log has the events.
const FINISH_TIMEOUT: Duration = Duration::from_secs(10);

/// An event on its way into the store.
#[derive(Clone, Debug)]
pub(super) struct QueuedEvent {
    pub(super) at: Timestamp,
    pub(super) fields: AuditFields,
    pub(super) address: Option<String>,
    pub(super) user_agent: Option<String>,
}

/// So many places in the queue are for what was not refused.
const RESERVED_CAPACITY: usize = QUEUE_CAPACITY / 4;

/// Takes events for the store without ever waiting for it.
#[derive(Clone)]
pub(super) struct AuditQueue {
    sender: mpsc::Sender<QueuedEvent>,
    losses: Arc<LostEvents>,
    pending: Arc<PendingWrites>,
    clock: Arc<dyn Clock>,
}

/// What could not be kept since the last time that something could.
struct LostEvents {
    count: AtomicU64,
    /// Whether the log has been told of it.
    is_logged: AtomicBool,
    metrics: AuditMetrics,
}

/// The one task that writes the audit into its store. It ends when dropped; [`AuditWriter::finish`] writes what waits first.
pub struct AuditWriter {
    task: AbortOnDropHandle<()>,
    stop: CancellationToken,
}

impl Audit {
    /// An audit that writes to the program's log and into `store`, and the task that does the latter.
    pub fn with_store(store: AuditStore, metrics: AuditMetrics, clock: Arc<dyn Clock>) -> (Self, AuditWriter) {
        let (queue, waiting) = mpsc::channel(QUEUE_CAPACITY);
        let losses = Arc::new(LostEvents { count: AtomicU64::new(0), is_logged: AtomicBool::new(false), metrics });
        let pending = Arc::clone(store.pending());
        let keeper = AuditQueue { sender: queue, losses: Arc::clone(&losses), pending, clock: Arc::clone(&clock) };
        let stop = CancellationToken::new();
        let writing = WriterTask { receiver: waiting, store, losses, sweep_at: clock.now(), clock };
        let task = AbortOnDropHandle::new(tokio::spawn(writing.run(stop.clone())));
        (Self::with_queue(keeper), AuditWriter { task, stop })
    }
}

impl AuditWriter {
    /// Writes what waits, and ends. Events that come later are in the log alone.
    pub async fn finish(self) {
        self.stop.cancel();
        // Real time: the disk knows no other.
        match tokio::time::timeout(FINISH_TIMEOUT, self.task).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "the audit's writer broke down: its last events are in the log alone");
            }
            Err(_) => {
                tracing::error!("the audit's store did not take its last events in time: they are in the log alone");
            }
        }
    }
}

impl AuditQueue {
    /// Takes an event. When too many wait already it is counted and not kept.
    pub(super) fn enqueue(&self, noted: QueuedEvent) {
        // What strangers cause must not take the last places from what members and admins do.
        if noted.fields.result == "refused" && self.sender.capacity() < RESERVED_CAPACITY {
            self.losses.add(1, &"more is refused than its disk can take");
            return;
        }
        self.pending.noted();
        if let Err(refused) = self.sender.try_send(noted) {
            self.pending.done(1);
            let why = match refused {
                mpsc::error::TrySendError::Full(_) => "more happens than its disk can take",
                mpsc::error::TrySendError::Closed(_) => "it is closed",
            };
            self.losses.add(1, &why);
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl fmt::Debug for AuditQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").finish_non_exhaustive()
    }
}

impl LostEvents {
    /// Counts events that are in the log alone. The log is told why once, until some are kept again.
    fn add(&self, count: usize, why: &dyn fmt::Display) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.count.fetch_add(count, Ordering::Relaxed);
        self.metrics.lost(count);
        if !self.is_logged.swap(true, Ordering::Relaxed) {
            tracing::error!(%why, "the audit's store takes no events: until it does, they are in the log alone");
        }
    }

    fn take(&self) -> u64 {
        self.count.swap(0, Ordering::Relaxed)
    }
}

/// What the writer works with.
struct WriterTask {
    receiver: mpsc::Receiver<QueuedEvent>,
    store: AuditStore,
    losses: Arc<LostEvents>,
    clock: Arc<dyn Clock>,
    sweep_at: Timestamp,
}

impl WriterTask {
    async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::new();
        loop {
            let nap = self.sweep_at.since(self.clock.now());
            tokio::select! {
                biased;
                () = stop.cancelled(), if !self.receiver.is_closed() => self.receiver.close(),
                count = self.receiver.recv_many(&mut batch, MAX_BATCH) => {
                    if count == 0 {
                        return;
                    }
                    self.fill_batch(&mut batch, &stop).await;
                    self.write(&mut batch).await;
                }
                () = self.clock.sleep(nap) => {}
            }
            if self.clock.now() >= self.sweep_at || self.store.is_over_limit() {
                self.sweep().await;
            }
        }
    }

    /// Waits a moment for what else there is to write, unless there is enough, or the program stops.
    async fn fill_batch(&mut self, batch: &mut Vec<QueuedEvent>, stop: &CancellationToken) {
        if batch.len() < MAX_BATCH && !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                // Real time, in which the disk's waits are saved.
                () = tokio::time::sleep(BATCH_DELAY) => {}
                () = self.store.pending().flush_requested() => {}
            }
        }
        while batch.len() < MAX_BATCH
            && let Ok(noted) = self.receiver.try_recv()
        {
            batch.push(noted);
        }
    }

    /// Writes the batch, and how many events were lost before it.
    async fn write(&self, batch: &mut Vec<QueuedEvent>) {
        let count = batch.len();
        let lost = self.losses.take();
        if lost > 0 {
            let line = AuditFields::from_event(&AuditEvent::EventsLost { count: lost });
            batch.push(QueuedEvent { at: self.clock.now(), fields: line, address: None, user_agent: None });
        }
        match self.store.append(batch).await {
            Ok(()) => {
                self.losses.metrics.kept(u64::try_from(count).unwrap_or(u64::MAX));
                if self.losses.is_logged.swap(false, Ordering::Relaxed) {
                    tracing::info!(lost, "the audit's store takes events again");
                }
            }
            Err(error) => {
                self.losses.count.fetch_add(lost, Ordering::Relaxed);
                self.losses.add(count, &error);
            }
        }
        batch.clear();
        self.store.pending().done(count);
    }

    /// Forgets what is too old or too much, one step of it: what waits comes first, and the rest of it after that.
    async fn sweep(&mut self) {
        let now = self.clock.now();
        let is_done = self.store.sweep(now).await.unwrap_or_else(|error: StoreError| {
            tracing::error!(%error, "old events could not be taken from the audit's store");
            true
        });
        self.sweep_at = if is_done { now + SWEEP_INTERVAL } else { now };
    }
}

#[cfg(test)]
mod tests;
