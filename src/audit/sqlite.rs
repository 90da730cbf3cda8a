use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::migrate::Migrator;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{QueryBuilder, Sqlite};

use super::fold::FOLD_WINDOW;
use super::retention::{RetentionClass, level_down};
use super::sanitize::sanitize;
use super::store::{AuditEntry, AuditStore, KIND, Repeats};
use super::{AuditCursor, AuditRecord, AuditSearch};
use crate::domain::Timestamp;
use crate::store::{SqliteStore, StoreError};

/// The migrations from an empty file to today's tables, embedded in the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("src/audit/migrations");

/// The most rows of one INSERT, well below SQLite's limit of 32,766 values.
pub(super) const MAX_ROWS_AT_ONCE: usize = 512;

/// The holders that are looked at together when events make room for others: one statement each.
const HOLDINGS_AT_ONCE: i64 = 64;

/// The audit events in an SQLite file.
pub(super) struct SqliteAudit {
    store: SqliteStore,
}

impl SqliteAudit {
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { store: SqliteStore::open(path, KIND, &MIGRATIONS).await? })
    }

    /// The number of events of these classes.
    async fn held(&self, classes: RangeInclusive<RetentionClass>) -> Result<u64, StoreError> {
        let held = sqlx::query_as("SELECT coalesce(sum(held), 0) FROM holdings WHERE class BETWEEN ? AND ?");
        let (held,): (i64,) = self.store.fetch_one(held.bind(classes.start().as_i64()).bind(classes.end().as_i64())).await?;
        Ok(u64::try_from(held).unwrap_or_default())
    }

    /// Deletes as many events of a class, of those holders that have the most of a kind.
    async fn delete_of_class(&self, class: RetentionClass, surplus: u64) -> Result<u64, StoreError> {
        let mut deleted = 0;
        while deleted < surplus {
            let largest = "SELECT event, holder, held FROM holdings WHERE class = ? ORDER BY held DESC LIMIT ?";
            let largest = sqlx::query_as(largest).bind(class.as_i64()).bind(HOLDINGS_AT_ONCE);
            let largest: Vec<(String, String, i64)> = self.store.fetch_all(largest).await?;
            let held: Vec<u64> = largest.iter().map(|(_, _, held)| u64::try_from(*held).unwrap_or_default()).collect();
            let before = deleted;
            for ((event, holder, _), lost) in largest.into_iter().zip(level_down(&held, surplus - before)) {
                if lost > 0 {
                    let oldest = "DELETE FROM events WHERE id IN (SELECT id FROM events INDEXED BY events_by_holder
                         WHERE class = ? AND event = ? AND holder = ? ORDER BY at LIMIT ?)";
                    let oldest = sqlx::query(oldest).bind(class.as_i64()).bind(event).bind(holder);
                    deleted += self.delete(oldest, lost).await?;
                }
            }
            if deleted == before {
                break;
            }
        }
        Ok(deleted)
    }

    /// Sets the count and the last time of rows, and returns those that are gone.
    async fn update_repeats(&self, repeats: &[Repeats]) -> Result<Vec<Repeats>, StoreError> {
        let failed = |error: sqlx::Error| self.store.query_failed(&error);
        let mut transaction = self.store.pool().begin().await.map_err(failed)?;
        let mut gone = Vec::new();
        for repeats in repeats {
            // Of two processes' events of one moment with one number, the row of the last is this one's.
            let set = sqlx::query(
                "UPDATE events SET count = ?, last_at = ? WHERE id =
                     (SELECT max(id) FROM events INDEXED BY events_by_time WHERE at = ? AND sequence = ?)",
            );
            let set = set.bind(i64::try_from(repeats.count).unwrap_or(i64::MAX)).bind(repeats.last_at);
            let set = set.bind(repeats.first.at).bind(i64::try_from(repeats.first.sequence).unwrap_or(i64::MAX));
            if set.execute(&mut *transaction).await.map_err(failed)?.rows_affected() == 0 {
                gone.push(repeats.clone());
            }
        }
        transaction.commit().await.map_err(failed)?;
        Ok(gone)
    }

    /// Executes a DELETE statement, with `limit` as its last value, and returns the number of deleted rows.
    async fn delete(&self, delete: Query<'_, Sqlite, SqliteArguments>, limit: u64) -> Result<u64, StoreError> {
        self.store.execute(delete.bind(i64::try_from(limit).unwrap_or(i64::MAX))).await
    }
}

