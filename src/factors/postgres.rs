use async_trait::async_trait;

use super::attempts::{ATTEMPTS_LAPSE, AttemptCount, MAX_NETWORKS};
use super::store::{FactorStore, FoundPasskey, OwnerRow, PasskeyRecord};
use super::{EnrolledFactors, FactorOwner, Passkey, PasskeyId};
use crate::domain::{Person, PersonId, Timestamp};
use crate::store::{PostgresStore, PostgresTransaction, StoreError};

/// Deletes the recovery codes of somebody who has no factor left.
const DELETE_ORPHANED_CODES: &str = "DELETE FROM recovery_codes WHERE person_id = $1
     AND NOT EXISTS (SELECT 1 FROM authenticator_apps WHERE person_id = $1)
     AND NOT EXISTS (SELECT 1 FROM passkeys WHERE person_id = $1)";

/// The second factors in a PostgreSQL database, which several servers share. It is asked each time: who has enrolled on one
/// server is asked for their factor by all.
///
/// What reads first and then writes locks the person's row in between. To add an app or a passkey waits for that lock too, as it
/// refers to the row.
pub(super) struct PostgresFactors {
    store: PostgresStore,
    clock: AttemptClock,
}

/// The clock by which attempts wait.
#[derive(Clone, Copy, Debug)]
pub(super) enum AttemptClock {
    /// The database's: servers whose clocks differ give nobody more tries, and lock nobody out.
    Database,
    /// The server's, which a test sets by hand.
    #[cfg(test)]
    Server,
}

impl PostgresFactors {
    pub(super) fn new(store: PostgresStore, clock: AttemptClock) -> Self {
        Self { store, clock }
    }

    /// Begins a transaction in which nobody else changes this person's factors. `None` where they have no row.
    async fn begin_for(&self, person: &PersonId) -> Result<Option<PostgresTransaction>, StoreError> {
        let mut transaction = self.store.begin().await?;
        let lock = sqlx::query("SELECT 1 FROM factor_people WHERE person_id = $1 FOR UPDATE").bind(person.as_str());
        if transaction.execute(lock).await? == 0 {
            transaction.rollback().await?;
            return Ok(None);
        }
        Ok(Some(transaction))
    }
}

impl AttemptClock {
    /// The time by this clock; `None` when it is the server's.
    async fn now(self, transaction: &mut PostgresTransaction) -> Result<Option<Timestamp>, StoreError> {
        match self {
            Self::Database => {
                let query = sqlx::query_as("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint");
                let (now,) = transaction.fetch_one(query).await?;
                Ok(Some(now))
            }
            #[cfg(test)]
            Self::Server => Ok(None),
        }
    }
}

#[async_trait]
impl FactorStore for PostgresFactors {
    async fn upsert_person(&self, person: &Person, handle: &[u8; 64]) -> Result<(), StoreError> {
        let description = serde_json::to_string(person).map_err(|error| self.store.failed(&error))?;
        let upsert = sqlx::query(
            "INSERT INTO factor_people (person_id, user_handle, person, name) VALUES ($1, $2, $3, $4)
             ON CONFLICT (person_id) DO UPDATE SET person = excluded.person, name = excluded.name",
        );
        let upsert = upsert.bind(person.id.as_str()).bind(handle.to_vec()).bind(description);
        self.store.execute(upsert.bind(person.qualified_name().to_lowercase())).await.map(drop)
    }

    async fn person(&self, person: &PersonId) -> Result<Option<(Person, [u8; 64])>, StoreError> {
        let query = sqlx::query_as("SELECT person, user_handle FROM factor_people WHERE person_id = $1").bind(person.as_str());
        let row: Option<(String, Vec<u8>)> = self.store.fetch_optional(query).await?;
        let Some((described, handle)) = row else { return Ok(None) };
        let described = serde_json::from_str(&described).map_err(|error| self.store.damaged(&error))?;
        let handle = handle.try_into().map_err(|_| self.store.damaged(&"a user handle has not 64 bytes"))?;
        Ok(Some((described, handle)))
    }

    async fn record_change(&self, person: &PersonId, words: &str, at: Timestamp) -> Result<(), StoreError> {
        let record = sqlx::query("UPDATE factor_people SET changed = $1, changed_at = $2 WHERE person_id = $3");
        self.store.execute(record.bind(words).bind(at).bind(person.as_str())).await.map(drop)
    }

