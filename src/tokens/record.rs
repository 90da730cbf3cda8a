use std::fmt;
use std::time::Duration;

use sqlx::{Database, Encode, QueryBuilder, Type};

use super::Token;
use super::token::TokenLifetimes;
use crate::domain::{EndReason, Revalidation, Timestamp, TokenId};
use crate::store::CredentialRecord;

/// An API token as its store has it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct TokenRecord {
    /// Its id.
    pub id: TokenId,
    /// Its name.
    pub name: String,
    /// Its owner as JSON. Bytes, since a damaged row may hold anything: it must not keep the rows beside it from being
    /// read.
    pub person: Vec<u8>,
    /// Its scope.
    pub scope: String,
    /// Whether its owner had authenticated with a second factor.
    pub second_factor: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it expires, unless the settings say sooner.
    pub expires_at: Timestamp,
    /// When its owner was last confirmed.
    pub confirmed_at: Timestamp,
    /// Whether the directory can be asked about them.
    #[sqlx(rename = "upkeep", try_from = "String")]
    pub revalidation: Revalidation,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<Timestamp>,
    /// The address it was last used from.
    pub last_address: Option<String>,
    /// The word for why it has ended.
    pub end_reason: Option<String>,
}

impl CredentialRecord for TokenRecord {
    type Id = TokenId;
    type Credential = Token;
    type Lifetimes = TokenLifetimes;

    const NAME: &'static str = "token";
    const TABLE: &'static str = "tokens";
    const KNOWN_AT: &'static str = "confirmed_at";

    fn push_alive<DB: Database>(query: &mut QueryBuilder<DB>, lifetimes: TokenLifetimes, now: Timestamp)
    where
        Timestamp: for<'q> Encode<'q, DB> + Type<DB>,
    {
        query.push("expires_at > ").push_bind(now).push(" AND created_at > ").push_bind(now - lifetimes.longest);
    }

    fn id(&self) -> TokenId {
        self.id
    }

    fn into_person(self) -> Vec<u8> {
        self.person
    }

    fn end_reason(&self) -> Option<EndReason> {
        self.end_reason.as_deref().map(EndReason::from_stored)
    }

    fn expiry(&self, lifetimes: TokenLifetimes) -> (Timestamp, Option<Timestamp>) {
        let stale_from = lifetimes.stale_from(self.revalidation, self.confirmed_at);
        (lifetimes.end(self.created_at, self.expires_at), Some(stale_from))
    }

    fn outage_grace(lifetimes: TokenLifetimes) -> Duration {
        lifetimes.max_staleness
    }

    fn decode(self, lifetimes: TokenLifetimes) -> Result<Token, String> {
        let unreadable = |what: &str, why: &dyn fmt::Display| format!("the {what} of token {} cannot be read: {why}", self.id);
        let address = self.last_address.as_deref().map(str::parse).transpose();
        Ok(Token {
            id: self.id,
            name: self.name.parse().map_err(|error| unreadable("name", &error))?,
            person: serde_json::from_slice(&self.person).map_err(|error| unreadable("person", &error))?,
            scope: self.scope.parse().map_err(|error| unreadable("scope", &error))?,
            second_factor: self.second_factor,
            created_at: self.created_at,
            expires_at: lifetimes.end(self.created_at, self.expires_at),
            revalidation: self.revalidation,
            confirmed_at: self.confirmed_at,
            stale_from: lifetimes.stale_from(self.revalidation, self.confirmed_at),
            last_used_at: self.last_used_at,
            last_address: address.map_err(|error| unreadable("address", &error))?,
        })
    }
}
