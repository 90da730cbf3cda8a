use async_trait::async_trait;

use super::attempts::{ATTEMPTS_LAPSE, AttemptCount, MAX_NETWORKS};
use super::possible_owners::PossibleOwners;
use super::store::{FactorStore, FoundPasskey, OwnerRow, PasskeyRecord};
use super::{EnrolledFactors, FactorOwner, Passkey, PasskeyId};
use crate::domain::{Person, PersonId, Timestamp};
use crate::store::{SqliteStore, StoreError};

/// Deletes the recovery codes of somebody who has no factor left.
const DELETE_ORPHANED_CODES: &str = "DELETE FROM recovery_codes WHERE person_id = ?1
     AND NOT EXISTS (SELECT 1 FROM apps WHERE person_id = ?1)
     AND NOT EXISTS (SELECT 1 FROM passkeys WHERE person_id = ?1)";

/// The second factors in an SQLite file, which this process alone writes.
pub(super) struct SqliteFactors {
    file: SqliteStore,
    possible_owners: PossibleOwners,
}

#[async_trait]
impl FactorStore for SqliteFactors {
    async fn upsert_person(&self, person: &Person, handle: &[u8; 64]) -> Result<(), StoreError> {
        let description = serde_json::to_string(person).map_err(|error| self.file.failed(&error))?;
        let upsert = sqlx::query(
            "INSERT INTO people (person_id, user_handle, person, name) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (person_id) DO UPDATE SET person = ?3, name = ?4",
        );
        let upsert = upsert.bind(person.id.as_str()).bind(handle.to_vec()).bind(description);
        self.possible_owners.insert(&person.id);
        self.file.execute(upsert.bind(person.qualified_name().to_lowercase())).await.map(drop)
    }

    async fn person(&self, person: &PersonId) -> Result<Option<(Person, [u8; 64])>, StoreError> {
        let query = sqlx::query_as("SELECT person, user_handle FROM people WHERE person_id = ?").bind(person.as_str());
        let row: Option<(String, Vec<u8>)> = self.file.fetch_optional(query).await?;
        let Some((described, handle)) = row else { return Ok(None) };
        let described = serde_json::from_str(&described).map_err(|error| self.file.damaged(&error))?;
        let handle = handle.try_into().map_err(|_| self.file.damaged(&"a user handle has not 64 bytes"))?;
        Ok(Some((described, handle)))
    }

    async fn record_change(&self, person: &PersonId, words: &str, at: Timestamp) -> Result<(), StoreError> {
        let record = sqlx::query("UPDATE people SET changed = ?, changed_at = ? WHERE person_id = ?");
        self.file.execute(record.bind(words).bind(at).bind(person.as_str())).await.map(drop)
    }

    async fn has_any(&self, person: &PersonId) -> Result<bool, StoreError> {
        if !self.possible_owners.may_have_factor(person) {
            return Ok(false);
        }
        let query = sqlx::query_as(
            "SELECT EXISTS (SELECT 1 FROM apps WHERE person_id = ?1) OR EXISTS (SELECT 1 FROM passkeys WHERE person_id = ?1)",
        );
        self.file.fetch_one(query.bind(person.as_str())).await.map(|(any,): (bool,)| any)
    }

    async fn enrolled(&self, person: &PersonId) -> Result<EnrolledFactors, StoreError> {
        let app = sqlx::query_as("SELECT created_at, last_used_at FROM apps WHERE person_id = ?").bind(person.as_str());
        let passkeys = sqlx::query_as::<_, Passkey>(
            "SELECT id, name, created_at, last_used_at FROM passkeys WHERE person_id = ? ORDER BY id",
        );
        let changed = sqlx::query_as("SELECT changed, changed_at FROM people WHERE person_id = ? AND changed IS NOT NULL");
        Ok(EnrolledFactors {
            app: self.file.fetch_optional(app).await?,
            passkeys: self.file.fetch_all(passkeys.bind(person.as_str())).await?,
            recovery_codes: self.recovery_codes_left(person).await?,
            changed: self.file.fetch_optional(changed.bind(person.as_str())).await?,
        })
    }

    async fn owners(&self, name: &str, most: usize) -> Result<Vec<FactorOwner>, StoreError> {
        let query = sqlx::query_as(
            "SELECT person_id, name, EXISTS (SELECT 1 FROM apps a WHERE a.person_id = p.person_id) AS app,
                 (SELECT count(*) FROM passkeys k WHERE k.person_id = p.person_id) AS passkeys,
                 (SELECT count(*) FROM recovery_codes r WHERE r.person_id = p.person_id) AS recovery_codes
             FROM people p WHERE substr(name, 1, length(?1)) = ?1 AND (app OR passkeys > 0) ORDER BY name LIMIT ?2",
        );
        let query = query.bind(name).bind(i64::try_from(most).unwrap_or(i64::MAX));
        let rows: Vec<OwnerRow> = self.file.fetch_all(query).await?;
        Ok(rows.into_iter().map(FactorOwner::from).collect())
    }