    async fn has_any(&self, person: &PersonId) -> Result<bool, StoreError> {
        let query = sqlx::query_as(
            "SELECT EXISTS (SELECT 1 FROM authenticator_apps WHERE person_id = $1)
                 OR EXISTS (SELECT 1 FROM passkeys WHERE person_id = $1)",
        );
        self.store.fetch_one(query.bind(person.as_str())).await.map(|(any,)| any)
    }

    async fn enrolled(&self, person: &PersonId) -> Result<EnrolledFactors, StoreError> {
        let app = sqlx::query_as("SELECT created_at, last_used_at FROM authenticator_apps WHERE person_id = $1");
        let passkeys = sqlx::query_as::<_, Passkey>(
            "SELECT id, name, created_at, last_used_at FROM passkeys WHERE person_id = $1 ORDER BY id",
        );
        let codes = sqlx::query_as("SELECT count(*) FROM recovery_codes WHERE person_id = $1");
        let changed =
            sqlx::query_as("SELECT changed, changed_at FROM factor_people WHERE person_id = $1 AND changed IS NOT NULL");
        let (codes,): (i64,) = self.store.fetch_one(codes.bind(person.as_str())).await?;
        Ok(EnrolledFactors {
            app: self.store.fetch_optional(app.bind(person.as_str())).await?,
            passkeys: self.store.fetch_all(passkeys.bind(person.as_str())).await?,
            recovery_codes: usize::try_from(codes).unwrap_or_default(),
            changed: self.store.fetch_optional(changed.bind(person.as_str())).await?,
        })
    }

