use super::{InvalidAuthorizationHeader, SignInRefusal};
use crate::store::StoreError;

/// Why a request's `Authorization` header was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ApiAuthError {
    /// The header cannot be parsed.
    #[error(transparent)]
    Invalid(#[from] InvalidAuthorizationHeader),
    /// There was more than one header, or names and passwords are not accepted here.
    #[error("{0}")]
    NotAccepted(&'static str),
    /// The name and password were refused.
    #[error(transparent)]
    Password(#[from] SignInRefusal),
    /// The name and password are right, and their owner has a second factor, which they did not come with.
    #[error(
        "a name and a password are not enough for an account with a second factor: use an API token, which you make on \
         your account page"
    )]
    SecondFactor,
    /// The token is not valid.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The store cannot be asked: this says nothing about the credentials.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a token is not valid. Only somebody who has the token itself learns that it was one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is no such token, or it was not signed here.
    #[error("the access token is not one of this server's")]
    Unknown,
    /// It has expired.
    #[error("the access token has expired")]
    Expired,
    /// It was revoked, or the credential it was made from has ended.
    #[error("the access token has been revoked")]
    Revoked,
    /// Its owner has not signed in for too long, and without a service account nobody else confirms them.
    #[error("the access token waits for its owner to sign in once, since nobody else can confirm them")]
    Unconfirmed,
}

impl TokenError {
    /// A word for the audit, which does not change.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}
