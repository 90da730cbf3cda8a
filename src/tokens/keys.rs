use super::Tokens;
use crate::domain::Timestamp;
use crate::store::StoreError;

/// An encrypted key that signs JWTs: this room keeps it and cannot decrypt it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSigningKey {
    /// Its key id, the `kid` of a JWT's header (RFC 7515, 4.1.4).
    pub kid: String,
    /// The key, encrypted by the room above.
    pub sealed: Vec<u8>,
    /// When it was generated.
    pub created_at: Timestamp,
}

/// The store of sealed signing keys.
impl Tokens {
    /// All sealed keys, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn sealed_keys(&self) -> Result<Vec<SealedSigningKey>, StoreError> {
        let rows: Vec<(String, Vec<u8>, i64)> =
            sqlx::query_as("SELECT kid, sealed, made_at FROM signing_keys ORDER BY made_at, kid")
                .fetch_all(self.pool())
                .await
                .map_err(|error| self.query_failed(&error))?;
        let key = |(kid, sealed, made_at)| SealedSigningKey { kid, sealed, created_at: Timestamp::from_millis(made_at) };
        Ok(rows.into_iter().map(key).collect())
    }

    /// Inserts a key.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn insert_key(&self, key: &SealedSigningKey) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO signing_keys (kid, sealed, made_at) VALUES (?, ?, ?)")
            .bind(&key.kid)
            .bind(&key.sealed)
            .bind(key.created_at.as_millis())
            .execute(self.pool())
            .await
            .map(drop)
            .map_err(|error| self.query_failed(&error))
    }

    /// Deletes a key: JWTs that it signed are no longer accepted.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn delete_key(&self, kid: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM signing_keys WHERE kid = ?")
            .bind(kid)
            .execute(self.pool())
            .await
            .map(drop)
            .map_err(|error| self.query_failed(&error))
    }
}