    async fn remove_all(&self, person: &PersonId) -> Result<bool, StoreError> {
        let removed = self.execute_all(
            person,
            &[
                "DELETE FROM apps WHERE person_id = ?1",
                "DELETE FROM passkeys WHERE person_id = ?1",
                "DELETE FROM recovery_codes WHERE person_id = ?1",
                "DELETE FROM code_attempts WHERE person_id = ?1",
            ],
        );
        Ok(removed.await?[..3].iter().sum::<u64>() > 0)
    }

    async fn take_attempt(
        &self,
        person: &PersonId,
        counts: &[AttemptCount],
        now: Timestamp,
    ) -> Result<Option<Result<(), Timestamp>>, StoreError> {
        let failed = |error: sqlx::Error| self.file.query_failed(&error);
        // Nobody else writes between the look and the count.
        let mut transaction = self.file.begin().await?;
        let known = sqlx::query("SELECT 1 FROM people WHERE person_id = ?").bind(person.as_str());
        if known.fetch_optional(&mut *transaction).await.map_err(failed)?.is_none() {
            return Ok(None);
        }
        let lapsed = sqlx::query("DELETE FROM code_attempts WHERE person_id = ? AND at <= ?").bind(person.as_str());
        lapsed.bind(now - ATTEMPTS_LAPSE).execute(&mut *transaction).await.map_err(failed)?;
        let mut before = Vec::with_capacity(counts.len());
        for count in counts {
            let query = "SELECT failed, not_before FROM code_attempts WHERE person_id = ? AND origin = ?";
            let query = sqlx::query_as(query).bind(person.as_str()).bind(&count.origin);
            let kept: Option<(u32, Timestamp)> = query.fetch_optional(&mut *transaction).await.map_err(failed)?;
            before.push(kept.unwrap_or((0, now)));
        }
        let waits = counts.iter().zip(&before).filter_map(|(count, (_, not_before))| count.waits_until(*not_before, now));
        if let Some(until) = waits.max() {
            return Ok(Some(Err(until)));
        }
        for (count, (failures, _)) in counts.iter().zip(before) {
            let failures = failures.saturating_add(1);
            let set = sqlx::query("INSERT OR REPLACE INTO code_attempts VALUES (?, ?, ?, ?, ?)");
            let set = set.bind(person.as_str()).bind(&count.origin).bind(failures);
            let set = set.bind(count.not_before(failures, now)).bind(now);
            set.execute(&mut *transaction).await.map_err(failed)?;
        }
        let surplus = sqlx::query(
            "DELETE FROM code_attempts WHERE person_id = ?1 AND origin IN
                 (SELECT origin FROM code_attempts WHERE person_id = ?1 AND origin LIKE '%network %'
                  ORDER BY at DESC LIMIT -1 OFFSET ?2)",
        );
        surplus.bind(person.as_str()).bind(MAX_NETWORKS).execute(&mut *transaction).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(Some(Ok(())))
    }

    async fn forgive_attempt(&self, person: &PersonId, counts: &[AttemptCount]) -> Result<(), StoreError> {
        for AttemptCount { origin, is_shared, .. } in counts {
            let forgive = if *is_shared {
                "UPDATE code_attempts SET failed = max(failed - 1, 0), not_before = 0 WHERE person_id = ? AND origin = ?"
            } else {
                "DELETE FROM code_attempts WHERE person_id = ? AND origin = ?"
            };
            self.file.execute(sqlx::query(forgive).bind(person.as_str()).bind(origin)).await?;
        }
        Ok(())
    }

    async fn set_app(&self, person: &PersonId, sealed_seed: &[u8], step: i64, at: Timestamp) -> Result<(), StoreError> {
        let set = sqlx::query(
            "INSERT INTO apps (person_id, sealed_seed, last_step, created_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (person_id) DO UPDATE SET sealed_seed = ?2, last_step = ?3, created_at = ?4, last_used_at = NULL",
        );
        self.file.execute(set.bind(person.as_str()).bind(sealed_seed).bind(step).bind(at)).await.map(drop)
    }

    async fn app(&self, person: &PersonId) -> Result<Option<(Vec<u8>, i64)>, StoreError> {
        let query = sqlx::query_as("SELECT sealed_seed, last_step FROM apps WHERE person_id = ?");
        self.file.fetch_optional(query.bind(person.as_str())).await
    }

    async fn take_step(&self, person: &PersonId, step: i64, at: Timestamp) -> Result<bool, StoreError> {
        let take = sqlx::query("UPDATE apps SET last_step = ?1, last_used_at = ?2 WHERE person_id = ?3 AND last_step < ?1");
        Ok(self.file.execute(take.bind(step).bind(at).bind(person.as_str())).await? > 0)
    }

    async fn remove_app(&self, person: &PersonId) -> Result<bool, StoreError> {
        let removed = self.execute_all(person, &["DELETE FROM apps WHERE person_id = ?1", DELETE_ORPHANED_CODES]).await?;
        Ok(removed[0] > 0)
    }

