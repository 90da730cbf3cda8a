use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::password::{KnownPassword, ObservedPassword};
use super::store::{Bump, BumpRow, EpochStore, NewBump};
use crate::domain::{PersonEpoch, PersonId, Timestamp};
use crate::store::{SqliteStore, StoreError};

/// The bumps in an SQLite file.
pub(super) struct SqliteEpochs(SqliteStore);

impl SqliteEpochs {
    /// The bumps in this file, whose epochs go on at `now`, or begin there if it is new: so a copy of long ago that was put back
    /// gives none again that has been given since. There are never as many as milliseconds.
    pub(super) async fn new(store: SqliteStore, now: Timestamp) -> Result<Self, StoreError> {
        let first = sqlx::query(
            "INSERT INTO counter (id, last, applied) VALUES (1, ?1, ?1) ON CONFLICT DO UPDATE SET last = max(last, ?1)",
        );
        store.execute(first.bind(now)).await?;
        Ok(Self(store))
    }
}

#[async_trait]
impl EpochStore for SqliteEpochs {
    async fn current(&self) -> Result<PersonEpoch, StoreError> {
        let (last,) = self.0.fetch_one(sqlx::query_as("SELECT last FROM counter")).await?;
        Ok(last)
    }

    async fn bump(&self, new: &NewBump, at: Timestamp) -> Result<PersonEpoch, StoreError> {
        let failed = |error: sqlx::Error| self.0.query_failed(&error);
        let mut transaction = self.0.pool().begin().await.map_err(failed)?;
        let epoch = insert_bump(&mut transaction, new, at).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(epoch)
    }

    async fn bumps_after(&self, epoch: PersonEpoch) -> Result<Vec<Bump>, StoreError> {
        let query = sqlx::query_as("SELECT person_id, event, epoch, kept FROM bumps WHERE epoch > ? ORDER BY epoch");
        let rows: Vec<BumpRow> = self.0.fetch_all(query.bind(epoch)).await?;
        Ok(rows.into_iter().map(Bump::from).collect())
    }

    async fn applied(&self) -> Result<PersonEpoch, StoreError> {
        let (applied,) = self.0.fetch_one(sqlx::query_as("SELECT applied FROM counter")).await?;
        Ok(applied)
    }

    async fn set_applied(&self, epoch: PersonEpoch) -> Result<(), StoreError> {
        let update = sqlx::query("UPDATE counter SET applied = ?1 WHERE applied < ?1").bind(epoch);
        self.0.execute(update).await.map(drop)
    }

    async fn known_password(&self, person: &PersonId) -> Result<Option<KnownPassword>, StoreError> {
        let select = sqlx::query_as("SELECT set_at, must_change, epoch FROM passwords WHERE person_id = ?");
        let known = self.0.fetch_optional(select.bind(person.as_str())).await?;
        Ok(known.map(|(set_at, must_change, epoch)| KnownPassword { set_at, must_change, epoch }))
    }

    async fn insert_password(&self, person: &PersonId, first: ObservedPassword) -> Result<(), StoreError> {
        let insert = sqlx::query(
            "INSERT INTO passwords (person_id, set_at, must_change, epoch) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        );
        let must_change = first == ObservedPassword::MustChange;
        let insert = insert.bind(person.as_str()).bind(first.set_at()).bind(must_change).bind(PersonEpoch::default());
        self.0.execute(insert).await.map(drop)
    }

    async fn replace_password(
        &self,
        new: &NewBump,
        observed: ObservedPassword,
        at: Timestamp,
    ) -> Result<Option<PersonEpoch>, StoreError> {
        let failed = |error: sqlx::Error| self.0.query_failed(&error);
        let mut transaction = self.0.pool().begin().await.map_err(failed)?;
        // The first statement writes here too. What is another password is said by `KnownPassword::is_replaced_by`.
        let replace = sqlx::query(
            "UPDATE passwords
             SET set_at = max(set_at, ?2), must_change = ?3, epoch = (SELECT last + 1 FROM counter)
             WHERE person_id = ?1 AND (set_at < ?2 OR must_change < ?3)",
        );
        let replace = replace.bind(new.people.as_stored()).bind(observed.set_at());
        let replace = replace.bind(observed == ObservedPassword::MustChange);
        if replace.execute(&mut *transaction).await.map_err(failed)?.rows_affected() == 0 {
            return Ok(None);
        }
        let epoch = insert_bump(&mut transaction, new, at).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(Some(epoch))
    }

    async fn delete_bumps(&self, until: Timestamp) -> Result<(), StoreError> {
        let delete = sqlx::query("DELETE FROM bumps WHERE at <= ? AND epoch <= (SELECT applied FROM counter)").bind(until);
        self.0.execute(delete).await.map(drop)
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

/// Begins the next epoch by a bump. The first statement writes, so that of two who bump at once the other waits here.
async fn insert_bump(connection: &mut SqliteConnection, new: &NewBump, at: Timestamp) -> Result<PersonEpoch, sqlx::Error> {
    let next = sqlx::query_as("UPDATE counter SET last = last + 1 RETURNING last");
    let (epoch,): (PersonEpoch,) = next.fetch_one(&mut *connection).await?;
    let insert = sqlx::query(
        "INSERT INTO bumps (person_id, event, epoch, kept, at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (person_id, event) DO UPDATE SET epoch = ?3, kept = ?4, at = ?5",
    );
    let insert = insert.bind(new.people.as_stored()).bind(new.event.as_str()).bind(epoch).bind(new.kept).bind(at);
    insert.execute(connection).await?;
    Ok(epoch)
}
