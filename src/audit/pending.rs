use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

/// How long a reader waits for events on their way into the store. A disk that takes longer must not keep an admin from
/// what there is.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// The number of events on their way into the store, so that a reader finds what was recorded before.
#[derive(Default)]
pub(super) struct PendingWrites {
    queued: AtomicU64,
    /// How many of them have been written, or never will be.
    finished: watch::Sender<u64>,
    flush: Notify,
}

impl PendingWrites {
    /// Counts one event that was queued.
    pub(super) fn add_queued(&self) {
        self.queued.fetch_add(1, Ordering::SeqCst);
    }

    /// Counts events that have been written, or never will be.
    pub(super) fn add_finished(&self, count: usize) {
        self.finished.send_modify(|finished| *finished += u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// Resolves when a reader waits.
    pub(super) async fn flush_requested(&self) {
        self.flush.notified().await;
    }

    /// Resolves once everything queued until now is in the store, or after [`FLUSH_TIMEOUT`].
    pub(super) async fn flushed(&self) {
        let queued = self.queued.load(Ordering::SeqCst);
        let mut finished = self.finished.subscribe();
        if *finished.borrow_and_update() >= queued {
            return;
        }
        self.flush.notify_one();
        // Real time: the disk knows no other.
        let _ = tokio::time::timeout(FLUSH_TIMEOUT, finished.wait_for(|finished| *finished >= queued)).await;
    }
}
