use async_trait::async_trait;

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

/// Where sealed signing keys are kept: beside the API tokens. Every method is one statement.
#[async_trait]
pub trait SigningKeyStore: Send + Sync {
    /// All sealed keys, the oldest first.
    async fn signing_keys(&self) -> Result<Vec<SealedSigningKey>, StoreError>;

    /// Inserts a key.
    async fn insert_signing_key(&self, key: &SealedSigningKey) -> Result<(), StoreError>;

    /// Deletes a key: JWTs that it signed are no longer accepted.
    async fn delete_signing_key(&self, kid: &str) -> Result<(), StoreError>;
}
