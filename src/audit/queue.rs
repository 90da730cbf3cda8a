use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::mpsc;

use super::fields::AuditFields;
use super::fold::RepeatFolder;
use super::holder::EventHolder;
use super::pending::PendingWrites;
use super::store::AuditEntry;
use crate::domain::{Clock, Network};
use crate::telemetry::AuditMetrics;

/// The most events that wait for the writer. A burst of sign-ins in a second or two fits, beside all that strangers may cause of
/// each kind; each takes less than a kilobyte.
pub(super) const QUEUE_CAPACITY: usize = 16_384;

/// The sending end of the queue to the store's writer, behind the folder of repeats. It never waits.
#[derive(Clone)]
pub(super) struct AuditQueue {
    sender: mpsc::Sender<AuditEntry>,
    folder: Arc<RepeatFolder>,
    losses: Arc<LostEvents>,
    pending: Arc<PendingWrites>,
    clock: Arc<dyn Clock>,
}

/// The events that could not be written since the last successful write.
pub(super) struct LostEvents {
    pub(super) count: AtomicU64,
    /// Whether the failure has been logged.
    pub(super) is_logged: AtomicBool,
    pub(super) metrics: AuditMetrics,
}

impl AuditQueue {
    /// A queue, and its receiving end.
    pub(super) fn new(
        pending: Arc<PendingWrites>,
        metrics: AuditMetrics,
        clock: Arc<dyn Clock>,
    ) -> (Self, mpsc::Receiver<AuditEntry>) {
        let (sender, receiver) = mpsc::channel(QUEUE_CAPACITY);
        let losses = Arc::new(LostEvents { count: AtomicU64::new(0), is_logged: AtomicBool::new(false), metrics });
        (Self { sender, folder: Arc::new(RepeatFolder::new()), losses, pending, clock }, receiver)
    }

    pub(super) fn folder(&self) -> &Arc<RepeatFolder> {
        &self.folder
    }

    pub(super) fn losses(&self) -> &Arc<LostEvents> {
        &self.losses
    }

    /// Writes an event to the log and queues it for the store, or counts it as a repeat of one that was. What may have been a guess
    /// is a line of the log in any case, and the limits on guessing bound those: whatever a flood folds, they tell of each.
    pub(super) fn record(&self, fields: AuditFields, address: Option<IpAddr>, user_agent: Option<String>) {
        let holder = EventHolder::of(&fields, address);
        let text = address.map(|address| address.to_string());
        let entry = AuditEntry { at: self.clock.now(), fields, address: text, user_agent, holder, sequence: 0 };
        let is_logged = entry.fields.was_verified();
        if is_logged {
            entry.log(None);
        }
        match self.folder.fold(entry, Network::narrowest_of(address), |row| self.enqueue(row)) {
            Some(row) if !is_logged => row.log(None),
            Some(_) => {}
            None => self.pending.add_queued(),
        }
    }

    /// Queues an event for the store. When too many wait already it is counted and dropped.
    fn enqueue(&self, event: AuditEntry) {
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
}

impl fmt::Debug for AuditQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditQueue").finish_non_exhaustive()
    }
}

impl LostEvents {
    /// Counts events that are in the log alone.
    pub(super) fn add(&self, count: usize, why: &dyn fmt::Display) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.count.fetch_add(count, Ordering::Relaxed);
        self.metrics.add_lost(count);
        self.log_failure(why);
    }

    /// Logs why the store takes no events: once, until a write succeeds again.
    pub(super) fn log_failure(&self, why: &dyn fmt::Display) {
        if !self.is_logged.swap(true, Ordering::Relaxed) {
            tracing::error!(
                %why,
                "the audit's store takes no events: {QUEUE_CAPACITY} wait for a few minutes, and the others are in the log alone"
            );
        }
    }

    pub(super) fn take(&self) -> u64 {
        self.count.swap(0, Ordering::Relaxed)
    }
}