    async fn owners(&self, name: &str, most: usize) -> Result<Vec<FactorOwner>, StoreError> {
        let query = sqlx::query_as(
            "SELECT * FROM (
                 SELECT person_id, name, EXISTS (SELECT 1 FROM authenticator_apps a WHERE a.person_id = p.person_id) AS app,
                     (SELECT count(*) FROM passkeys k WHERE k.person_id = p.person_id) AS passkeys,
                     (SELECT count(*) FROM recovery_codes r WHERE r.person_id = p.person_id) AS recovery_codes
                 FROM factor_people p WHERE starts_with(name, $1)) AS owners
             WHERE app OR passkeys > 0 ORDER BY name LIMIT $2",
        );
        // PostgreSQL has no text with a NUL in it; nor is there a name with one.
        let query = query.bind(name.replace('\0', "\u{fffd}")).bind(i64::try_from(most).unwrap_or(i64::MAX));
        let rows: Vec<OwnerRow> = self.store.fetch_all(query).await?;
        Ok(rows.into_iter().map(FactorOwner::from).collect())
    }

    async fn remove_all(&self, person: &PersonId) -> Result<bool, StoreError> {
        let Some(mut transaction) = self.begin_for(person).await? else { return Ok(false) };
        let mut removed = 0;
        for delete in [
            "DELETE FROM authenticator_apps WHERE person_id = $1",
            "DELETE FROM passkeys WHERE person_id = $1",
            "DELETE FROM recovery_codes WHERE person_id = $1",
        ] {
            removed += transaction.execute(sqlx::query(delete).bind(person.as_str())).await?;
        }
        let attempts = sqlx::query("DELETE FROM code_attempts WHERE person_id = $1").bind(person.as_str());
        transaction.execute(attempts).await?;
        transaction.commit().await?;
        Ok(removed > 0)
    }

    async fn take_attempt(
        &self,
        person: &PersonId,
        counts: &[AttemptCount],
        now: Timestamp,
    ) -> Result<Option<Result<(), Timestamp>>, StoreError> {
        // Nobody else counts between the look and the count.
        let Some(mut transaction) = self.begin_for(person).await? else { return Ok(None) };
        let time = self.clock.now(&mut transaction).await?.unwrap_or(now);
        let lapsed = sqlx::query("DELETE FROM code_attempts WHERE person_id = $1 AND at <= $2");
        transaction.execute(lapsed.bind(person.as_str()).bind(time - ATTEMPTS_LAPSE)).await?;
        let query =
            sqlx::query_as("SELECT origin, failed, not_before FROM code_attempts WHERE person_id = $1 AND origin = ANY ($2)");
        let origins: Vec<&str> = counts.iter().map(|count| count.origin.as_str()).collect();
        let kept: Vec<(String, i64, Timestamp)> = transaction.fetch_all(query.bind(person.as_str()).bind(origins)).await?;
        let before = |count: &AttemptCount| {
            let kept = kept.iter().find(|(origin, ..)| *origin == count.origin);
            kept.map_or((0, time), |(_, failed, not_before)| (u32::try_from(*failed).unwrap_or(u32::MAX), *not_before))
        };
        if let Some(until) = counts.iter().filter_map(|count| count.waits_until(before(count).1, time)).max() {
            transaction.commit().await?;
            return Ok(Some(Err(now + until.since(time))));
        }
        for count in counts {
            let failed = before(count).0.saturating_add(1);
            let set = sqlx::query(
                "INSERT INTO code_attempts (person_id, origin, failed, not_before, at) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (person_id, origin) DO UPDATE SET failed = $3, not_before = $4, at = $5",
            );
            let set = set.bind(person.as_str()).bind(&count.origin).bind(i64::from(failed));
            transaction.execute(set.bind(count.not_before(failed, time)).bind(time)).await?;
        }
        let surplus = sqlx::query(
            "DELETE FROM code_attempts WHERE person_id = $1 AND origin IN
                 (SELECT origin FROM code_attempts WHERE person_id = $1 AND origin LIKE '%network %'
                  ORDER BY at DESC OFFSET $2)",
        );
        transaction.execute(surplus.bind(person.as_str()).bind(MAX_NETWORKS)).await?;
        transaction.commit().await?;
        Ok(Some(Ok(())))
    }

    async fn forgive_attempt(&self, person: &PersonId, counts: &[AttemptCount]) -> Result<(), StoreError> {
        let Some(mut transaction) = self.begin_for(person).await? else { return Ok(()) };
        for AttemptCount { origin, is_shared, .. } in counts {
            let forgive = if *is_shared {
                "UPDATE code_attempts SET failed = greatest(failed - 1, 0), not_before = 0 WHERE person_id = $1 AND origin = $2"
            } else {
                "DELETE FROM code_attempts WHERE person_id = $1 AND origin = $2"
            };
            transaction.execute(sqlx::query(forgive).bind(person.as_str()).bind(origin)).await?;
        }
        transaction.commit().await
    }

    async fn set_app(&self, person: &PersonId, sealed_seed: &[u8], step: i64, at: Timestamp) -> Result<(), StoreError> {
        let set = sqlx::query(
            "INSERT INTO authenticator_apps (person_id, sealed_seed, last_step, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (person_id) DO UPDATE SET sealed_seed = $2, last_step = $3, created_at = $4, last_used_at = NULL",
        );
        self.store.execute(set.bind(person.as_str()).bind(sealed_seed).bind(step).bind(at)).await.map(drop)
    }

    async fn app(&self, person: &PersonId) -> Result<Option<(Vec<u8>, i64)>, StoreError> {
        let query = sqlx::query_as("SELECT sealed_seed, last_step FROM authenticator_apps WHERE person_id = $1");
        self.store.fetch_optional(query.bind(person.as_str())).await
    }

    async fn take_step(&self, person: &PersonId, step: i64, at: Timestamp) -> Result<bool, StoreError> {
        let take = sqlx::query(
            "UPDATE authenticator_apps SET last_step = $1, last_used_at = $2 WHERE person_id = $3 AND last_step < $1",
        );
        Ok(self.store.execute(take.bind(step).bind(at).bind(person.as_str())).await? > 0)
    }

    async fn remove_app(&self, person: &PersonId) -> Result<bool, StoreError> {
        let Some(mut transaction) = self.begin_for(person).await? else { return Ok(false) };
        let delete = sqlx::query("DELETE FROM authenticator_apps WHERE person_id = $1").bind(person.as_str());
        let removed = transaction.execute(delete).await?;
        transaction.execute(sqlx::query(DELETE_ORPHANED_CODES).bind(person.as_str())).await?;
        transaction.commit().await?;
        Ok(removed > 0)
    }

    async fn set_recovery_codes(&self, person: &PersonId, hashes: &[Vec<u8>]) -> Result<(), StoreError> {
        let Some(mut transaction) = self.begin_for(person).await? else {
            return Err(self.store.failed(&"recovery codes are of somebody who is not known"));
        };
        let delete = sqlx::query("DELETE FROM recovery_codes WHERE person_id = $1").bind(person.as_str());
        transaction.execute(delete).await?;
        let insert = sqlx::query("INSERT INTO recovery_codes (person_id, code_hash) SELECT $1, unnest($2::bytea[])");
        transaction.execute(insert.bind(person.as_str()).bind(hashes)).await?;
        transaction.commit().await
    }

    async fn use_recovery_code(&self, person: &PersonId, hash: &[u8]) -> Result<Option<usize>, StoreError> {
        let Some(mut transaction) = self.begin_for(person).await? else { return Ok(None) };
        let delete = sqlx::query("DELETE FROM recovery_codes WHERE person_id = $1 AND code_hash = $2");
        if transaction.execute(delete.bind(person.as_str()).bind(hash)).await? == 0 {
            transaction.rollback().await?;
            return Ok(None);
        }
        let left = sqlx::query_as("SELECT count(*) FROM recovery_codes WHERE person_id = $1").bind(person.as_str());
        let (left,): (i64,) = transaction.fetch_one(left).await?;
        transaction.commit().await?;
        Ok(Some(usize::try_from(left).unwrap_or_default()))
    }

    async fn insert_passkey(
        &self,
        person: &PersonId,
        name: &str,
        passkey: &PasskeyRecord,
        at: Timestamp,
    ) -> Result<Option<PasskeyId>, StoreError> {
        let PasskeyRecord { credential_id, static_state, dynamic_state, transports } = passkey;
        let insert = sqlx::query_as(
            "INSERT INTO passkeys (credential_id, person_id, name, static_state, dynamic_state, transports, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (credential_id) DO NOTHING RETURNING id",
        );
        let insert = insert.bind(credential_id).bind(person.as_str()).bind(name).bind(static_state).bind(dynamic_state);
        let inserted: Option<(PasskeyId,)> = self.store.fetch_optional(insert.bind(transports).bind(at)).await?;
        Ok(inserted.map(|(id,)| id))
    }

    async fn passkeys(&self, person: &PersonId) -> Result<Vec<(Vec<u8>, i64)>, StoreError> {
        let query = sqlx::query_as("SELECT credential_id, transports FROM passkeys WHERE person_id = $1");
        self.store.fetch_all(query.bind(person.as_str())).await
    }

    async fn find_passkey(&self, credential_id: &[u8], handle: &[u8]) -> Result<Option<FoundPasskey>, StoreError> {
        let query = sqlx::query_as(
            "SELECT id, static_state, dynamic_state, person FROM passkeys JOIN factor_people USING (person_id)
             WHERE credential_id = $1 AND user_handle = $2",
        );
        self.store.fetch_optional(query.bind(credential_id).bind(handle)).await
    }

    async fn note_passkey_use(&self, id: PasskeyId, dynamic_state: &[u8], at: Timestamp) -> Result<(), StoreError> {
        let note = sqlx::query("UPDATE passkeys SET dynamic_state = $1, last_used_at = $2 WHERE id = $3");
        self.store.execute(note.bind(dynamic_state).bind(at).bind(id)).await.map(drop)
    }

    async fn remove_passkey(&self, person: &PersonId, id: PasskeyId) -> Result<Option<String>, StoreError> {
        let Some(mut transaction) = self.begin_for(person).await? else { return Ok(None) };
        let delete = sqlx::query_as("DELETE FROM passkeys WHERE id = $1 AND person_id = $2 RETURNING name");
        let removed: Option<(String,)> = transaction.fetch_optional(delete.bind(id).bind(person.as_str())).await?;
        transaction.execute(sqlx::query(DELETE_ORPHANED_CODES).bind(person.as_str())).await?;
        transaction.commit().await?;
        Ok(removed.map(|(name,)| name))
    }

    async fn answer_challenge(&self, challenge: &[u8; 16], until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        // What another server is deleting is left to it: nobody waits for each other.
        let delete = sqlx::query(
            "DELETE FROM answered_challenges WHERE challenge = ANY (ARRAY(
                 SELECT challenge FROM answered_challenges WHERE until <= $1 FOR UPDATE SKIP LOCKED))",
        );
        self.store.execute(delete.bind(now)).await?;
        let answer = sqlx::query("INSERT INTO answered_challenges (challenge, until) VALUES ($1, $2) ON CONFLICT DO NOTHING");
        Ok(self.store.execute(answer.bind(challenge.to_vec()).bind(until)).await? > 0)
    }

    fn damaged(&self, reason: &dyn ToString) -> StoreError {
        self.store.damaged(&reason.to_string())
    }

    async fn close(&self) {
        self.store.close();
    }
}