#[async_trait]
impl AuditStore for SqliteAudit {
    async fn append(&self, batch: &[AuditEntry]) -> Result<(), StoreError> {
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO events (at, event, result, who, realm, account, person, address, session_id, token, page, reason,
                 directory_code, factor, user_agent, detail, class, holder, sequence) ",
        );
        insert.push_values(batch, |mut row, event| {
            let fields = &event.fields;
            row.push_bind(event.at)
                .push_bind(fields.event)
                .push_bind(fields.result)
                .push_bind(fields.who.as_deref())
                .push_bind(fields.realm.as_deref())
                .push_bind(fields.account.as_deref())
                .push_bind(fields.person.as_deref())
                .push_bind(event.address.as_deref())
                .push_bind(fields.session.map(|id| id.to_string()))
                .push_bind(fields.token)
                .push_bind(fields.page.as_deref())
                .push_bind(fields.reason)
                .push_bind(fields.directory_code)
                .push_bind(fields.factor)
                .push_bind(event.user_agent.as_deref())
                .push_bind(fields.details())
                .push_bind(event.holder.class.as_i64())
                .push_bind(event.holder.name.as_str())
                .push_bind(i64::try_from(event.sequence).unwrap_or(i64::MAX));
        });
        let failed = |error: sqlx::Error| self.store.query_failed(&error);
        let mut connection = self.store.write_connection().await.map_err(failed)?;
        // The statement's text differs with the size of the batch: none is worth keeping prepared.
        insert.build().persistent(false).execute(&mut *connection).await.map_err(failed)?;
        connection.release();
        Ok(())
    }

    async fn set_repeats(&self, repeats: &[Repeats]) -> Result<(), StoreError> {
        let gone = self.update_repeats(repeats).await?;
        for gone in gone.chunks(MAX_ROWS_AT_ONCE) {
            let rows: Vec<AuditEntry> = gone.iter().map(|repeats| repeats.first.clone()).collect();
            self.append(&rows).await?;
            self.update_repeats(gone).await?;
        }
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

    async fn count(&self) -> Result<u64, StoreError> {
        self.held(RetentionClass::Stranger..=RetentionClass::Administration).await
    }

    async fn delete_before(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let old = "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < ? ORDER BY at LIMIT ?)";
        self.delete(sqlx::query(old).bind(before), limit).await
    }

    async fn delete_surplus(&self, most_rows: u64, limit: u64) -> Result<u64, StoreError> {
        let all = self.count().await?;
        let surplus = all.saturating_sub(most_rows).min(limit);
        let strangers = self.held(RetentionClass::Stranger..=RetentionClass::Stranger).await?;
        // A quarter stays as long as persons have more: none of them pushes out the traces of an attack.
        let beyond_quarter = strangers.saturating_sub(all / 4);
        let mut deleted = self.delete_of_class(RetentionClass::Stranger, surplus.min(beyond_quarter)).await?;
        for class in [RetentionClass::Person, RetentionClass::Stranger, RetentionClass::Administration] {
            deleted += self.delete_of_class(class, surplus - deleted).await?;
        }
        Ok(deleted)
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
        AuditSearch { realm: Some(_), .. } => "events_by_realm",
        _ => "events_by_time",
    }
}

fn statement(search: &AuditSearch, after: Option<AuditCursor>, limit: usize) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(
        "SELECT id, at, count, last_at, event, result, who, realm, account, person, address, coalesce(session_id, CAST(session AS TEXT)) AS session, token, page,
             reason, directory_code, factor, user_agent, detail FROM events INDEXED BY ",
    );
    query.push(index(search)).push(" WHERE true");
    // Names are kept as the log has them.
    let texts = [
        (" AND who = ", search.who.as_deref().map(sanitize)),
        (" AND realm = ", search.realm.clone()),
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
    if let Some(from) = search.from {
        // The index leads to the first time, which may be a window before the last.
        query.push(" AND at >= ").push_bind(from - FOLD_WINDOW).push(" AND coalesce(last_at, at) >= ").push_bind(from);
    }
    if let Some(until) = until {
        query.push(" AND at < ").push_bind(until);
    }
    if let Some(after) = after {
        query.push(" AND (at < ").push_bind(after.at).push(" OR id < ").push_bind(after.id).push(")");
    }
    query.push(" ORDER BY at DESC, id DESC LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    query
}

#[cfg(test)]
mod tests;
