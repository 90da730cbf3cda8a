use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::fields::AuditFields;
use super::fold::{FOLD_WINDOW, FoldChanges, RepeatFolder};
use super::holder::EventHolder;
use super::queue::{AuditQueue, LostEvents};
use super::sqlite::MAX_ROWS_AT_ONCE;
use super::store::{AuditEntry, Repeats};
use super::trail::SWEEP_STEP;
use super::{Audit, AuditEvent, AuditTrail};
use crate::domain::{Clock, Timestamp};
use crate::store::StoreError;
use crate::telemetry::AuditMetrics;

/// How long the first event of a batch waits for more: one write for all of a moment, in place of one for each. A
/// program that is killed loses so much more of the store's part; the log has it.
const BATCH_DELAY: Duration = Duration::from_millis(50);

/// How often the counts of repeated events are written.
const REPEATS_INTERVAL: Duration = Duration::from_secs(1);

/// How often old events are deleted, if not so many come that it is sooner.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

/// How long events wait that the store does not take, as many as the queue has places: a database's restart, a disk that is
/// full until somebody looks after it. Repeats of theirs are counted as long, in memory.
const RETRY_TIME: Duration = FOLD_WINDOW;

/// How often the store is tried meanwhile.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

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
        let task = WriterTask {
            receiver,
            folder,
            batch: Vec::new(),
            repeats: Vec::new(),
            written: 0,
            appended: 0,
            failing_since: None,
            trail,
            losses,
            retry_at: now,
            repeats_at: now,
            sweep_at: now,
            clock,
        };
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
    /// The events that are written next. Until they are, the others wait in the queue.
    batch: Vec<AuditEntry>,
    /// The repeats that are written next.
    repeats: Vec<Repeats>,
    /// The sequence of the last event that was written.
    written: u64,
    /// The events that were appended since the last sweep.
    appended: u64,
    /// Since when the store has taken nothing, if it is so.
    failing_since: Option<Timestamp>,
    trail: AuditTrail,
    losses: Arc<LostEvents>,
    clock: Arc<dyn Clock>,
    retry_at: Timestamp,
    repeats_at: Timestamp,
    sweep_at: Timestamp,
}

impl WriterTask {
    async fn run(mut self, stop: CancellationToken) {
        loop {
            let until_next = self.next_at().since(self.clock.now());
            tokio::select! {
                biased;
                () = stop.cancelled(), if !self.receiver.is_closed() => {
                    self.receiver.close();
                    self.retry_at = self.clock.now();
                }
                count = self.receiver.recv_many(&mut self.batch, MAX_ROWS_AT_ONCE), if self.batch.is_empty() => {
                    if count == 0 {
                        return self.write_last_repeats().await;
                    }
                    self.fill_batch(&stop).await;
                    self.retry_at = self.clock.now();
                }
                () = self.trail.pending_writes().flush_requested() => self.repeats_at = self.clock.now(),
                () = self.clock.sleep(until_next) => {}
            }
            if !self.batch.is_empty() && self.clock.now() >= self.retry_at {
                self.write().await;
            }
            let now = self.clock.now();
            if self.batch.is_empty() && now >= self.repeats_at {
                self.repeats_at = now + REPEATS_INTERVAL;
                if self.repeats.is_empty() {
                    self.take_repeats(self.folder.take_changes(self.written, now));
                }
                self.write_repeats().await;
            }
            if self.clock.now() >= self.sweep_at || self.appended >= SWEEP_STEP {
                self.sweep().await;
            }
        }
    }

    /// When there is something to do next, if no event comes.
    fn next_at(&self) -> Timestamp {
        let write_at = if self.batch.is_empty() { self.repeats_at } else { self.retry_at };
        write_at.min(self.sweep_at)
    }

    /// Waits a moment for more events, unless the batch is full, or the program stops.
    async fn fill_batch(&mut self, stop: &CancellationToken) {
        if self.batch.len() < MAX_ROWS_AT_ONCE && !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                // Real time, in which the disk's waits are saved.
                () = tokio::time::sleep(BATCH_DELAY) => {}
                () = self.trail.pending_writes().flush_requested() => {}
            }
        }
        while self.batch.len() < MAX_ROWS_AT_ONCE
            && let Ok(event) = self.receiver.try_recv()
        {
            self.batch.push(event);
        }
    }

    /// Writes the batch, and an event with how many were lost before it. What the store does not take is kept for a while.
    async fn write(&mut self) {
        let count = self.batch.len();
        let lost = self.losses.take();
        if lost > 0 {
            let fields = AuditFields::from_event(&AuditEvent::EventsLost { count: lost });
            let holder = EventHolder::of(&fields, None);
            let at = self.clock.now();
            self.batch.push(AuditEntry { at, fields, address: None, user_agent: None, holder, sequence: 0 });
        }
        let appended = self.trail.store().append(&self.batch).await;
        self.batch.truncate(count);
        match appended {
            Ok(()) => {
                let count = u64::try_from(count).unwrap_or(u64::MAX);
                self.appended += count;
                self.losses.metrics.add_kept(count);
                self.note_success(lost);
            }
            Err(error) => {
                self.losses.count.fetch_add(lost, Ordering::Relaxed);
                if self.is_retried(&error) {
                    return;
                }
                self.losses.add(count, &error);
            }
        }
        self.written = self.batch.last().map_or(self.written, |last| last.sequence);
        self.batch.clear();
        self.trail.pending_writes().add_finished(count);
    }

    /// Takes over the changes of repeated events, and writes a line in the log for each whose window is over.
    fn take_repeats(&mut self, changes: FoldChanges) {
        for fold in &changes.closed {
            fold.first.log(Some((fold.count, fold.first.at, fold.last_at)));
        }
        self.repeats = changes.repeats;
    }

    /// Writes the counts of repeated events.
    async fn write_repeats(&mut self) {
        let added = self.repeats.iter().map(|repeats| repeats.added).sum();
        if added == 0 {
            return;
        }
        match self.trail.store().set_repeats(&self.repeats).await {
            Ok(()) => {
                self.losses.metrics.add_kept(added);
                self.note_success(0);
            }
            Err(error) if self.is_retried(&error) => return,
            Err(error) => self.losses.add(usize::try_from(added).unwrap_or(usize::MAX), &error),
        }
        self.repeats.clear();
        self.trail.pending_writes().add_finished(usize::try_from(added).unwrap_or(usize::MAX));
    }

    /// Writes the last counts of repeated events, once no event comes any more.
    async fn write_last_repeats(mut self) {
        self.write_repeats().await;
        self.take_repeats(self.folder.close());
        self.write_repeats().await;
    }

    /// Whether what the store has just refused is to be tried again: for a while, unless the program stops.
    fn is_retried(&mut self, error: &StoreError) -> bool {
        let now = self.clock.now();
        self.retry_at = now + RETRY_INTERVAL;
        let since = *self.failing_since.get_or_insert(now);
        let is_retried = !self.receiver.is_closed() && now.since(since) < RETRY_TIME;
        if is_retried {
            self.losses.log_failure(error);
        }
        is_retried
    }

    /// Notes that the store takes events, `lost` of which are lost to it.
    fn note_success(&mut self, lost: u64) {
        self.failing_since = None;
        if self.losses.is_logged.swap(false, Ordering::Relaxed) {
            tracing::info!(lost, "the audit's store takes events again");
        }
    }

    /// Deletes one step of what is too old or too much; queued events come before the next step.
    async fn sweep(&mut self) {
        self.appended = 0;
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
