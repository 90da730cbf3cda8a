//! Parsers of untrusted input, for the fuzz targets in `fuzz/`. Not part of the program: compiled only with the feature
//! `fuzzing`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::jwt::Claims;
use super::{AuthorizationHeader, EncodedJwt, JwtSigner, Keys};
use crate::config::{JwtSettings, TokenSettings};
use crate::domain::SystemClock;
use crate::store::StoreError;
use crate::tokens::Tokens;

/// A parsed `Authorization` header, with its secrets in the open.
#[derive(Debug, PartialEq, Eq)]
pub enum ParsedAuthorization {
    /// A name and a password.
    Basic(String, String),
    /// An API token, as text.
    ApiToken(String),
    /// A text of a JWT's shape.
    Jwt(String),
    /// Not a valid header.
    Invalid,
}

/// Parses the value of an `Authorization` header.
pub fn parse_authorization(header: &str) -> ParsedAuthorization {
    match AuthorizationHeader::parse(header) {
        Ok(AuthorizationHeader::Basic { username, password }) => ParsedAuthorization::Basic(username, password.to_string()),
        Ok(AuthorizationHeader::ApiToken(token)) => ParsedAuthorization::ApiToken(token.reveal().to_string()),
        Ok(AuthorizationHeader::Jwt(text)) => ParsedAuthorization::Jwt(text.expose().to_owned()),
        Err(_) => ParsedAuthorization::Invalid,
    }
}

/// A signer with keys of its own, in an empty `folder`.
///
/// # Errors
/// [`StoreError`] when they cannot be kept.
pub async fn signer(folder: &Path) -> Result<JwtSigner, StoreError> {
    let (hour, clock) = (Duration::from_hours(1), Arc::new(SystemClock));
    let settings = TokenSettings { lifetime: hour, longest: hour, unrefreshed: hour };
    let tokens = Tokens::open(&folder.join("tokens.db"), &settings, hour, clock.clone()).await?;
    let settings = JwtSettings { lifetime: hour, rotate: 24 * hour };
    JwtSigner::open(tokens, &Keys::from_secret(&[7; 32]), settings, "Fuzz".to_owned(), clock).await
}

/// A valid JWT.
pub fn sign(signer: &JwtSigner) -> Option<String> {
    let claims = Claims { sub: "objectGUID:1".to_owned(), scope: "read".to_owned(), ..signer.new_claims().ok()? };
    signer.sign(&claims).ok().map(|text| text.to_string())
}

/// Whether a JWT is valid.
pub fn verifies(signer: &JwtSigner, text: &str) -> bool {
    EncodedJwt::parse(text).is_some_and(|text| signer.verify(&text).is_ok())
}
