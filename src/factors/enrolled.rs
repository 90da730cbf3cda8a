use crate::domain::{PersonId, Timestamp};
use crate::store::StoreError;

use super::Factors;

/// What somebody has enrolled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnrolledFactors {
    /// Their authenticator app: since when, and when it was last used.
    pub app: Option<(Timestamp, Option<Timestamp>)>,
    /// Their passkeys, the oldest first.
    pub passkeys: Vec<Passkey>,
    /// How many recovery codes are left.
    pub recovery_codes: usize,
    /// What was changed last, and when.
    pub changed: Option<(String, Timestamp)>,
}

impl EnrolledFactors {
    /// Whether there is a factor. Recovery codes alone are none.
    pub fn has_factor(&self) -> bool {
        self.app.is_some() || !self.passkeys.is_empty()
    }
}

/// The public handle of a passkey in lists and forms.
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
    /// Its handle.
    pub id: PasskeyId,
    /// What its owner calls it.
    pub name: String,
    /// Since when they have it.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// Somebody who has a factor, in the admins' list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactorOwner {
    /// Who.
    pub person: PersonId,
    /// The account's name as pages name it, in small letters.
    pub name: String,
    /// Whether they have an app.
    pub app: bool,
    /// How many passkeys they have.
    pub passkeys: usize,
    /// How many recovery codes are left.
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

/// What there is, to look at.
impl Factors {
    /// Whether somebody has a factor, so that their password alone opens nothing. The store is asked about those alone who
    /// ever set out to enrol: nobody else has one.
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

    /// What somebody has enrolled.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn enrolled(&self, person: &PersonId) -> Result<EnrolledFactors, StoreError> {
        let app: Option<(i64, Option<i64>)> =
            sqlx::query_as("SELECT created_at, last_used_at FROM apps WHERE person_id = ?")
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

    /// Those who have a factor and whose name begins with `name`, at most `most`, by name.
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

    /// Forgets all that somebody has enrolled: they lost it, and whoever knows them says so. `false` when there was nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written: then everything is as it was.
    pub async fn reset(&self, person: &PersonId) -> Result<bool, StoreError> {
        let mut writing = self.pool().begin().await.map_err(|error| self.query_failed(&error))?;
        let mut removed = 0;
        for statement in [
            "DELETE FROM apps WHERE person_id = ?",
            "DELETE FROM passkeys WHERE person_id = ?",
            "DELETE FROM recovery_codes WHERE person_id = ?",
        ] {
            let done = sqlx::query(statement).bind(person.as_str()).execute(&mut *writing).await;
            removed += done.map_err(|error| self.query_failed(&error))?.rows_affected();
        }
        writing.commit().await.map_err(|error| self.query_failed(&error))?;
        if removed > 0 {
            self.reset_attempts(person).await?;
            self.record_change(person, "an administrator reset your second factors").await?;
        }
        Ok(removed > 0)
    }
}
