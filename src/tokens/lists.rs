use super::token::{StoredToken, columns};
use super::{Token, Tokens};
use crate::domain::PersonId;
use crate::store::StoreError;

/// Lists of tokens: a person's own, and for admins everybody's.
impl Tokens {
    /// A person's current tokens, the newest first. One whose row cannot be read is left out, and logged: it grants
    /// nothing, and must not hide the others.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn of_person(&self, person: &PersonId) -> Result<Vec<Token>, StoreError> {
        let rows: Vec<StoredToken> = sqlx::query_as(concat!(
            "SELECT ",
            columns!(),
            " FROM tokens WHERE person_id = ? AND ended_at IS NULL AND expires_at > ? AND created_at > ?
             ORDER BY created_at DESC, id DESC"
        ))
        .bind(person.as_str())
        .bind(self.now().as_millis())
        .bind(self.alive_cutoff())
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        Ok(self.decode_all(rows).collect())
    }

    /// Everybody's tokens, those used last first: at most `limit`, from behind the first `skip` on.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn list(&self, skip: usize, limit: usize) -> Result<Vec<Token>, StoreError> {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let rows: Vec<StoredToken> = sqlx::query_as(concat!(
            "SELECT ",
            columns!(),
            " FROM tokens WHERE ended_at IS NULL AND expires_at > ? AND created_at > ?
             ORDER BY last_used_at DESC NULLS LAST, id DESC LIMIT ? OFFSET ?"
        ))
        .bind(self.now().as_millis())
        .bind(self.alive_cutoff())
        .bind(count(limit))
        .bind(count(skip))
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        Ok(self.decode_all(rows).collect())
    }
}
