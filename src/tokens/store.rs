use std::net::IpAddr;

use async_trait::async_trait;

use super::token::TokenLifetimes;
use super::{NewToken, SigningKeyStore, TokenRecord};
use crate::domain::{Person, Timestamp, TokenId};
use crate::store::{CredentialStore, StoreError};

/// A token to be inserted.
#[derive(Clone, Copy, Debug)]
pub struct TokenInsert<'a> {
    /// The hash of its secret.
    pub token_hash: &'a [u8; 32],
    /// Its owner.
    pub person: &'a Person,
    /// The token.
    pub new: &'a NewToken,
    /// Now.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Where API tokens are kept: what they have beyond other credentials. Every method is one statement, see [`CredentialStore`].
#[async_trait]
pub trait TokenStore: CredentialStore<TokenRecord> + SigningKeyStore {
    /// Inserts a token, unless its owner has `most` that are alive: many requests at once do not slip past the count.
    async fn insert(
        &self,
        token: TokenInsert<'_>,
        most: i64,
        lifetimes: TokenLifetimes,
    ) -> Result<Option<TokenRecord>, StoreError>;

    /// Notes that a token was used at `at` from an address, unless a later use is noted.
    async fn note_use(&self, id: TokenId, address: Option<IpAddr>, at: Timestamp) -> Result<(), StoreError>;

    /// Tokens that are alive, those used last first: at most `limit`, from behind the first `skip` on.
    async fn list(
        &self,
        skip: usize,
        limit: usize,
        lifetimes: TokenLifetimes,
        now: Timestamp,
    ) -> Result<Vec<TokenRecord>, StoreError>;
}
