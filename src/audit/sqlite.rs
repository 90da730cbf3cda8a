use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::migrate::Migrator;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{QueryBuilder, Sqlite};

use super::sanitize::sanitize;
use super::store::{AuditEntry, AuditStore};
use super::{AuditCursor, AuditRecord, AuditSearch};
use crate::domain::Timestamp;
use crate::store::{Store, StoreError, StoreKind};

/// The migrations from an empty file to today's tables, embedded in the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("src/audit/migrations");

const KIND: StoreKind = StoreKind { name: "audit store", if_recreated: "the audit begins anew" };

/// The audit events in an SQLite file.
pub(super) struct SqliteAudit {
    store: Store,
    /// The number of events, known without counting them anew with each batch.
    count: AtomicU64,
}

impl SqliteAudit {
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        let store = Store::open(path, KIND, &MIGRATIONS).await?;
        let (count,): (i64,) = store.fetch_one(sqlx::query_as("SELECT count(*) FROM events")).await?;
        Ok(Self { store, count: AtomicU64::new(u64::try_from(count).unwrap_or_default()) })
    }

    /// Executes a DELETE statement, with `limit` as its last value, and returns the number of deleted rows.
    async fn delete(&self, delete: Query<'_, Sqlite, SqliteArguments>, limit: u64) -> Result<u64, StoreError> {
        let deleted = self.store.execute(delete.bind(i64::try_from(limit).unwrap_or(i64::MAX))).await?;
        self.count.fetch_sub(deleted, Ordering::Relaxed);
        Ok(deleted)
    }
}

#[async_trait]
impl AuditStore for SqliteAudit {
    async fn append(&self, batch: &[AuditEntry]) -> Result<(), StoreError> {
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO events (at, event, result, who, person, address, session_id, token, page, reason,
                 directory_code, factor, user_agent, detail) ",
        );
        insert.push_values(batch, |mut row, event| {
            let fields = &event.fields;
            row.push_bind(event.at)
                .push_bind(fields.event)
                .push_bind(fields.result)
                .push_bind(fields.who.as_deref())
                .push_bind(fields.person.as_deref())
                .push_bind(event.address.as_deref())
                .push_bind(fields.session.map(|id| id.to_string()))
                .push_bind(fields.token)
                .push_bind(fields.page.as_deref())
                .push_bind(fields.reason)
                .push_bind(fields.directory_code)
                .push_bind(fields.factor)
                .push_bind(event.user_agent.as_deref())
                .push_bind(fields.details());
        });
        let failed = |error: sqlx::Error| self.store.query_failed(&error);
        let mut connection = self.store.write_connection().await.map_err(failed)?;
        // The statement's text differs with the size of the batch: none is worth keeping prepared.
        let written = insert.build().persistent(false).execute(&mut *connection).await.map_err(failed)?;
        connection.release();
        self.count.fetch_add(written.rows_affected(), Ordering::Relaxed);
        Ok(())
    }

    async fn search(
        &self,
        search: &AuditSearch,
        after: Option<AuditCursor>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        self.store.fetch_all(statement(search, after, limit).build_query_as()).await
    }

    fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    async fn delete_before(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let old = "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < ? ORDER BY at LIMIT ?)";
        self.delete(sqlx::query(old).bind(before), limit).await
    }

    async fn delete_surplus(&self, surplus: u64) -> Result<u64, StoreError> {
        let refused = "DELETE FROM events WHERE id IN (SELECT id FROM events INDEXED BY events_by_result
                 WHERE result = 'refused' ORDER BY at LIMIT ?)";
        let deleted = self.delete(sqlx::query(refused), surplus).await?;
        if deleted == surplus {
            return Ok(deleted);
        }
        let any = "DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY at LIMIT ?)";
        Ok(deleted + self.delete(sqlx::query(any), surplus - deleted).await?)
    }

    async fn close(&self) {
        self.store.close().await;
    }
}

/// The index that serves this search. Each has the order of the list, so that a page is read off it whatever the
/// store holds. SQLite would have to guess which of several matches the fewest; we know.
fn index(search: &AuditSearch) -> &'static str {
    match search {
        AuditSearch { who: Some(_), .. } => "events_by_who",
        AuditSearch { address: Some(_), .. } => "events_by_address",
        AuditSearch { event: Some(_), .. } => "events_by_event",
        AuditSearch { result: Some(_), .. } => "events_by_result",
        _ => "events_by_time",
    }
}

fn statement(search: &AuditSearch, after: Option<AuditCursor>, limit: usize) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(
        "SELECT id, at, event, result, who, person, address, coalesce(session_id, CAST(session AS TEXT)) AS session, token, page,
             reason, directory_code, factor, user_agent, detail FROM events INDEXED BY ",
    );
    query.push(index(search)).push(" WHERE true");
    // Names are kept as the log has them.
    let texts = [
        (" AND who = ", search.who.as_deref().map(sanitize)),
        (" AND address = ", search.address.map(|address| address.to_canonical().to_string())),
        (" AND event = ", search.event.clone()),
        (" AND result = ", search.result.clone()),
    ];
    for (condition, text) in texts {
        if let Some(text) = text {
            query.push(condition).push_bind(text);
        }
    }
    let until = after.map(|after| after.at + Duration::from_millis(1)).into_iter().chain(search.until).min();
    for (condition, moment) in [(" AND at >= ", search.from), (" AND at < ", until)] {
        if let Some(moment) = moment {
            query.push(condition).push_bind(moment);
        }
    }
    if let Some(after) = after {
        query.push(" AND (at < ").push_bind(after.at).push(" OR id < ").push_bind(after.id).push(")");
    }
    query.push(" ORDER BY at DESC, id DESC LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    query
}

#[cfg(test)]
mod tests;
