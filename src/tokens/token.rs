use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use crate::domain::{EndReason, Person, Revalidation, Timestamp, TokenId, TokenScope};

/// Long enough for "backup of the wall display in Lyon", short enough for a line of a list.
const MAX_NAME_CHARACTERS: usize = 60;

/// A personal API token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its name in logs and lists.
    pub id: TokenId,
    /// What its owner calls it.
    pub name: TokenName,
    /// Whose it is, as the directory described them when it was last asked.
    pub person: Person,
    /// What it is good for, as far as its person may.
    pub scope: TokenScope,
    /// Whether whoever made it had shown their second factor: it then counts as shown with every use.
    pub second_factor: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it opens nothing.
    pub expires_at: Timestamp,
    /// How what is known of the person is kept true.
    pub revalidation: Revalidation,
    /// When the directory last said that the person may be signed in.
    pub confirmed_at: Timestamp,
    /// From when on it opens nothing unless its person is confirmed again.
    pub stale_from: Timestamp,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<Timestamp>,
    /// From where.
    pub last_address: Option<IpAddr>,
}

/// What somebody calls a token: 1 to 60 characters, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenName(String);

/// A text that cannot be a token's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token's name is 1 to {MAX_NAME_CHARACTERS} characters on one line, such as \"backup script\"")]
pub struct InvalidTokenName;

impl TokenName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenName {
    type Err = InvalidTokenName;

    fn from_str(typed: &str) -> Result<Self, InvalidTokenName> {
        let name = typed.trim();
        let sound =
            !name.is_empty() && name.chars().count() <= MAX_NAME_CHARACTERS && !name.chars().any(char::is_control);
        if sound { Ok(Self(name.to_owned())) } else { Err(InvalidTokenName) }
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a token that a script shows stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenLookup {
    /// A token that is good.
    Valid(Token),
    /// A token that has not ended and opens nothing: nobody could confirm its person for too long.
    Stale(Token),
    /// A token that was good once, and why it is not any more.
    Ended(EndReason),
    /// Nothing.
    NotFound,
}

/// How long tokens are good. All of it is reckoned from the settings of now, so that a shorter setting holds for the
/// tokens already there.
#[derive(Clone, Copy, Debug)]
pub(super) struct TokenLifetimes {
    /// Of any token.
    pub(super) longest: Duration,
    /// Without a word from the directory, where it can be asked.
    pub(super) max_staleness: Duration,
    /// Without its person signing in, where nobody can ask.
    pub(super) unrefreshed: Duration,
}

impl TokenLifetimes {
    pub(super) fn end(self, created_at: Timestamp, expires_at: Timestamp) -> Timestamp {
        expires_at.min(created_at + self.longest)
    }

    pub(super) fn stale_from(self, upkeep: Revalidation, confirmed_at: Timestamp) -> Timestamp {
        confirmed_at
            + match upkeep {
                Revalidation::Refreshed => self.max_staleness,
                Revalidation::Unrefreshed => self.unrefreshed,
            }
    }
}

/// What of a token's row tells how it stands.
#[derive(sqlx::FromRow)]
pub(super) struct TokenStatusRow {
    pub(super) id: i64,
    pub(super) person: Vec<u8>,
    pub(super) created_at: i64,
    pub(super) expires_at: i64,
    pub(super) confirmed_at: i64,
    pub(super) upkeep: String,
    pub(super) end_reason: Option<String>,
}

/// A token's row, before its person is read.
#[derive(sqlx::FromRow)]
pub(super) struct StoredToken {
    pub(super) id: i64,
    name: String,
    /// Bytes, since a damaged row may hold anything: it must not keep the rows beside it from being read.
    pub(super) person: Vec<u8>,
    scope: String,
    second_factor: bool,
    created_at: i64,
    expires_at: i64,
    confirmed_at: i64,
    upkeep: String,
    last_used_at: Option<i64>,
    last_address: Option<String>,
    pub(super) end_reason: Option<String>,
}

/// What is read of a row, for the statements that read one.
macro_rules! columns {
    () => {
        "id, name, person, scope, second_factor, created_at, expires_at, confirmed_at, upkeep, last_used_at, \
         last_address, end_reason"
    };
}
pub(super) use columns;

impl StoredToken {
    /// The token, or what about the row cannot be read.
    pub(super) fn into_token(self, lifetimes: TokenLifetimes) -> Result<Token, String> {
        let unread =
            |what: &str, why: &dyn fmt::Display| format!("the {what} of token {} cannot be read: {why}", self.id);
        let time = Timestamp::from_millis;
        // A word that a later version wrote is read as the shorter life.
        let upkeep = Revalidation::parse(&self.upkeep).unwrap_or(Revalidation::Unrefreshed);
        let (created_at, confirmed_at) = (time(self.created_at), time(self.confirmed_at));
        let address = self.last_address.as_deref().map(str::parse).transpose();
        Ok(Token {
            id: TokenId::new(self.id),
            name: self.name.parse().map_err(|error| unread("name", &error))?,
            person: serde_json::from_slice(&self.person).map_err(|error| unread("person", &error))?,
            scope: self.scope.parse().map_err(|error| unread("scope", &error))?,
            second_factor: self.second_factor,
            created_at,
            expires_at: lifetimes.end(created_at, time(self.expires_at)),
            revalidation: upkeep,
            confirmed_at,
            stale_from: lifetimes.stale_from(upkeep, confirmed_at),
            last_used_at: self.last_used_at.map(time),
            last_address: address.map_err(|error| unread("address", &error))?,
        })
    }
}
