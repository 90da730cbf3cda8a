use std::net::IpAddr;

use async_trait::async_trait;

use super::store::{TokenInsert, TokenStore};
use super::token::TokenLifetimes;
use super::{SealedSigningKey, SigningKeyStore, TokenRecord};
use crate::domain::{Timestamp, TokenId};
use crate::store::{CredentialRecord, PostgresCredentials, PostgresRecord, StoreError};

impl PostgresRecord for TokenRecord {
    const COLUMNS: &'static str = "id, name, {person}, scope, second_factor, created_at, expires_at, confirmed_at, upkeep, \
                                   last_used_at, last_address, end_reason";
}

#[async_trait]
impl TokenStore for PostgresCredentials<TokenRecord> {
    async fn insert(
        &self,
        token: TokenInsert<'_>,
        most: i64,
        lifetimes: TokenLifetimes,
    ) -> Result<Option<TokenRecord>, StoreError> {
        let TokenInsert { token_hash, person, new, created_at, expires_at } = token;
        let described = serde_json::to_string(person).map_err(|error| self.store.failed(&error))?;
        let mut transaction = self.store.begin().await?;
        // Counted one after another: what another transaction has inserted and not committed is not seen.
        let lock = sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('token of ' || $1, 0))");
        transaction.execute(lock.bind(person.id.as_str())).await?;
        let mut query = Self::query(
            "INSERT INTO {t} (token_hash, name, person_id, scope, second_factor, created_at, expires_at, confirmed_at, upkeep,
                 epoch, person) SELECT ",
        );
        query
            .separated(", ")
            .push_bind(token_hash.to_vec())
            .push_bind(new.name.as_str())
            .push_bind(person.id.as_str())
            .push_bind(new.scope.to_string())
            .push_bind(new.second_factor)
            .push_bind(created_at)
            .push_bind(expires_at)
            .push_bind(created_at)
            .push_bind(new.revalidation.as_str())
            .push_bind(new.epoch)
            .push_bind(described);
        query.push("::json WHERE (SELECT count(*) FROM tokens WHERE ended_at IS NULL AND person_id = ");
        query.push_bind(person.id.as_str()).push(" AND ");
        TokenRecord::push_alive(&mut query, lifetimes, created_at);
        query.push(") < ").push_bind(most);
        Self::push(&mut query, " RETURNING {c}");
        let inserted = transaction.fetch_optional(query.build_query_as()).await?;
        transaction.commit().await?;
        Ok(inserted)
    }

    async fn note_use(&self, id: TokenId, address: Option<IpAddr>, at: Timestamp) -> Result<(), StoreError> {
        let note = sqlx::query(
            "UPDATE tokens SET last_used_at = $1, last_address = $2
             WHERE id = $3 AND coalesce(last_used_at, 0) <= $1 AND ended_at IS NULL",
        );
        let note = note.bind(at).bind(address.map(|address| address.to_string())).bind(id);
        self.store.execute(note).await.map(drop)
    }

    async fn list(
        &self,
        skip: usize,
        limit: usize,
        lifetimes: TokenLifetimes,
        now: Timestamp,
    ) -> Result<Vec<TokenRecord>, StoreError> {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let mut query = Self::query("SELECT {c} FROM {t} WHERE ended_at IS NULL AND ");
        TokenRecord::push_alive(&mut query, lifetimes, now);
        query.push(" ORDER BY last_used_at DESC NULLS LAST, id DESC LIMIT ").push_bind(count(limit));
        query.push(" OFFSET ").push_bind(count(skip));
        self.records(query).await
    }
}

#[async_trait]
impl SigningKeyStore for PostgresCredentials<TokenRecord> {
    async fn signing_keys(&self) -> Result<Vec<SealedSigningKey>, StoreError> {
        let query = sqlx::query_as("SELECT kid, sealed, made_at FROM signing_keys ORDER BY made_at, kid");
        self.store.fetch_all(query).await
    }

    async fn insert_signing_key(&self, key: &SealedSigningKey) -> Result<(), StoreError> {
        let insert = sqlx::query("INSERT INTO signing_keys (kid, sealed, made_at) VALUES ($1, $2, $3)");
        self.store.execute(insert.bind(&key.kid).bind(&key.sealed).bind(key.created_at)).await.map(drop)
    }

    async fn delete_signing_key(&self, kid: &str) -> Result<(), StoreError> {
        self.store.execute(sqlx::query("DELETE FROM signing_keys WHERE kid = $1").bind(kid)).await.map(drop)
    }
}
