use super::store::TokenInsert;
use super::{ApiToken, NewToken, Token, Tokens};
use crate::domain::Person;
use crate::store::StoreError;

/// The most valid tokens of one person: one for every script and screen of a busy team, and few enough to be reviewed.
const MAX_TOKENS_PER_PERSON: i64 = 50;

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
        let (created_at, lifetimes) = (self.now(), self.lifetimes());
        let expires_at = created_at + new.lifetime.min(lifetimes.longest);
        let insert = TokenInsert { token_hash: &token.hash(), person, new, created_at, expires_at };
        let record = self.store().insert(insert, MAX_TOKENS_PER_PERSON, lifetimes).await?;
        Ok((token, self.decode(record.ok_or(CreateTokenError::TooMany)?)?))
    }
}