    async fn set_recovery_codes(&self, person: &PersonId, hashes: &[Vec<u8>]) -> Result<(), StoreError> {
        let failed = |error: sqlx::Error| self.file.query_failed(&error);
        let mut transaction = self.file.pool().begin().await.map_err(failed)?;
        let delete = sqlx::query("DELETE FROM recovery_codes WHERE person_id = ?").bind(person.as_str());
        delete.execute(&mut *transaction).await.map_err(failed)?;
        for hash in hashes {
            let insert = sqlx::query("INSERT INTO recovery_codes (person_id, code_hash) VALUES (?, ?)");
            insert.bind(person.as_str()).bind(hash).execute(&mut *transaction).await.map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)
    }

    async fn use_recovery_code(&self, person: &PersonId, hash: &[u8]) -> Result<Option<usize>, StoreError> {
        let delete = sqlx::query("DELETE FROM recovery_codes WHERE person_id = ? AND code_hash = ?");
        if self.file.execute(delete.bind(person.as_str()).bind(hash)).await? == 0 {
            return Ok(None);
        }
        self.recovery_codes_left(person).await.map(Some)
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
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (credential_id) DO NOTHING RETURNING id",
        );
        let insert = insert.bind(credential_id).bind(person.as_str()).bind(name).bind(static_state).bind(dynamic_state);
        let inserted: Option<(PasskeyId,)> = self.file.fetch_optional(insert.bind(transports).bind(at)).await?;
        Ok(inserted.map(|(id,)| id))
    }

    async fn passkeys(&self, person: &PersonId) -> Result<Vec<(Vec<u8>, i64)>, StoreError> {
        let query = sqlx::query_as("SELECT credential_id, transports FROM passkeys WHERE person_id = ?");
        self.file.fetch_all(query.bind(person.as_str())).await
    }

    async fn find_passkey(&self, credential_id: &[u8], handle: &[u8]) -> Result<Option<FoundPasskey>, StoreError> {
        let query = sqlx::query_as(
            "SELECT id, static_state, dynamic_state, person FROM passkeys JOIN people USING (person_id)
             WHERE credential_id = ? AND user_handle = ?",
        );
        self.file.fetch_optional(query.bind(credential_id).bind(handle)).await
    }

    async fn note_passkey_use(&self, id: PasskeyId, dynamic_state: &[u8], at: Timestamp) -> Result<(), StoreError> {
        let note = sqlx::query("UPDATE passkeys SET dynamic_state = ?, last_used_at = ? WHERE id = ?");
        self.file.execute(note.bind(dynamic_state).bind(at).bind(id)).await.map(drop)
    }

    async fn remove_passkey(&self, person: &PersonId, id: PasskeyId) -> Result<Option<String>, StoreError> {
        let failed = |error: sqlx::Error| self.file.query_failed(&error);
        let mut transaction = self.file.pool().begin().await.map_err(failed)?;
        let delete = sqlx::query_scalar("DELETE FROM passkeys WHERE id = ? AND person_id = ? RETURNING name");
        let removed = delete.bind(id).bind(person.as_str()).fetch_optional(&mut *transaction).await.map_err(failed)?;
        let orphaned = sqlx::query(DELETE_ORPHANED_CODES).bind(person.as_str());
        orphaned.execute(&mut *transaction).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(removed)
    }

    async fn answer_challenge(&self, challenge: &[u8; 16], until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        self.file.execute(sqlx::query("DELETE FROM answered WHERE until <= ?").bind(now)).await?;
        let answer = sqlx::query("INSERT INTO answered (challenge, until) VALUES (?, ?) ON CONFLICT DO NOTHING");
        Ok(self.file.execute(answer.bind(challenge.to_vec()).bind(until)).await? > 0)
    }

    fn damaged(&self, reason: &dyn ToString) -> StoreError {
        self.file.damaged(&reason.to_string())
    }

    async fn close(&self) {
        self.file.close().await;
    }
}

impl SqliteFactors {
    /// The factors in this file.
    pub(super) async fn new(file: SqliteStore) -> Result<Self, StoreError> {
        let known: Vec<(String,)> = file.fetch_all(sqlx::query_as("SELECT person_id FROM people")).await?;
        Ok(Self { file, possible_owners: PossibleOwners::from_ids(known.into_iter().map(|(id,)| PersonId::new(id))) })
    }

    /// Executes statements about somebody in one transaction: how many rows each wrote.
    async fn execute_all(&self, person: &PersonId, statements: &[&'static str]) -> Result<Vec<u64>, StoreError> {
        let failed = |error: sqlx::Error| self.file.query_failed(&error);
        let mut transaction = self.file.pool().begin().await.map_err(failed)?;
        let mut written = Vec::new();
        for statement in statements {
            let done = sqlx::query(*statement).bind(person.as_str()).execute(&mut *transaction).await.map_err(failed)?;
            written.push(done.rows_affected());
        }
        transaction.commit().await.map_err(failed)?;
        Ok(written)
    }

    async fn recovery_codes_left(&self, person: &PersonId) -> Result<usize, StoreError> {
        let query = sqlx::query_as("SELECT count(*) FROM recovery_codes WHERE person_id = ?").bind(person.as_str());
        let (left,): (i64,) = self.file.fetch_one(query).await?;
        Ok(usize::try_from(left).unwrap_or_default())
    }
}
