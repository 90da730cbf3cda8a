//! The readers of what strangers show, for the fuzz targets in `fuzz/`. Not part of the program: it is there only with
//! the feature `fuzzing`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::signed::Claims;
use super::{Authorization, Keys, SignedText, Signer};
use crate::config::{JwtSettings, TokenSettings};
use crate::domain::SystemClock;
use crate::store::StoreError;
use crate::tokens::Tokens;

/// What a header was read as.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// A name and a password.
    Pair(String, String),
    /// An API token, as its owner sees it.
    Token(String),
    /// Something of a signed token's shape.
    Signed(String),
    /// Nothing.
    Nothing,
}

/// Reads the value of an `Authorization` header.
pub fn authorization(header: &str) -> Read {
    match Authorization::parse(header) {
        Ok(Authorization::Basic { username, password }) => Read::Pair(username, password.to_string()),
        Ok(Authorization::Token(token)) => Read::Token(token.reveal().to_string()),
        Ok(Authorization::Signed(text)) => Read::Signed(text.expose().to_owned()),
        Err(_) => Read::Nothing,
    }
}

/// A signer with keys of its own, in an empty `folder`.
///
/// # Errors
/// [`StoreError`] when they cannot be kept.
pub async fn signer(folder: &Path) -> Result<Signer, StoreError> {
    let (hour, clock) = (Duration::from_hours(1), Arc::new(SystemClock));
    let settings = TokenSettings { lifetime: hour, longest: hour, unrefreshed: hour };
    let tokens = Tokens::open(&folder.join("tokens.db"), &settings, hour, clock.clone()).await?;
    let settings = JwtSettings { lifetime: hour, rotate: 24 * hour };
    Signer::open(tokens, &Keys::from_secret(&[7; 32]), settings, "Fuzz".to_owned(), clock).await
}

/// A token that is good.
pub fn sign(signer: &Signer) -> Option<String> {
    let claims = Claims { sub: "objectGUID:1".to_owned(), scope: "read".to_owned(), ..signer.claims().ok()? };
    signer.sign(&claims).ok().map(|text| text.to_string())
}

/// Whether a token is believed.
pub fn believes(signer: &Signer, text: &str) -> bool {
    SignedText::parse(text).is_some_and(|text| signer.read(&text).is_ok())
}
