use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::mpsc;

use super::pending::PendingWrites;
use super::store::AuditEntry;
use crate::domain::{Clock, Timestamp};
use crate::telemetry::AuditMetrics;

/// The most events that wait for the writer. A burst of sign-ins in a second or two fits; each takes less than a
/// kilobyte.
pub(super) const QUEUE_CAPACITY: usize = 8_192;

/// The places in the queue that refusals may not take.
const RESERVED_CAPACITY: usize = QUEUE_CAPACITY / 4;

/// The sending end of the queue to the store's writer. It never waits.
#[derive(Clone)]
pub(super) struct AuditQueue {
    sender: mpsc::Sender<AuditEntry>,
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
        (Self { sender, losses, pending, clock }, receiver)
    }

    pub(super) fn losses(&self) -> &Arc<LostEvents> {
        &self.losses
    }

    /// Queues an event for the store. When too many wait already it is counted and dropped.
    pub(super) fn enqueue(&self, event: AuditEntry) {
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
    pub(super) fn add(&self, count: usize, why: &dyn fmt::Display) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.count.fetch_add(count, Ordering::Relaxed);
        self.metrics.add_lost(count);
        if !self.is_logged.swap(true, Ordering::Relaxed) {
            tracing::error!(%why, "the audit's store takes no events: until it does, they are in the log alone");
        }
    }

    pub(super) fn take(&self) -> u64 {
        self.count.swap(0, Ordering::Relaxed)
    }
}
