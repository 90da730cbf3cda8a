use async_trait::async_trait;

use super::password::{KnownPassword, ObservedPassword};
use super::store::{Bump, BumpRow, EpochStore, NewBump};
use crate::domain::{PersonEpoch, PersonId, Timestamp};
use crate::store::{PostgresStore, PostgresTransaction, StoreError};

/// The bumps in a PostgreSQL database, which several servers share.
pub(super) struct PostgresEpochs(PostgresStore);

impl PostgresEpochs {
    /// The bumps in this database, whose epochs go on at `now`, or begin there if it is new, as they do in a file.
    pub(super) async fn new(store: PostgresStore, now: Timestamp) -> Result<Self, StoreError> {
        let first = sqlx::query(
            "INSERT INTO epoch_counter (id, last, applied) VALUES (1, $1, $1)
             ON CONFLICT (id) DO UPDATE SET last = greatest(epoch_counter.last, excluded.last)",
        );
        store.execute(first.bind(now)).await?;
        Ok(Self(store))
    }
}

#[async_trait]
impl EpochStore for PostgresEpochs {
    async fn current(&self) -> Result<PersonEpoch, StoreError> {
        let (last,) = self.0.fetch_one(sqlx::query_as("SELECT last FROM epoch_counter")).await?;
        Ok(last)
    }

    async fn bump(&self, new: &NewBump, at: Timestamp) -> Result<PersonEpoch, StoreError> {
        let mut transaction = self.0.begin().await?;
        let epoch = next_epoch(&mut transaction).await?;
        insert_bump(&mut transaction, new, epoch, at).await?;
        transaction.commit().await?;
        Ok(epoch)
    }

    async fn bumps_after(&self, epoch: PersonEpoch) -> Result<Vec<Bump>, StoreError> {
        let query = sqlx::query_as("SELECT person_id, event, epoch, kept FROM epoch_bumps WHERE epoch > $1 ORDER BY epoch");
        let rows: Vec<BumpRow> = self.0.fetch_all(query.bind(epoch)).await?;
        Ok(rows.into_iter().map(Bump::from).collect())
    }

    async fn applied(&self) -> Result<PersonEpoch, StoreError> {
        let (applied,) = self.0.fetch_one(sqlx::query_as("SELECT applied FROM epoch_counter")).await?;
        Ok(applied)
    }

    async fn set_applied(&self, epoch: PersonEpoch) -> Result<(), StoreError> {
        let update = sqlx::query("UPDATE epoch_counter SET applied = $1 WHERE applied < $1").bind(epoch);
        self.0.execute(update).await.map(drop)
    }

    async fn known_password(&self, person: &PersonId) -> Result<Option<KnownPassword>, StoreError> {
        let select = sqlx::query_as("SELECT set_at, must_change, epoch FROM known_passwords WHERE person_id = $1");
        let known = self.0.fetch_optional(select.bind(person.as_str())).await?;
        Ok(known.map(|(set_at, must_change, epoch)| KnownPassword { set_at, must_change, epoch }))
    }

    async fn insert_password(&self, person: &PersonId, first: ObservedPassword) -> Result<(), StoreError> {
        let insert = sqlx::query(
            "INSERT INTO known_passwords (person_id, set_at, must_change, epoch) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
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
        let mut transaction = self.0.begin().await?;
        // The epoch is taken first, as in every bump: nobody takes another in between, and nobody waits for each other in a circle.
        let epoch = next_epoch(&mut transaction).await?;
        // What is another password is said by `KnownPassword::is_replaced_by`.
        let replace = sqlx::query(
            "UPDATE known_passwords SET set_at = greatest(set_at, $2), must_change = $3, epoch = $4
             WHERE person_id = $1 AND (set_at < $2 OR must_change < $3)",
        );
        let replace = replace.bind(new.people.as_stored()).bind(observed.set_at());
        let replace = replace.bind(observed == ObservedPassword::MustChange).bind(epoch);
        if transaction.execute(replace).await? == 0 {
            transaction.rollback().await?;
            return Ok(None);
        }
        insert_bump(&mut transaction, new, epoch, at).await?;
        transaction.commit().await?;
        Ok(Some(epoch))
    }

    async fn delete_bumps(&self, until: Timestamp) -> Result<(), StoreError> {
        // What another server is deleting is left to it: nobody waits for each other.
        let delete = sqlx::query(
            "DELETE FROM epoch_bumps WHERE epoch = ANY (ARRAY(
                 SELECT epoch FROM epoch_bumps WHERE at <= $1 AND epoch <= (SELECT applied FROM epoch_counter)
                 FOR UPDATE SKIP LOCKED))",
        );
        self.0.execute(delete.bind(until)).await.map(drop)
    }

    async fn close(&self) {
        self.0.close();
    }
}

/// Takes the next epoch. Of two who do, the other waits here until the first has committed: bumps are visible in the order of
/// their epochs. It is no less than the database's time in milliseconds, as what it was set to may have been lost with a primary whose replica
/// goes on: nobody is given an epoch that others have seen already.
async fn next_epoch(transaction: &mut PostgresTransaction) -> Result<PersonEpoch, StoreError> {
    let next = sqlx::query_as(
        "UPDATE epoch_counter
         SET last = greatest(last + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint) RETURNING last",
    );
    let (epoch,) = transaction.fetch_one(next).await?;
    Ok(epoch)
}

async fn insert_bump(
    transaction: &mut PostgresTransaction,
    new: &NewBump,
    epoch: PersonEpoch,
    at: Timestamp,
) -> Result<(), StoreError> {
    let insert = sqlx::query(
        "INSERT INTO epoch_bumps (person_id, event, epoch, kept, at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (person_id, event) DO UPDATE SET epoch = excluded.epoch, kept = excluded.kept, at = excluded.at",
    );
    let insert = insert.bind(new.people.as_stored()).bind(new.event.as_str()).bind(epoch).bind(new.kept).bind(at);
    transaction.execute(insert).await.map(drop)
}
