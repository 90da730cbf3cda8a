use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Accounts;
use crate::domain::Timestamp;
use crate::store::StoreError;

/// How soon a change that the command line made is noticed: an account that is disabled must be out "at once". It costs
/// the reading of one number that SQLite keeps in shared memory.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What is known of all accounts without asking the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Every mail address that is an account's.
    mails: HashSet<String>,
    /// How often anything has changed.
    changes: u64,
}

impl Known {
    /// Whether this is exactly some account's mail address, in any case.
    pub fn has_mail(&self, mail: &str) -> bool {
        !self.mails.is_empty() && self.mails.contains(&mail.to_lowercase())
    }
}

impl Accounts {
    /// What is known of all accounts, as it changes: here, or on the command line.
    pub fn known(&self) -> watch::Receiver<Arc<Known>> {
        self.inner.known.subscribe()
    }

    /// Whether this is exactly some account's mail address.
    pub fn has_mail(&self, mail: &str) -> bool {
        self.inner.known.borrow().has_mail(mail)
    }

    /// Looks for changes that others make, and for accounts whose time ends, for as long as it is polled. What it finds is
    /// heard by those who hold [`Self::known`].
    pub async fn look_out(&self) {
        let mut seen = None;
        let mut looked_at = self.now();
        loop {
            match self.look(&mut seen, looked_at).await {
                Ok(at) => looked_at = at,
                Err(error) => {
                    seen = None;
                    tracing::error!(%error, "nobody can see whether local accounts have changed");
                }
            }
            self.inner.clock.sleep(LOOK_EVERY).await;
        }
    }

    /// One look. `seen` is the connection that looks, and the number that it saw: SQLite changes it for a connection when
    /// another one, of this process or not, has written (<https://www.sqlite.org/pragma.html#pragma_data_version>).
    async fn look(
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
        let ended: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM accounts WHERE expires_at > ? AND expires_at <= ?)")
                .bind(since.as_millis())
                .bind(now.as_millis())
                .fetch_one(&mut *connection)
                .await
                .map_err(|error| self.query_failed(&error))?;
        *seen = Some((connection, version));
        if ended || is_first || version != before {
            self.look_again().await?;
        }
        Ok(now)
    }

    /// Reads what is known, and tells those who want to hear of changes.
    pub(super) async fn look_again(&self) -> Result<(), StoreError> {
        let mails: Vec<String> = sqlx::query_scalar("SELECT mail FROM accounts WHERE mail IS NOT NULL")
            .fetch_all(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        self.inner.known.send_modify(|known| {
            *known = Arc::new(Known { mails: mails.into_iter().collect(), changes: known.changes + 1 });
        });
        Ok(())
    }
}
