use std::time::Duration;

use super::token::{StoredToken, columns};
use super::{ApiToken, Token, TokenName, Tokens};
use crate::domain::{EndReason, Person, Revalidation, TokenId, TokenScope};
use crate::store::StoreError;

/// The most valid tokens of one person: one for every script and screen of a busy team, and few enough to be reviewed.
const MAX_TOKENS_PER_PERSON: i64 = 50;

/// A token to be created.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its name.
    pub name: TokenName,
    /// Its scope.
    pub scope: TokenScope,
    /// Its lifetime, cut to the longest that the settings allow.
    pub lifetime: Duration,
    /// Whether its owner has authenticated with a second factor.
    pub second_factor: bool,
    /// Whether the directory can be asked about its owner.
    pub revalidation: Revalidation,
}

/// The failure to create a token.
#[derive(Debug, thiserror::Error)]
pub enum CreateTokenError {
    /// The person has as many tokens as they may.
    #[error("there are {MAX_TOKENS_PER_PERSON} tokens already, which is the most; revoke one that is not needed any more")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Tokens {
    /// Creates a token for a person whose sign-in is confirmed right now. The secret is in the result and nowhere else.
    ///
    /// # Errors
    /// [`CreateTokenError`].
    pub async fn create(&self, person: &Person, new: &NewToken) -> Result<(ApiToken, Token), CreateTokenError> {
        let token = ApiToken::generate()?;
        let now = self.now();
        let described = serde_json::to_string(person).map_err(|error| self.failed(&error))?;
        // Counted and written in one statement, or many requests at once would slip past the count.
        let row: Option<StoredToken> = sqlx::query_as(concat!(
            "INSERT INTO tokens (token_hash, name, person_id, person, scope, second_factor, created_at, expires_at,
                 confirmed_at, upkeep)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?7, ?9
             WHERE (SELECT count(*) FROM tokens
                    WHERE person_id = ?3 AND ended_at IS NULL AND expires_at > ?7 AND created_at > ?10) < ?11
             RETURNING ",
            columns!()
        ))
        .bind(token.hash().to_vec())
        .bind(new.name.as_str())
        .bind(person.id.as_str())
        .bind(described)
        .bind(new.scope.to_string())
        .bind(new.second_factor)
        .bind(now.as_millis())
        .bind((now + new.lifetime.min(self.lifetimes().longest)).as_millis())
        .bind(new.revalidation.as_str())
        .bind(self.alive_cutoff())
        .bind(MAX_TOKENS_PER_PERSON)
        .fetch_optional(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        let row = row.ok_or(CreateTokenError::TooMany)?;
        Ok((token, self.decode(row)?))
    }

    /// Revokes a token, and notifies its live connections at once. `None` when it had ended before, or never was, or is
    /// not that person's.
    ///
    /// # Errors
    /// [`StoreError`] when the end cannot be written down; the token then goes on.
    pub async fn revoke(&self, id: TokenId, owner: Option<&Person>) -> Result<Option<Token>, StoreError> {
        let row: Option<StoredToken> = sqlx::query_as(concat!(
            "UPDATE tokens SET ended_at = ?1, end_reason = 'revoked'
             WHERE id = ?2 AND (?3 IS NULL OR person_id = ?3) AND ended_at IS NULL RETURNING ",
            columns!()
        ))
        .bind(self.now().as_millis())
        .bind(id.as_i64())
        .bind(owner.map(|person| person.id.as_str()))
        .fetch_optional(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        let Some(row) = row else { return Ok(None) };
        self.watch_registry().notify_ended(id, EndReason::Revoked);
        self.decode(row).map(Some)
    }
}
