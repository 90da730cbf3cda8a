use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::migrate::Migrator;
use sqlx::{QueryBuilder, Sqlite, SqlitePool};

use super::pending::PendingWrites;
use super::writer::QueuedEvent;
use crate::config::AuditSettings;
use crate::domain::{SessionId, Timestamp, TokenId};
use crate::store::{Store, StoreError, StoreKind};

/// The steps from an empty file to today's tables, in the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("src/audit/migrations");

const KIND: StoreKind = StoreKind { name: "audit store", if_recreated: "the audit begins anew" };

/// How many events are forgotten at once: some milliseconds, after which new ones have their turn.
const SWEEP_STEP: u64 = 1_000;

/// Every event that is kept, to be searched. Cheap to clone; the clones are one store.
#[derive(Clone)]
pub struct AuditStore {
    store: Store,
    settings: AuditSettings,
    /// How many events there are, known without counting them anew with each batch.
    count: Arc<AtomicU64>,
    /// What is on its way here.
    pending_writes: Arc<PendingWrites>,
}

impl AuditStore {
    /// What is on its way here.
    pub(super) fn pending(&self) -> &Arc<PendingWrites> {
        &self.pending_writes
    }

    /// Opens the store in the file `path`, which is made (mode 0600) when there is none; its folder must be there.
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

    /// How many events are kept.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// How long they are kept, and how many at most.
    pub fn settings(&self) -> &AuditSettings {
        &self.settings
    }

    /// Closes the file in good order, when the program stops. The store answers nothing after that.
    pub async fn close(&self) {
        self.store.close().await;
    }

    pub(super) fn pool(&self) -> &SqlitePool {
        self.store.pool()
    }

    pub(super) fn query_failed(&self, error: &sqlx::Error) -> StoreError {
        self.store.query_failed(error)
    }

    /// Writes down all of `batch`, or nothing.
    pub(super) async fn append(&self, batch: &[QueuedEvent]) -> Result<(), StoreError> {
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO events (at, event, result, who, person, address, session, token, page, reason,
                 directory_code, factor, user_agent, detail) ",
        );
        insert.push_values(batch, |mut row, noted| {
            let line = &noted.fields;
            row.push_bind(noted.at.as_millis())
                .push_bind(line.event)
                .push_bind(line.result)
                .push_bind(line.who.as_deref())
                .push_bind(line.person.as_deref())
                .push_bind(noted.address.as_deref())
                .push_bind(line.session.map(SessionId::as_i64))
                .push_bind(line.token.map(TokenId::as_i64))
                .push_bind(line.page.as_deref())
                .push_bind(line.reason)
                .push_bind(line.directory_code)
                .push_bind(line.factor)
                .push_bind(noted.user_agent.as_deref())
                .push_bind(line.details());
        });
        let mut pen = self.store.write_connection().await.map_err(|error| self.query_failed(&error))?;
        // There is a text for every size of a batch: none is worth keeping prepared.
        let insert = insert.build().persistent(false);
        let written = insert.execute(&mut *pen).await.map_err(|error| self.query_failed(&error))?;
        pen.release();
        self.count.fetch_add(written.rows_affected(), Ordering::Relaxed);
        Ok(())
    }

    /// Whether there are more events than there may be, and enough of them to make a step worth its while.
    pub(super) fn is_over_limit(&self) -> bool {
        self.count() >= self.settings.most_rows.saturating_add(SWEEP_STEP)
    }

    /// Forgets what is older than `audit.keep`, and what is beyond `audit.most_rows`: one step of it. `true` when nothing is
    /// left to be forgotten.
    ///
    /// When there is too much, what was refused goes first: strangers can cause as much of that as they like, and must not
    /// be able to push out who came in and what the admins did.
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

    /// Carries out a statement that deletes, with `most` as its last value.
    async fn delete(
        &self,
        delete: sqlx::query::Query<'_, Sqlite, sqlx::sqlite::SqliteArguments>,
        most: u64,
    ) -> Result<u64, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let deleted = delete.bind(most).execute(self.pool()).await.map_err(|error| self.query_failed(&error))?;
        let deleted = deleted.rows_affected();
        self.count.fetch_sub(deleted, Ordering::Relaxed);
        Ok(deleted)
    }
}
