use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::fields::AuditFields;
use super::fold::{FoldChanges, RepeatFolder};
use super::holder::EventHolder;
use super::queue::{AuditQueue, LostEvents};
use super::sqlite::MAX_ROWS_AT_ONCE;
use super::store::AuditEntry;
use super::{Audit, AuditEvent, AuditTrail};
use crate::domain::{Clock, Timestamp};
use crate::store::StoreError;
use crate::telemetry::AuditMetrics;

/// How long the first event of a batch waits for more: one write for all of a moment, in place of one for each. A
/// program that is killed loses so much more of the store's part; the log has it.
const BATCH_DELAY: Duration = Duration::from_millis(50);

/// How often the counts of repeated events are written.
const REPEATS_INTERVAL: Duration = Duration::from_secs(1);

/// How often old events are deleted.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

/// How long the program waits for the last events when it stops. A store that does not answer within it, as on a disk
/// that is gone, must not keep the program from ending; the log has the events.
const FINISH_TIMEOUT: Duration = Duration::from_secs(10);

/// The handle of the one task that writes the audit into its store. The task is aborted when this is dropped;
/// [`AuditWriter::finish`] writes what waits first.
pub struct AuditWriter {
    task: AbortOnDropHandle<()>,
    stop: CancellationToken,
}

impl Audit {
    /// An audit that writes to the program's log and into `trail`, and the writer task for the latter.
    pub fn with_trail(trail: AuditTrail, metrics: AuditMetrics, clock: Arc<dyn Clock>) -> (Self, AuditWriter) {
        let (queue, receiver) = AuditQueue::new(Arc::clone(trail.pending_writes()), metrics, Arc::clone(&clock));
        let stop = CancellationToken::new();
        let now = clock.now();
        let (folder, losses) = (Arc::clone(queue.folder()), Arc::clone(queue.losses()));
        let task = WriterTask { receiver, folder, written: 0, trail, losses, repeats_at: now, sweep_at: now, clock };
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

/// The state of the writer task.
struct WriterTask {
    receiver: mpsc::Receiver<AuditEntry>,
    folder: Arc<RepeatFolder>,
    /// The sequence of the last event that was written.
    written: u64,
    trail: AuditTrail,
    losses: Arc<LostEvents>,
    clock: Arc<dyn Clock>,
    repeats_at: Timestamp,
    sweep_at: Timestamp,
}

impl WriterTask {
    async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::new();
        loop {
            let until_next = self.sweep_at.min(self.repeats_at).since(self.clock.now());
            tokio::select! {
                biased;
                () = stop.cancelled(), if !self.receiver.is_closed() => self.receiver.close(),
                count = self.receiver.recv_many(&mut batch, MAX_ROWS_AT_ONCE) => {
                    if count == 0 {
                        let last = self.folder.close();
                        return self.write_repeats(last).await;
                    }
                    self.fill_batch(&mut batch, &stop).await;
                    self.write(&mut batch).await;
                }
                () = self.trail.pending_writes().flush_requested() => self.repeats_at = self.clock.now(),
                () = self.clock.sleep(until_next) => {}
            }
            let now = self.clock.now();
            if now >= self.repeats_at {
                self.repeats_at = now + REPEATS_INTERVAL;
                let changes = self.folder.take_changes(self.written, now);
                self.write_repeats(changes).await;
            }
            if self.clock.now() >= self.sweep_at || self.trail.is_over_limit() {
                self.sweep().await;
            }
        }
    }

    /// Waits a moment for more events, unless the batch is full, or the program stops.
    async fn fill_batch(&mut self, batch: &mut Vec<AuditEntry>, stop: &CancellationToken) {
        if batch.len() < MAX_ROWS_AT_ONCE && !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                // Real time, in which the disk's waits are saved.
                () = tokio::time::sleep(BATCH_DELAY) => {}
                () = self.trail.pending_writes().flush_requested() => {}
            }
        }
        while batch.len() < MAX_ROWS_AT_ONCE
            && let Ok(event) = self.receiver.try_recv()
        {
            batch.push(event);
        }
    }

    /// Writes the batch, and an event with how many were lost before it.
    async fn write(&mut self, batch: &mut Vec<AuditEntry>) {
        let count = batch.len();
        let last = batch.last().map_or(self.written, |last| last.sequence);
        let lost = self.losses.take();
        if lost > 0 {
            let fields = AuditFields::from_event(&AuditEvent::EventsLost { count: lost });
            let holder = EventHolder::of(&fields, None);
            batch.push(AuditEntry { at: self.clock.now(), fields, address: None, user_agent: None, holder, sequence: 0 });
        }
        match self.trail.store().append(batch).await {
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
        self.written = last;
        self.trail.pending_writes().add_finished(count);
    }

    /// Writes the counts of repeated events, and a line in the log for each whose window is over.
    async fn write_repeats(&self, changes: FoldChanges) {
        for fold in &changes.closed {
            fold.first.log(Some((fold.count, fold.first.at, fold.last_at)));
        }
        let added = changes.repeats.iter().map(|repeats| repeats.added).sum();
        if added == 0 {
            return;
        }
        match self.trail.store().set_repeats(&changes.repeats).await {
            Ok(()) => self.losses.metrics.add_kept(added),
            Err(error) => self.losses.add(usize::try_from(added).unwrap_or(usize::MAX), &error),
        }
        self.trail.pending_writes().add_finished(usize::try_from(added).unwrap_or(usize::MAX));
    }

    /// Deletes one step of what is too old or too much; queued events come before the next step.
    async fn sweep(&mut self) {
        let now = self.clock.now();
        let is_done = self.trail.sweep(now).await.unwrap_or_else(|error: StoreError| {
            tracing::error!(%error, "old events could not be taken from the audit's store");
            true
        });
        self.sweep_at = if is_done { now + SWEEP_INTERVAL } else { now };
    }
}

#[cfg(test)]
mod tests;
