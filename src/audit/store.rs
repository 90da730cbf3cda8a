use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::migrate::Migrator;
use sqlx::{QueryBuilder, Sqlite, SqlitePool};

use super::pending::PendingWrites;
use super::writer::QueuedEvent;
use crate::config::AuditSettings;
use crate::domain::{Timestamp, TokenId};
use crate::store::{Store, StoreError, StoreKind};

/// The migrations from an empty file to today's tables, embedded in the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("src/audit/migrations");

const KIND: StoreKind = StoreKind { name: "audit store", if_recreated: "the audit begins anew" };

/// How many events one step of the sweep deletes: some milliseconds, after which new ones have their turn.
const SWEEP_STEP: u64 = 1_000;

/// The store of audit events, to be searched. Cheap to clone; the clones are one store.
#[derive(Clone)]
pub struct AuditStore {
    store: Store,
    settings: AuditSettings,
    /// The number of events, known without counting them anew with each batch.
    count: Arc<AtomicU64>,
    /// The events on their way into the store.
    pending_writes: Arc<PendingWrites>,
}

impl AuditStore {
    /// The events on their way into the store.
    pub(super) fn pending_writes(&self) -> &Arc<PendingWrites> {
        &self.pending_writes
    }

    /// Opens the store in the file `path`, created with mode 0600 when there is none. Its folder must exist.
    ///
    /// # Errors
    /// A [`StoreError`] that names the file and the remedy, when it cannot be opened or is damaged.
    pub async fn open(path: &Path, settings: &AuditSettings) -> Result<Self, StoreError> {
        let store = Store::open(path, KIND, &MIGRATIONS).await?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM events")
            .fetch_one(store.pool())
            .await
            .map_err(|error| store.query_failed(&error))?;
        let count = Arc::new(AtomicU64::new(u64::try_from(count).unwrap_or_default()));
        Ok(Self { store, settings: settings.clone(), count, pending_writes: Arc::default() })
    }

    /// The number of events in the store.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// The settings for how long events are kept, and how many at most.
    pub fn settings(&self) -> &AuditSettings {
        &self.settings
    }

    /// Closes the file, when the program stops. Every later query fails.
    pub async fn close(&self) {
        self.store.close().await;
    }

    pub(super) fn pool(&self) -> &SqlitePool {
        self.store.pool()
    }

    pub(super) fn query_failed(&self, error: &sqlx::Error) -> StoreError {
        self.store.query_failed(error)
    }

    /// Inserts all of `batch`, or nothing.
    pub(super) async fn append(&self, batch: &[QueuedEvent]) -> Result<(), StoreError> {
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO events (at, event, result, who, person, address, session, token, page, reason,
                 directory_code, factor, user_agent, detail) ",
        );
        insert.push_values(batch, |mut row, event| {
            let fields = &event.fields;
            row.push_bind(event.at.as_millis())
                .push_bind(fields.event)
                .push_bind(fields.result)
                .push_bind(fields.who.as_deref())
                .push_bind(fields.person.as_deref())
                .push_bind(event.address.as_deref())
                .push_bind(fields.session.map(|id| id.to_string()))
                .push_bind(fields.token.map(TokenId::as_i64))
                .push_bind(fields.page.as_deref())
                .push_bind(fields.reason)
                .push_bind(fields.directory_code)
                .push_bind(fields.factor)
                .push_bind(event.user_agent.as_deref())
                .push_bind(fields.details());
        });
        let mut connection = self.store.write_connection().await.map_err(|error| self.query_failed(&error))?;
        // The statement's text differs with the size of the batch: none is worth keeping prepared.
        let insert = insert.build().persistent(false);
        let written = insert.execute(&mut *connection).await.map_err(|error| self.query_failed(&error))?;
        connection.release();
        self.count.fetch_add(written.rows_affected(), Ordering::Relaxed);
        Ok(())
    }

    /// Whether the limit is exceeded by enough events to make a step of the sweep worth its while.
    pub(super) fn is_over_limit(&self) -> bool {
        self.count() >= self.settings.most_rows.saturating_add(SWEEP_STEP)
    }

    /// Deletes one step of the events older than `audit.keep` and of those beyond `audit.most_rows`. `true` when
    /// nothing is left to delete.
    ///
    /// When there is too much, what was refused goes first: strangers can cause as much of that as they like, and must
    /// not be able to push out who came in and what the admins did.
    pub(super) async fn sweep(&self, now: Timestamp) -> Result<bool, StoreError> {
        let old = "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < ? ORDER BY at LIMIT ?)";
        let oldest_kept = (now - self.settings.keep).as_millis();
        let mut swept = self.delete(sqlx::query(old).bind(oldest_kept), SWEEP_STEP).await?;
        let surplus = self.count().saturating_sub(self.settings.most_rows).min(SWEEP_STEP);
        if swept == 0 && surplus > 0 {
            let refused = "DELETE FROM events WHERE id IN (SELECT id FROM events INDEXED BY events_by_result
                 WHERE result = 'refused' ORDER BY at LIMIT ?)";
            swept = self.delete(sqlx::query(refused), surplus).await?;
            if swept < surplus {
                let any = "DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY at LIMIT ?)";
                swept += self.delete(sqlx::query(any), surplus - swept).await?;
            }
        }
        Ok(swept < SWEEP_STEP)
    }

    /// Executes a DELETE statement, with `limit` as its last value, and returns the number of deleted rows.
    async fn delete(
        &self,
        delete: sqlx::query::Query<'_, Sqlite, sqlx::sqlite::SqliteArguments>,
        limit: u64,
    ) -> Result<u64, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let deleted = delete.bind(limit).execute(self.pool()).await.map_err(|error| self.query_failed(&error))?;
        let deleted = deleted.rows_affected();
        self.count.fetch_sub(deleted, Ordering::Relaxed);
        Ok(deleted)
    }
}
