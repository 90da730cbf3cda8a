use super::{InvalidAuthorizationHeader, SignInRefusal};
use crate::store::StoreError;

/// Why what somebody showed in an `Authorization` header opens nothing.
#[derive(Debug, thiserror::Error)]
pub enum ApiAuthError {
    /// It shows nothing that could be a way in.
    #[error(transparent)]
    Invalid(#[from] InvalidAuthorizationHeader),
    /// There was more than one header, or a name and a password are no way in here.
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
    /// The token is not good.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The store cannot be asked: this says nothing about what was shown.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is wrong with a token. Only who has the token itself hears that it was one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Nobody has it, or it was not signed here.
    #[error("the access token is not one of this server's")]
    Unknown,
    /// Its time is over.
    #[error("the access token has expired")]
    Expired,
    /// It was revoked, or what it was made from has ended.
    #[error("the access token has been revoked")]
    Revoked,
    /// Nobody can be asked about its person, who has not signed in for too long.
    #[error("the access token waits for its owner to sign in once, since nobody else can confirm them")]
    Unconfirmed,
}

impl TokenError {
    /// A word for the audit, which does not change.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}
