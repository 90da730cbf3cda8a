use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::LocalAccounts;
use crate::domain::Timestamp;
use crate::store::StoreError;

/// The interval of polling for changes that the command line made: an account that is disabled must be out "at once". A
/// poll costs the reading of one number that SQLite keeps in shared memory.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The facts about all accounts that are kept in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountIndex {
    /// The mail addresses of all accounts.
    mail_addresses: HashSet<String>,
    /// The number of changes so far.
    generation: u64,
}

impl AccountIndex {
    /// Whether this is exactly some account's mail address, in any case.
    pub fn has_mail(&self, mail: &str) -> bool {
        !self.mail_addresses.is_empty() && self.mail_addresses.contains(&mail.to_lowercase())
    }
}

impl LocalAccounts {
    /// Subscribes to changes of any account, made here or on the command line.
    pub fn subscribe(&self) -> watch::Receiver<Arc<AccountIndex>> {
        self.inner.index.subscribe()
    }

    /// Whether this is exactly some account's mail address.
    pub fn has_mail(&self, mail: &str) -> bool {
        self.inner.index.borrow().has_mail(mail)
    }

    /// Watches for changes by other processes, and for accounts that expire, for as long as it is polled, and notifies those who
    /// [`subscribe`](Self::subscribe).
    pub async fn watch_changes(&self) {
        let mut seen = None;
        let mut polled_at = self.now();
        loop {
            match self.poll_changes(&mut seen, polled_at).await {
                Ok(at) => polled_at = at,
                Err(error) => {
                    seen = None;
                    tracing::error!(%error, "nobody can see whether local accounts have changed");
                }
            }
            self.inner.clock.sleep(POLL_INTERVAL).await;
        }
    }

    /// Polls for changes once. `seen` is the connection for it, and the data version that it saw: SQLite changes that for a
    /// connection when another one, of this process or not, has written
    /// (<https://www.sqlite.org/pragma.html#pragma_data_version>).
    async fn poll_changes(
        &self,
        seen: &mut Option<(sqlx::pool::PoolConnection<sqlx::Sqlite>, i64)>,
        since: Timestamp,
    ) -> Result<Timestamp, StoreError> {
        let is_first = seen.is_none();
        let (mut connection, before) = match seen.take() {
            Some(seen) => seen,
            None => (self.pool().acquire().await.map_err(|error| self.query_failed(&error))?, 0),
        };
        let now = self.now();
        let version: i64 = sqlx::query_scalar("PRAGMA data_version")
            .fetch_one(&mut *connection)
            .await
            .map_err(|error| self.query_failed(&error))?;
        let ended: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM accounts WHERE expires_at > ? AND expires_at <= ?)")
            .bind(since.as_millis())
            .bind(now.as_millis())
            .fetch_one(&mut *connection)
            .await
            .map_err(|error| self.query_failed(&error))?;
        *seen = Some((connection, version));
        if ended || is_first || version != before {
            self.refresh_index().await?;
        }
        Ok(now)
    }

    /// Reads the index anew, and notifies subscribers.
    pub(super) async fn refresh_index(&self) -> Result<(), StoreError> {
        let mails: Vec<String> = sqlx::query_scalar("SELECT mail FROM accounts WHERE mail IS NOT NULL")
            .fetch_all(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        self.inner.index.send_modify(|index| {
            *index = Arc::new(AccountIndex { mail_addresses: mails.into_iter().collect(), generation: index.generation + 1 });
        });
        Ok(())
    }
}
