use async_trait::async_trait;

use super::session::{SessionStatusRow, SessionTimes};
use super::{EndReason, Sessions};
use crate::domain::{Clock, Person, SessionId, Timestamp};
use crate::store::{RowStatus, RowWatch, StoreError, WatchRegistry, WatchedStore};

impl Sessions {
    /// Subscribes to a session, whose person the caller takes to be `known`, until the watch is dropped. Must be called
    /// within a Tokio runtime.
    pub fn watch(&self, id: SessionId, known: &Person) -> RowWatch {
        WatchRegistry::watch(self, id, known)
    }

    /// A session's status at `asked_at`, when its row was read: a use since then has moved its end.
    fn status(&self, row: SessionStatusRow, asked_at: Timestamp) -> RowStatus {
        if let Some(word) = &row.end_reason {
            return RowStatus::Ended(EndReason::from_stored(word));
        }
        let times = SessionTimes::from_row(row.created_at, row.last_seen_at, row.confirmed_at, &row.upkeep, row.stays);
        let expiry = self.lifetimes().expiry(times);
        let end = expiry.idle.min(expiry.absolute);
        if asked_at >= end {
            return RowStatus::Ended(EndReason::Expired);
        }
        match expiry.stale_from {
            Some(stale_from) if asked_at >= stale_from => RowStatus::Unconfirmed,
            Some(stale_from) => RowStatus::Valid { until: end.min(stale_from), person: row.person },
            None => RowStatus::Valid { until: end, person: row.person },
        }
    }
}

#[async_trait]
impl WatchedStore for Sessions {
    type Id = SessionId;

    const ROW_NAME: &'static str = "session";

    fn watch_registry(&self) -> &WatchRegistry<SessionId> {
        Self::watch_registry(self)
    }

    fn clock(&self) -> &dyn Clock {
        Self::clock(self)
    }

    async fn row_statuses(&self, rows: &[SessionId]) -> Result<Vec<(SessionId, RowStatus)>, StoreError> {
        let asked_at = self.now();
        let rows = serde_json::to_string(rows).map_err(|error| self.failed(&error))?;
        let rows: Vec<SessionStatusRow> = sqlx::query_as(
            "SELECT id, created_at, last_seen_at, confirmed_at, upkeep, stays, person, end_reason FROM sessions
             WHERE id IN (SELECT unhex(value, '-') FROM json_each(?))",
        )
        .bind(rows)
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        Ok(rows.into_iter().map(|row| (row.id, self.status(row, asked_at))).collect())
    }
}
