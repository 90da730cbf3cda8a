use std::time::Duration;

use tokio::sync::watch;

use super::LocalAccounts;
use crate::domain::Timestamp;
use crate::store::StoreError;

/// The interval of polling for changes that the command line made: an account that is disabled must be out "at once". A
/// poll costs the reading of one number that SQLite keeps in shared memory.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

impl LocalAccounts {
    /// Subscribes to changes of any account, made here or on the command line.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.inner.changes.subscribe()
    }

    /// Whether mail addresses with this domain sign in to accounts: by the settings alone, whosever addresses there are.
    pub fn is_mail_domain(&self, domain: &str) -> bool {
        self.inner.mail_domains.contains(&domain.to_lowercase())
    }

    /// Watches for changes by other processes, and for accounts that expire, for as long as it is polled, and notifies those who
    /// [`subscribe`](Self::subscribe).
    pub async fn watch_changes(&self) {
        let mut polled_at = self.now();
        loop {
            match self.poll_changes(polled_at).await {
                Ok(at) => polled_at = at,
                Err(error) => tracing::error!(%error, "nobody can see whether local accounts have changed"),
            }
            self.inner.clock.sleep(POLL_INTERVAL).await;
        }
    }

    /// Polls for changes once, and returns when that was.
    async fn poll_changes(&self, since: Timestamp) -> Result<Timestamp, StoreError> {
        let now = self.now();
        if self.store().has_changed(since, now).await? {
            self.notify_subscribers();
        }
        Ok(now)
    }

    pub(super) fn notify_subscribers(&self) {
        self.inner.changes.send_modify(|count| *count += 1);
    }
}
