use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use crate::domain::{EndReason, Person, PersonEpoch, Revalidation, Timestamp, TokenId, TokenScope};

/// The longest name: enough for "backup of the wall display in Lyon", short enough for a line of a list.
const MAX_NAME_CHARACTERS: usize = 60;

/// A personal API token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its id in logs and lists.
    pub id: TokenId,
    /// The name its owner gave it.
    pub name: TokenName,
    /// Its owner, as the directory described them when it was last asked.
    pub person: Person,
    /// Its scope, as far as its person may.
    pub scope: TokenScope,
    /// Whether its owner had authenticated with a second factor when it was made: that then counts for every use.
    pub second_factor: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// Whether the directory can be asked about its person again.
    pub revalidation: Revalidation,
    /// When the directory last confirmed that the person may be signed in.
    pub confirmed_at: Timestamp,
    /// From when on it grants nothing until its person is confirmed again.
    pub stale_from: Timestamp,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<Timestamp>,
    /// The address it was last used from.
    pub last_address: Option<IpAddr>,
}

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
    /// The epoch that was noted before its owner was found to be signed in.
    pub epoch: PersonEpoch,
}

/// A token's name, as its owner chose it: 1 to 60 characters, none of them a control character.
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
        let is_valid = !name.is_empty() && name.chars().count() <= MAX_NAME_CHARACTERS && !name.chars().any(char::is_control);
        if is_valid { Ok(Self(name.to_owned())) } else { Err(InvalidTokenName) }
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The outcome of looking up a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenLookup {
    /// A valid token.
    Valid(Token),
    /// A token that has not ended and grants nothing: its person has not been confirmed for too long.
    Stale(Token),
    /// A token that has ended, and why.
    Ended(EndReason),
    /// There is no such token.
    NotFound,
}

/// The lifetimes of tokens, from the current settings, so that a shorter setting holds for existing tokens too.
#[derive(Clone, Copy, Debug)]
pub struct TokenLifetimes {
    /// The longest of any token.
    pub(super) longest: Duration,
    /// Without the directory's confirmation, where it can be asked.
    pub(super) max_staleness: Duration,
    /// Without its person signing in, where nobody can ask.
    pub(super) unrefreshed: Duration,
}

impl TokenLifetimes {
    pub(super) fn end(self, created_at: Timestamp, expires_at: Timestamp) -> Timestamp {
        expires_at.min(created_at + self.longest)
    }

    pub(super) fn stale_from(self, revalidation: Revalidation, confirmed_at: Timestamp) -> Timestamp {
        confirmed_at
            + match revalidation {
                Revalidation::Refreshed => self.max_staleness,
                Revalidation::Unrefreshed => self.unrefreshed,
            }
    }
}
