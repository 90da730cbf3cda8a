//! Parsers of untrusted input, for the fuzz targets in `fuzz/`. Not part of the program: compiled only with the feature
//! `fuzzing`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::jwt::Claims;
use super::scheme::split_scheme;
use super::schemes::basic;
use super::{EncodedJwt, JwtSigner, Keys};
use crate::config::{JwtSettings, TokenSettings};
use crate::domain::SystemClock;
use crate::store::StoreError;
use crate::tokens::{ApiToken, TOKEN_PREFIX, Tokens};

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
    let parsed = split_scheme(header).and_then(|(word, value)| match &*word.to_ascii_lowercase() {
        "basic" => basic::parse(value).map(|(name, password)| ParsedAuthorization::Basic(name, password.to_string())),
        "bearer" if value.starts_with(TOKEN_PREFIX) => {
            value.parse().ok().map(|token: ApiToken| ParsedAuthorization::ApiToken(token.reveal().to_string()))
        }
        "bearer" => EncodedJwt::parse(value).map(|text| ParsedAuthorization::Jwt(text.expose().to_owned())),
        _ => None,
    });
    parsed.unwrap_or(ParsedAuthorization::Invalid)
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
