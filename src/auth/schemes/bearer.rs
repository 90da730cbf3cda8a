//! Bearer tokens (RFC 6750): the parts that API tokens and JWTs share.

use crate::auth::Rejection;
use crate::auth::scheme::{AuthError, AuthRequest, REALM, credentials};
use crate::domain::{EndReason, Revalidation};
use crate::tokens::{Token, TokenLookup};

/// The token of a request, of whichever kind.
pub(super) fn token(request: &dyn AuthRequest) -> Option<&str> {
    credentials(request, "Bearer")
}

/// The challenge for a Bearer token, with `attributes` behind the realm.
pub(super) fn challenge(attributes: &str) -> String {
    format!("Bearer realm=\"{REALM}\"{attributes}")
}

/// The challenge for a token that is valid, but not for this (RFC 6750, 3.1): the only one that comes with a 403.
pub fn insufficient_scope_challenge() -> String {
    challenge(", error=\"insufficient_scope\"")
}

/// A token that this program cannot have issued.
pub(super) fn not_ours() -> Rejection {
    Rejection::unreadable("The access token is not one that was made here, or not all of it")
}

/// Why a token is not valid. Only somebody who has the token itself learns that it was one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenError {
    /// There is no such token, or it was not signed here.
    Unknown,
    /// It has expired.
    Expired,
    /// It was revoked, or the credential it was issued from has ended.
    Revoked,
    /// Its owner has not signed in for too long, and without a service account nobody else confirms them.
    Unconfirmed,
}

impl From<TokenError> for AuthError {
    fn from(error: TokenError) -> Self {
        let (rejection, reason) = match error {
            TokenError::Unknown => (Rejection::new("invalid-token", "The access token is not one of this server's"), "unknown"),
            TokenError::Expired => (Rejection::new("expired-token", "The access token has expired"), "expired"),
            TokenError::Revoked => (Rejection::new("revoked-token", "The access token has been revoked"), "revoked"),
            TokenError::Unconfirmed => {
                let message = "The access token waits for its owner to sign in once, since nobody else can confirm them";
                (Rejection::new("unconfirmed-token", message), "unconfirmed")
            }
        };
        let fault = format!(", error=\"invalid_token\", error_description=\"{}\"", rejection.message);
        Rejection { challenge: Some(challenge(&fault)), ..rejection }.audited(reason).into()
    }
}

/// The API token, when it is valid; `None` when the directory could not be asked about its owner for too long.
pub(super) fn require_valid(found: TokenLookup) -> Result<Option<Token>, TokenError> {
    match found {
        TokenLookup::Valid(token) => Ok(Some(token)),
        TokenLookup::Stale(Token { revalidation: Revalidation::Refreshed, .. }) => Ok(None),
        TokenLookup::Stale(_) => Err(TokenError::Unconfirmed),
        TokenLookup::Ended(EndReason::Expired) => Err(TokenError::Expired),
        TokenLookup::Ended(EndReason::Revoked | EndReason::SignedOut) => Err(TokenError::Revoked),
        TokenLookup::NotFound => Err(TokenError::Unknown),
    }
}
