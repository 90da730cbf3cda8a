use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Timestamp;

/// The public id of a session, a UUID: it names one in logs and lists, and opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct SessionId(Uuid);

impl SessionId {
    /// The session with the UUID of these 128 bits.
    pub fn new(bits: u128) -> Self {
        Self(Uuid::from_u128(bits))
    }
}

impl FromStr for SessionId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The public id of an API token: its row number in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct TokenId(i64);

impl TokenId {
    /// The token with this row number in the store.
    pub fn new(id: i64) -> Self {
        Self(id)
    }

    /// Its row number in the store.
    pub fn as_i64(self) -> i64 {
        self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The credential by which a member has proved who they are; without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The cookie of a session.
    Session(SessionId),
    /// A name and a password sent along: Basic (RFC 7617) or Digest (RFC 7616).
    Password,
    /// A personal API token.
    Token(TokenId),
    /// A signed token (JWT, RFC 7519), issued from another credential.
    Jwt {
        /// Its `jti`.
        jti: String,
        /// Its `exp`: live connections that it opened end then.
        expires_at: Timestamp,
        /// The credential it was issued from, and ends with.
        root: RootCredential,
    },
}

/// A credential that JWTs are issued from: any but another JWT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RootCredential {
    /// A session.
    Session(SessionId),
    /// An API token.
    Token(TokenId),
    /// A name and a password.
    Password,
}

impl Credential {
    /// The credential that all rests on: of a JWT the one it was issued from, of every other itself.
    pub fn root(&self) -> RootCredential {
        match self {
            Self::Session(id) => RootCredential::Session(*id),
            Self::Token(id) => RootCredential::Token(*id),
            Self::Password => RootCredential::Password,
            Self::Jwt { root, .. } => *root,
        }
    }
}
