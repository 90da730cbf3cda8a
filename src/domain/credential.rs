use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{PersonEpoch, Timestamp};

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

impl FromStr for TokenId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The credential by which a member has proved who they are; without its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The credential that all rests on, and ends with.
    pub root: RootCredential,
    /// Whether it was issued from the root (a JWT), and is not the root itself: it is no session, and issues no other.
    pub is_issued: bool,
    /// When it ends in any case, and the live connections that it opened.
    pub expires_at: Option<Timestamp>,
    /// The epoch that it was made in, where that is written in no stored row: a later bump of its person ends it.
    pub epoch: Option<PersonEpoch>,
}

/// The root of a credential: a stored row, or a proof that comes with each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RootCredential {
    /// A session.
    Session(SessionId),
    /// An API token.
    Token(TokenId),
    /// A proof that is sent and verified with each request, such as a name and a password: nothing is stored that could end.
    #[serde(rename = "password")]
    PerRequest,
}

impl Credential {
    /// A session or an API token, which ends with its stored row.
    pub fn stored(root: RootCredential) -> Self {
        Self { root, is_issued: false, expires_at: None, epoch: None }
    }

    /// A proof that is verified with each request, in this epoch; a live connection goes on until `expires_at`.
    pub fn per_request(expires_at: Timestamp, epoch: PersonEpoch) -> Self {
        Self { root: RootCredential::PerRequest, is_issued: false, expires_at: Some(expires_at), epoch: Some(epoch) }
    }

    /// A token issued in this epoch from another credential, which it ends with.
    pub fn issued(root: RootCredential, expires_at: Timestamp, epoch: PersonEpoch) -> Self {
        Self { root, is_issued: true, expires_at: Some(expires_at), epoch: Some(epoch) }
    }
}
