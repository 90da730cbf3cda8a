use std::path::Path;
use std::sync::Arc;

use sqlx::migrate::Migrator;

use super::postgres::{AttemptClock, PostgresFactors};
use super::seal::FactorSeal;
use super::sqlite::SqliteFactors;
use super::store::FactorStore;
use super::{EnrolledFactors, FactorOwner};
use crate::domain::{Clock, Person, PersonId, Timestamp};
use crate::store::{PostgresDatabase, PostgresStore, SealingKey, SqliteStore, StoreError, StoreKind, fill_randomly};

/// The migrations from an empty file to today's tables, embedded in the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("src/factors/migrations");

const KIND: StoreKind = StoreKind {
    name: "store of second factors",
    if_recreated: "everybody's authenticator apps, recovery codes and passkeys must be set up anew",
};

/// All second factors. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct Factors {
    inner: Arc<FactorsInner>,
}

struct FactorsInner {
    store: Box<dyn FactorStore>,
    seal: FactorSeal,
    clock: Arc<dyn Clock>,
}

impl Factors {
    /// The factors in the SQLite file `path`, which is created (mode 0600) when there is none; its folder must exist. Secrets
    /// in it are sealed under `key`.
    ///
    /// # Errors
    /// A [`StoreError`] that names the file and the remedy, when it cannot be opened or is damaged.
    pub async fn open(path: &Path, key: &SealingKey, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let store = SqliteFactors::new(SqliteStore::open(path, KIND, &MIGRATIONS).await?).await?;
        Ok(Self::new(Box::new(store), key, clock))
    }

    /// The factors in a PostgreSQL database. Secrets in it are sealed under `key`.
    ///
    /// # Errors
    /// A [`StoreError`] that names the database and the remedy, when it cannot be used.
    pub async fn open_postgres(
        database: &PostgresDatabase,
        key: &SealingKey,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let store = PostgresStore::open(database, KIND, "factors", sqlx::migrate!("src/factors/migrations_postgres")).await?;
        Ok(Self::new(Box::new(PostgresFactors::new(store, AttemptClock::Database)), key, clock))
    }

    /// The factors in a store.
    pub fn new(store: Box<dyn FactorStore>, key: &SealingKey, clock: Arc<dyn Clock>) -> Self {
        Self { inner: Arc::new(FactorsInner { store, seal: FactorSeal::new(key), clock }) }
    }

    /// Closes the store in good order, when the program stops. It answers nothing after that.
    pub async fn close(&self) {
        self.inner.store.close().await;
    }

    /// Inserts somebody's row, or updates the stored description of them.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn update_description(&self, person: &Person) -> Result<(), StoreError> {
        let mut handle = [0; 64];
        fill_randomly(&mut handle)?;
        self.store().upsert_person(person, &handle).await
    }

    /// Whether somebody has a factor, so that their password alone does not sign them in.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked: that is never "none".
    pub async fn has_any(&self, person: &PersonId) -> Result<bool, StoreError> {
        self.store().has_any(person).await
    }

    /// The factors that somebody has enrolled.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn enrolled(&self, person: &PersonId) -> Result<EnrolledFactors, StoreError> {
        self.store().enrolled(person).await
    }

    /// Lists the people who have a factor and whose name begins with `name`, at most `most`, by name.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn owners(&self, name: &str, most: usize) -> Result<Vec<FactorOwner>, StoreError> {
        self.store().owners(&name.to_lowercase(), most).await
    }

    /// The person as they were last described, for those who have a row.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked, or the description cannot be read.
    pub async fn person(&self, person: &PersonId) -> Result<Option<Person>, StoreError> {
        Ok(self.store().person(person).await?.map(|(person, _)| person))
    }

    /// Removes all factors of somebody who has lost them, on an admin's word. `false` when there were none.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written: then nothing is removed.
    pub async fn reset(&self, person: &PersonId) -> Result<bool, StoreError> {
        let removed = self.store().remove_all(person).await?;
        if removed {
            self.record_change(person, "an administrator reset your second factors").await?;
        }
        Ok(removed)
    }

    /// Records a change, in words for the owner.
    pub(super) async fn record_change(&self, person: &PersonId, words: &str) -> Result<(), StoreError> {
        self.store().record_change(person, words, self.now()).await
    }

    pub(super) fn store(&self) -> &dyn FactorStore {
        &*self.inner.store
    }

    pub(super) fn seal(&self) -> &FactorSeal {
        &self.inner.seal
    }

    pub(super) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }
}
