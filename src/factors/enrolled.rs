use crate::domain::{PersonId, Timestamp};
use crate::store::StoreError;

use super::Factors;

/// The factors that a person has enrolled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnrolledFactors {
    /// Their authenticator app: when it was enrolled, and when it was last used.
    pub app: Option<(Timestamp, Option<Timestamp>)>,
    /// Their passkeys, the oldest first.
    pub passkeys: Vec<Passkey>,
    /// The number of recovery codes left.
    pub recovery_codes: usize,
    /// The last change, in words, and when it was.
    pub changed: Option<(String, Timestamp)>,
}

impl EnrolledFactors {
    /// Whether there is any factor. Recovery codes alone are none.
    pub fn has_factor(&self) -> bool {
        self.app.is_some() || !self.passkeys.is_empty()
    }
}

/// The id of a passkey in lists and forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasskeyId(i64);

impl PasskeyId {
    /// The passkey with this row number in the store.
    pub fn new(id: i64) -> Self {
        Self(id)
    }

    /// Its row number in the store.
    pub fn as_i64(self) -> i64 {
        self.0
    }
}

/// A passkey in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// Its id.
    pub id: PasskeyId,
    /// The name that its owner gave it.
    pub name: String,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// A person who has a factor, in the admins' list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactorOwner {
    /// The person.
    pub person: PersonId,
    /// The account's name as pages name it, in lower case.
    pub name: String,
    /// Whether they have an app.
    pub app: bool,
    /// The number of their passkeys.
    pub passkeys: usize,
    /// The number of recovery codes left.
    pub recovery_codes: usize,
}

#[derive(sqlx::FromRow)]
struct FactorOwnerRow {
    person_id: String,
    name: String,
    app: bool,
    passkeys: i64,
    recovery_codes: i64,
}

/// Queries about enrolled factors, and their reset.
impl Factors {
    /// Whether somebody has a factor, so that their password alone does not sign them in. The store is queried only for those
    /// who ever started to enroll: nobody else has one.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked: that is never "none".
    pub async fn has_any(&self, person: &PersonId) -> Result<bool, StoreError> {
        if !self.possible_owners().may_have_factor(person) {
            return Ok(false);
        }
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM apps WHERE person_id = ?1) OR EXISTS (SELECT 1 FROM passkeys WHERE person_id = ?1)",
        )
        .bind(person.as_str())
        .fetch_one(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))
    }

    /// The factors that somebody has enrolled.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn enrolled(&self, person: &PersonId) -> Result<EnrolledFactors, StoreError> {
        let app: Option<(i64, Option<i64>)> = sqlx::query_as("SELECT created_at, last_used_at FROM apps WHERE person_id = ?")
            .bind(person.as_str())
            .fetch_optional(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        let passkeys: Vec<(i64, String, i64, Option<i64>)> =
            sqlx::query_as("SELECT id, name, created_at, last_used_at FROM passkeys WHERE person_id = ? ORDER BY id")
                .bind(person.as_str())
                .fetch_all(self.pool())
                .await
                .map_err(|error| self.query_failed(&error))?;
        let changed: Option<(String, i64)> =
            sqlx::query_as("SELECT changed, changed_at FROM people WHERE person_id = ? AND changed IS NOT NULL")
                .bind(person.as_str())
                .fetch_optional(self.pool())
                .await
                .map_err(|error| self.query_failed(&error))?;
        let moment = Timestamp::from_millis;
        let passkey = |(id, name, created_at, last_used_at): (i64, String, i64, Option<i64>)| Passkey {
            id: PasskeyId::new(id),
            name,
            created_at: moment(created_at),
            last_used_at: last_used_at.map(moment),
        };
        Ok(EnrolledFactors {
            app: app.map(|(created_at, last_used_at)| (moment(created_at), last_used_at.map(moment))),
            passkeys: passkeys.into_iter().map(passkey).collect(),
            recovery_codes: self.recovery_codes_left(person).await?,
            changed: changed.map(|(words, at)| (words, moment(at))),
        })
    }

    /// Lists the people who have a factor and whose name begins with `name`, at most `most`, by name.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn owners(&self, name: &str, most: usize) -> Result<Vec<FactorOwner>, StoreError> {
        let name = name.to_lowercase();
        let rows: Vec<FactorOwnerRow> = sqlx::query_as(
            "SELECT person_id, name, EXISTS (SELECT 1 FROM apps a WHERE a.person_id = p.person_id) AS app,
                 (SELECT count(*) FROM passkeys k WHERE k.person_id = p.person_id) AS passkeys,
                 (SELECT count(*) FROM recovery_codes r WHERE r.person_id = p.person_id) AS recovery_codes
             FROM people p WHERE substr(name, 1, length(?1)) = ?1 AND (app OR passkeys > 0) ORDER BY name LIMIT ?2",
        )
        .bind(name)
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        let count = |count: i64| usize::try_from(count).unwrap_or_default();
        let owner = |row: FactorOwnerRow| FactorOwner {
            person: PersonId::new(row.person_id),
            name: row.name,
            app: row.app,
            passkeys: count(row.passkeys),
            recovery_codes: count(row.recovery_codes),
        };
        Ok(rows.into_iter().map(owner).collect())
    }

    /// The person as they were last described, for those who have a row.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked, or the description cannot be read.
    pub async fn person(&self, person: &PersonId) -> Result<Option<crate::domain::Person>, StoreError> {
        let described: Option<String> = sqlx::query_scalar("SELECT person FROM people WHERE person_id = ?")
            .bind(person.as_str())
            .fetch_optional(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        described.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| self.store().damaged(&error))
    }

    /// Removes all factors of somebody who has lost them, on an admin's word. `false` when there were none.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written: then nothing is removed.
    pub async fn reset(&self, person: &PersonId) -> Result<bool, StoreError> {
        let mut transaction = self.pool().begin().await.map_err(|error| self.query_failed(&error))?;
        let mut removed = 0;
        for statement in [
            "DELETE FROM apps WHERE person_id = ?",
            "DELETE FROM passkeys WHERE person_id = ?",
            "DELETE FROM recovery_codes WHERE person_id = ?",
        ] {
            let done = sqlx::query(statement).bind(person.as_str()).execute(&mut *transaction).await;
            removed += done.map_err(|error| self.query_failed(&error))?.rows_affected();
        }
        transaction.commit().await.map_err(|error| self.query_failed(&error))?;
        if removed > 0 {
            self.reset_attempts(person).await?;
            self.record_change(person, "an administrator reset your second factors").await?;
        }
        Ok(removed > 0)
    }
}
