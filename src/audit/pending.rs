use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

/// How long a reader waits for what is on its way into the store. A disk that takes longer must not keep an admin from what
/// there is.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// How many events are on their way into the store, so that whoever reads it finds what was noted before.
#[derive(Default)]
pub(super) struct PendingWrites {
    queued: AtomicU64,
    /// How many of them are in the store, or will never be.
    finished: watch::Sender<u64>,
    flush: Notify,
}

impl PendingWrites {
    /// One more is on its way.
    pub(super) fn noted(&self) {
        self.queued.fetch_add(1, Ordering::SeqCst);
    }

    /// So many have come to their end.
    pub(super) fn done(&self, count: usize) {
        self.finished.send_modify(|done| *done += u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// Resolves when somebody waits.
    pub(super) async fn flush_requested(&self) {
        self.flush.notified().await;
    }

    /// Resolves once everything noted until now is in the store.
    pub(super) async fn flushed(&self) {
        let noted = self.queued.load(Ordering::SeqCst);
        let mut done = self.finished.subscribe();
        if *done.borrow_and_update() >= noted {
            return;
        }
        self.flush.notify_one();
        // Real time: the disk knows no other.
        let _ = tokio::time::timeout(FLUSH_TIMEOUT, done.wait_for(|done| *done >= noted)).await;
    }
}
