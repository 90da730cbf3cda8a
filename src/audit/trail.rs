use std::path::Path;
use std::sync::Arc;

use super::pending::PendingWrites;
use super::postgres::PostgresAudit;
use super::sqlite::SqliteAudit;
use super::{AuditCursor, AuditRecord, AuditSearch, AuditStore};
use crate::config::AuditSettings;
use crate::domain::Timestamp;
use crate::store::{PostgresDatabase, StoreError};

/// How many events one step of the sweep deletes: some milliseconds, after which new ones have their turn. As many more than the
/// settings say are worth a step.
pub(super) const SWEEP_STEP: u64 = 1_000;

/// The events that are kept, to be searched, as long and as many as the settings say. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct AuditTrail {
    store: Arc<dyn AuditStore>,
    settings: AuditSettings,
    /// The events on their way into the store.
    pending_writes: Arc<PendingWrites>,
}

impl AuditTrail {
    /// The events in the SQLite file `path`, created with mode 0600 when there is none. Its folder must exist.
    ///
    /// # Errors
    /// A [`StoreError`] that names the file and the remedy, when it cannot be opened or is damaged.
    pub async fn open(path: &Path, settings: &AuditSettings) -> Result<Self, StoreError> {
        Ok(Self::new(Arc::new(SqliteAudit::open(path).await?), settings))
    }

    /// The events in a PostgreSQL database.
    ///
    /// # Errors
    /// A [`StoreError`] that names the database and the remedy, when it cannot be used.
    pub async fn open_postgres(database: &PostgresDatabase, settings: &AuditSettings) -> Result<Self, StoreError> {
        Ok(Self::new(Arc::new(PostgresAudit::open(database).await?), settings))
    }

    /// The events in a store.
    pub fn new(store: Arc<dyn AuditStore>, settings: &AuditSettings) -> Self {
        Self { store, settings: settings.clone(), pending_writes: Arc::default() }
    }

    /// The number of events.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn count(&self) -> Result<u64, StoreError> {
        self.store.count().await
    }

    /// The settings for how long events are kept, and how many at most.
    pub fn settings(&self) -> &AuditSettings {
        &self.settings
    }

    /// The events that match, from behind `after` on: at most `limit`, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn search(
        &self,
        search: &AuditSearch,
        after: Option<AuditCursor>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        // An event that was just recorded must be found.
        self.pending_writes.flushed().await;
        self.store.search(search, after, limit).await
    }

    /// Closes the store, when the program stops. Every later search fails.
    pub async fn close(&self) {
        self.store.close().await;
    }

    pub(super) fn store(&self) -> &dyn AuditStore {
        &*self.store
    }

    pub(super) fn pending_writes(&self) -> &Arc<PendingWrites> {
        &self.pending_writes
    }

    /// Deletes one step of the events older than `audit.keep` and of those beyond `audit.most_rows`. `true` when
    /// nothing is left to delete.
    pub(super) async fn sweep(&self, now: Timestamp) -> Result<bool, StoreError> {
        let mut swept = self.store.delete_before(now - self.settings.keep, SWEEP_STEP).await?;
        if swept == 0 {
            swept = self.store.delete_surplus(self.settings.most_rows, SWEEP_STEP).await?;
        }
        Ok(swept < SWEEP_STEP)
    }
}
