use std::time::Duration;

use async_trait::async_trait;

use super::Tokens;
use super::token::TokenStatusRow;
use crate::domain::{Clock, EndReason, Person, Revalidation, Timestamp, TokenId};
use crate::store::{RowStatus, RowWatch, StoreError, WatchRegistry, WatchedStore};

/// How often the file is polled for watched tokens that another process ended, as `belvedere token revoke` does: one
/// small query for all of them, and a live connection ends within a second.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

impl Tokens {
    /// Subscribes to a token, whose person the caller takes to be `known`, until the watch is dropped. Must be called
    /// within a Tokio runtime.
    pub fn watch(&self, id: TokenId, known: &Person) -> RowWatch {
        WatchRegistry::watch(self, id, known)
    }

    /// Polls the file for tokens that another process ended, and notifies their live connections. It never returns.
    pub async fn poll_external_changes(&self) {
        loop {
            Self::clock(self).sleep(POLL_INTERVAL).await;
            let watched = Self::watch_registry(self).watched_rows();
            if watched.is_empty() {
                continue;
            }
            match self.ended_among(&watched).await {
                Ok(ended) => {
                    for (id, reason) in ended {
                        Self::watch_registry(self).notify_ended(TokenId::new(id), EndReason::from_stored(&reason));
                    }
                }
                // Each is checked within the minute besides, and a check knows what to do when it fails.
                Err(error) => tracing::warn!(%error, "whether tokens have been revoked could not be looked up"),
            }
        }
    }

    async fn ended_among(&self, watched: &[TokenId]) -> Result<Vec<(i64, String)>, StoreError> {
        let watched = serde_json::to_string(watched).map_err(|error| self.failed(&error))?;
        sqlx::query_as(
            "SELECT id, end_reason FROM tokens WHERE id IN (SELECT value FROM json_each(?)) AND ended_at IS NOT NULL",
        )
        .bind(watched)
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))
    }

    /// A token's status at `asked_at`, when its row was read.
    fn status(&self, row: TokenStatusRow, asked_at: Timestamp) -> RowStatus {
        if let Some(word) = &row.end_reason {
            return RowStatus::Ended(EndReason::from_stored(word));
        }
        let time = Timestamp::from_millis;
        let revalidation = Revalidation::parse(&row.upkeep).unwrap_or(Revalidation::Unrefreshed);
        let expires_at = self.lifetimes().end(time(row.created_at), time(row.expires_at));
        let stale_from = self.lifetimes().stale_from(revalidation, time(row.confirmed_at));
        if asked_at >= expires_at {
            RowStatus::Ended(EndReason::Expired)
        } else if asked_at >= stale_from {
            RowStatus::Unconfirmed
        } else {
            RowStatus::Valid { until: expires_at.min(stale_from), person: row.person }
        }
    }
}

#[async_trait]
impl WatchedStore for Tokens {
    type Id = TokenId;

    const ROW_NAME: &'static str = "token";

    fn watch_registry(&self) -> &WatchRegistry<TokenId> {
        Self::watch_registry(self)
    }

    fn clock(&self) -> &dyn Clock {
        Self::clock(self)
    }

    async fn row_statuses(&self, rows: &[TokenId]) -> Result<Vec<(TokenId, RowStatus)>, StoreError> {
        let asked_at = self.now();
        let rows = serde_json::to_string(rows).map_err(|error| self.failed(&error))?;
        let rows: Vec<TokenStatusRow> = sqlx::query_as(
            "SELECT id, person, created_at, expires_at, confirmed_at, upkeep, end_reason FROM tokens
             WHERE id IN (SELECT value FROM json_each(?))",
        )
        .bind(rows)
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        Ok(rows.into_iter().map(|row| (TokenId::new(row.id), self.status(row, asked_at))).collect())
    }
}
