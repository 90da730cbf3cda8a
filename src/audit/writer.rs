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

/// The most events that wait for the writer. A burst of sign-ins in a second or two fits; each takes less than a
/// kilobyte.
const QUEUE_CAPACITY: usize = 8_192;

/// The most events that one statement writes, well below SQLite's limit of 32,766 values.
const MAX_BATCH: usize = 512;

/// How long the first event of a batch waits for more: one write for all of a moment, in place of one for each. A
/// program that is killed loses so much more of the store's part; the log has it.
const BATCH_DELAY: Duration = Duration::from_millis(50);

/// How often old events are deleted.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

/// How long the program waits for the last events when it stops. A store that does not answer within it, as on a disk
/// that is gone, must not keep the program from ending; the log has the events.
const FINISH_TIMEOUT: Duration = Duration::from_secs(10);

/// An event in the queue for the store.
#[derive(Clone, Debug)]
pub(super) struct QueuedEvent {
    pub(super) at: Timestamp,
    pub(super) fields: AuditFields,
    pub(super) address: Option<String>,
    pub(super) user_agent: Option<String>,
}

/// The places in the queue that refusals may not take.
const RESERVED_CAPACITY: usize = QUEUE_CAPACITY / 4;

/// The sending end of the queue to the store's writer. It never waits.
#[derive(Clone)]
pub(super) struct AuditQueue {
    sender: mpsc::Sender<QueuedEvent>,
    losses: Arc<LostEvents>,
    pending: Arc<PendingWrites>,
    clock: Arc<dyn Clock>,
}

/// The events that could not be written since the last successful write.
struct LostEvents {
    count: AtomicU64,
    /// Whether the failure has been logged.
    is_logged: AtomicBool,
    metrics: AuditMetrics,
}

/// The handle of the one task that writes the audit into its store. The task is aborted when this is dropped;
/// [`AuditWriter::finish`] writes what waits first.
pub struct AuditWriter {
    task: AbortOnDropHandle<()>,
    stop: CancellationToken,
}

impl Audit {
    /// An audit that writes to the program's log and into `store`, and the writer task for the latter.
    pub fn with_store(store: AuditStore, metrics: AuditMetrics, clock: Arc<dyn Clock>) -> (Self, AuditWriter) {
        let (sender, receiver) = mpsc::channel(QUEUE_CAPACITY);
        let losses = Arc::new(LostEvents { count: AtomicU64::new(0), is_logged: AtomicBool::new(false), metrics });
        let pending = Arc::clone(store.pending_writes());
        let queue = AuditQueue { sender, losses: Arc::clone(&losses), pending, clock: Arc::clone(&clock) };
        let stop = CancellationToken::new();
        let task = WriterTask { receiver, store, losses, sweep_at: clock.now(), clock };
        let task = AbortOnDropHandle::new(tokio::spawn(task.run(stop.clone())));
        (Self::with_queue(queue), AuditWriter { task, stop })
    }
}

impl AuditWriter {
    /// Writes what waits, and ends the task. Later events are in the log alone.
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
    /// Queues an event for the store. When too many wait already it is counted and dropped.
    pub(super) fn enqueue(&self, event: QueuedEvent) {
        // What strangers cause must not take the last places from what members and admins do.
        if event.fields.result == "refused" && self.sender.capacity() < RESERVED_CAPACITY {
            self.losses.add(1, &"more is refused than its disk can take");
            return;
        }
        self.pending.add_queued();
        if let Err(refused) = self.sender.try_send(event) {
            self.pending.add_finished(1);
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
        f.debug_struct("AuditQueue").finish_non_exhaustive()
    }
}

impl LostEvents {
    /// Counts events that are in the log alone. The reason is logged once, until a write succeeds again.
    fn add(&self, count: usize, why: &dyn fmt::Display) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.count.fetch_add(count, Ordering::Relaxed);
        self.metrics.add_lost(count);
        if !self.is_logged.swap(true, Ordering::Relaxed) {
            tracing::error!(%why, "the audit's store takes no events: until it does, they are in the log alone");
        }
    }

    fn take(&self) -> u64 {
        self.count.swap(0, Ordering::Relaxed)
    }
}

/// The state of the writer task.
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
            let until_sweep = self.sweep_at.since(self.clock.now());
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
                () = self.clock.sleep(until_sweep) => {}
            }
            if self.clock.now() >= self.sweep_at || self.store.is_over_limit() {
                self.sweep().await;
            }
        }
    }

    /// Waits a moment for more events, unless the batch is full, or the program stops.
    async fn fill_batch(&mut self, batch: &mut Vec<QueuedEvent>, stop: &CancellationToken) {
        if batch.len() < MAX_BATCH && !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                // Real time, in which the disk's waits are saved.
                () = tokio::time::sleep(BATCH_DELAY) => {}
                () = self.store.pending_writes().flush_requested() => {}
            }
        }
        while batch.len() < MAX_BATCH
            && let Ok(event) = self.receiver.try_recv()
        {
            batch.push(event);
        }
    }

    /// Writes the batch, and an event with how many were lost before it.
    async fn write(&self, batch: &mut Vec<QueuedEvent>) {
        let count = batch.len();
        let lost = self.losses.take();
        if lost > 0 {
            let fields = AuditFields::from_event(&AuditEvent::EventsLost { count: lost });
            batch.push(QueuedEvent { at: self.clock.now(), fields, address: None, user_agent: None });
        }
        match self.store.append(batch).await {
            Ok(()) => {
                self.losses.metrics.add_kept(u64::try_from(count).unwrap_or(u64::MAX));
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
        self.store.pending_writes().add_finished(count);
    }

    /// Deletes one step of what is too old or too much; queued events come before the next step.
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
