use std::time::Duration;

use super::token::{StoredToken, columns};
use super::{ApiToken, Token, TokenName, Tokens};
use crate::domain::{EndReason, Person, Revalidation, TokenId, TokenScope};
use crate::store::StoreError;

/// How many good tokens one person may have: one for every script and screen of a busy team, and few enough that each
/// can be looked over.
const MAX_TOKENS_PER_PERSON: i64 = 50;

/// A token somebody wants.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What it is to be called.
    pub name: TokenName,
    /// What it is to be good for.
    pub granted: TokenScope,
    /// How long; longer than the settings allow is cut to what they do.
    pub lasts: Duration,
    /// Whether its owner has shown their second factor.
    pub second_factor: bool,
    /// Whether the directory can be asked about its owner.
    pub upkeep: Revalidation,
}

/// Why there is no new token.
#[derive(Debug, thiserror::Error)]
pub enum CreateTokenError {
    /// The person has as many as they may.
    #[error(
        "there are {MAX_TOKENS_PER_PERSON} tokens already, which is the most; revoke one that is not needed any more"
    )]
    TooMany,
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Tokens {
    /// Makes a token for somebody of whom it is known right now that they may be signed in. The secret is in the answer
    /// and nowhere else.
    ///
    /// # Errors
    /// [`MakeError`].
    pub async fn make(&self, person: &Person, wanted: &Wanted) -> Result<(ApiToken, Token), CreateTokenError> {
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
        .bind(wanted.name.as_str())
        .bind(person.id.as_str())
        .bind(described)
        .bind(wanted.granted.to_string())
        .bind(wanted.second_factor)
        .bind(now.as_millis())
        .bind((now + wanted.lasts.min(self.lifetimes().longest)).as_millis())
        .bind(wanted.upkeep.as_str())
        .bind(self.alive_cutoff())
        .bind(MAX_TOKENS_PER_PERSON)
        .fetch_optional(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        let row = row.ok_or(CreateTokenError::TooMany)?;
        Ok((token, self.decode(row)?))
    }

    /// Has a token end before its time, and tells its live connections at once. `None` when it had ended before, or never
    /// was, or is not that person's.
    ///
    /// # Errors
    /// [`StoreError`] when the end cannot be written down; the token then goes on.
    pub async fn revoke(&self, id: TokenId, of: Option<&Person>) -> Result<Option<Token>, StoreError> {
        let row: Option<StoredToken> = sqlx::query_as(concat!(
            "UPDATE tokens SET ended_at = ?1, end_reason = 'revoked'
             WHERE id = ?2 AND (?3 IS NULL OR person_id = ?3) AND ended_at IS NULL RETURNING ",
            columns!()
        ))
        .bind(self.now().as_millis())
        .bind(id.as_i64())
        .bind(of.map(|person| person.id.as_str()))
        .fetch_optional(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        let Some(row) = row else { return Ok(None) };
        self.watch_registry().notify_ended(id.as_i64(), EndReason::Revoked);
        self.decode(row).map(Some)
    }
}
