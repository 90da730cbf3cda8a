use super::Tokens;
use crate::domain::Timestamp;
use crate::store::StoreError;

/// An encrypted key that signs JWTs: this room keeps it and cannot decrypt it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct SealedSigningKey {
    /// Its key id, the `kid` of a JWT's header (RFC 7515, 4.1.4).
    pub kid: String,
    /// The key, encrypted by the room above.
    pub sealed: Vec<u8>,
    /// When it was generated.
    #[sqlx(rename = "made_at")]
    pub created_at: Timestamp,
}

/// The store of sealed signing keys.
impl Tokens {
    /// All sealed keys, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn sealed_keys(&self) -> Result<Vec<SealedSigningKey>, StoreError> {
        self.store().signing_keys().await
    }

    /// Inserts a key.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn insert_key(&self, key: &SealedSigningKey) -> Result<(), StoreError> {
        self.store().insert_signing_key(key).await
    }

    /// Deletes a key: JWTs that it signed are no longer accepted.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn delete_key(&self, kid: &str) -> Result<(), StoreError> {
        self.store().delete_signing_key(kid).await
    }
}
