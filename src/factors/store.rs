use std::path::Path;
use std::sync::Arc;

use sqlx::SqlitePool;
use sqlx::migrate::Migrator;
use webauthn_rp::request::register::UserHandle64;

use super::possible_owners::PossibleOwners;
use super::seal::FactorSeal;
use crate::domain::{Clock, Person, PersonId, Timestamp};
use crate::store::{SealingKey, Store, StoreError, StoreKind, fill_randomly};

/// The migrations from an empty file to today's tables, embedded in the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("src/factors/migrations");

const KIND: StoreKind = StoreKind {
    name: "store of second factors",
    if_recreated: "everybody's authenticator apps, recovery codes and passkeys must be set up anew",
};

/// The store of second factors. Cheap to clone; the clones are one store.
#[derive(Clone)]
pub struct Factors {
    inner: Arc<FactorsInner>,
}

struct FactorsInner {
    store: Store,
    possible_owners: PossibleOwners,
    seal: FactorSeal,
    clock: Arc<dyn Clock>,
}

impl Factors {
    /// Opens the store in the file `path`, which is created (mode 0600) when there is none; its folder must exist. Secrets in it
    /// are sealed under `key`.
    ///
    /// # Errors
    /// A [`StoreError`] that names the file and the remedy, when it cannot be opened or is damaged.
    pub async fn open(path: &Path, key: &SealingKey, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let store = Store::open(path, KIND, &MIGRATIONS).await?;
        let rows: Vec<String> = sqlx::query_scalar("SELECT person_id FROM people")
            .fetch_all(store.pool())
            .await
            .map_err(|error| store.query_failed(&error))?;
        let known = PossibleOwners::from_ids(rows);
        Ok(Self { inner: Arc::new(FactorsInner { store, possible_owners: known, seal: FactorSeal::new(key), clock }) })
    }

    /// Closes the file in good order, when the program stops. The store answers nothing after that.
    pub async fn close(&self) {
        self.inner.store.close().await;
    }

    /// Updates the stored description of somebody who has a row.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn update_description(&self, person: &Person) -> Result<(), StoreError> {
        self.upsert_person(person).await
    }

    /// Inserts or updates somebody's row, with their description of now.
    pub(super) async fn upsert_person(&self, person: &Person) -> Result<(), StoreError> {
        let description = serde_json::to_string(person).map_err(|error| self.store().failed(&error))?;
        let mut handle = [0; 64];
        fill_randomly(&mut handle)?;
        self.possible_owners().insert(&person.id);
        sqlx::query(
            "INSERT INTO people (person_id, user_handle, person, name) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (person_id) DO UPDATE SET person = ?3, name = ?4",
        )
        .bind(person.id.as_str())
        .bind(handle.to_vec())
        .bind(description)
        .bind(person.qualified_name().to_lowercase())
        .execute(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        Ok(())
    }

    /// The user handle of a person's passkeys (WebAuthn, 5.4.3); they have a row.
    pub(super) async fn user_handle(&self, person: &PersonId) -> Result<UserHandle64, StoreError> {
        use webauthn_rp::bin::Decode as _;

        let handle: Vec<u8> = sqlx::query_scalar("SELECT user_handle FROM people WHERE person_id = ?")
            .bind(person.as_str())
            .fetch_one(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        let handle = handle.try_into().map_err(|_| self.store().damaged(&"a user handle has not 64 bytes"))?;
        UserHandle64::decode(handle).map_err(|_never| self.store().damaged(&"a user handle cannot be read"))
    }

    /// Records a change, in words for the owner.
    pub(super) async fn record_change(&self, person: &PersonId, words: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE people SET changed = ?, changed_at = ? WHERE person_id = ?")
            .bind(words)
            .bind(self.now().as_millis())
            .bind(person.as_str())
            .execute(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        Ok(())
    }

    pub(super) fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(super) fn possible_owners(&self) -> &PossibleOwners {
        &self.inner.possible_owners
    }

    pub(super) fn pool(&self) -> &SqlitePool {
        self.inner.store.pool()
    }

    pub(super) fn seal(&self) -> &FactorSeal {
        &self.inner.seal
    }

    pub(super) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    pub(super) fn query_failed(&self, error: &sqlx::Error) -> StoreError {
        self.inner.store.query_failed(error)
    }
}
