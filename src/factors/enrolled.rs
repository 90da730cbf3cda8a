use crate::domain::{Person, PersonId, Timestamp};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
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
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
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
}
