//! CSRF tokens: proof that a form that changes something was ours, and this browser's.
//!
//! A token is an HMAC over the browser's cookie: its session token, or before there is a session a random value (the
//! sign-in form needs a token too, or somebody could be signed in as somebody else). Nothing is stored, and a token
//! dies with its session.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use zeroize::Zeroizing;

use super::Keys;
use super::keys::HmacSha256;
use crate::sessions::{InvalidSessionToken, SessionToken};
use crate::store::StoreError;

/// The characters of a token: HMAC-SHA256 in base64url without padding.
const TOKEN_LEN: usize = 43;

/// The cookie of a browser without a session: 256 random bits that open nothing.
#[derive(Clone, Debug)]
pub struct PreSessionToken(SessionToken);

/// The cookie that a CSRF token is bound to.
#[derive(Clone, Copy, Debug)]
pub enum CsrfBinding<'a> {
    /// A member's session token.
    Session(&'a SessionToken),
    /// The pre-session token of anybody else.
    PreSession(&'a PreSessionToken),
}

impl PreSessionToken {
    /// A new value from the system's generator.
    ///
    /// # Errors
    /// [`StoreError::NoRandomness`] when the system has none to give.
    pub fn generate() -> Result<Self, StoreError> {
        SessionToken::generate().map(Self)
    }

    /// The value as the cookie carries it: base64url, 43 characters.
    pub fn reveal(&self) -> Zeroizing<String> {
        self.0.reveal()
    }
}

impl FromStr for PreSessionToken {
    type Err = InvalidSessionToken;

    fn from_str(text: &str) -> Result<Self, InvalidSessionToken> {
        text.parse().map(Self)
    }
}

/// A CSRF token, as a form carries it in a hidden field.
#[derive(Clone, PartialEq, Eq)]
pub struct CsrfToken(String);

impl CsrfToken {
    /// The token as text: base64url, 43 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfToken(…)")
    }
}

impl Keys {
    /// The CSRF token for the forms of this browser.
    pub fn csrf_token(&self, binding: CsrfBinding<'_>) -> CsrfToken {
        CsrfToken(URL_SAFE_NO_PAD.encode(self.csrf_tag(binding).finalize().into_bytes()))
    }

    /// Whether `sent` is the token of this browser. It takes the same time however much of it is right.
    pub fn verify_csrf_token(&self, binding: CsrfBinding<'_>, sent: &str) -> bool {
        if sent.len() != TOKEN_LEN {
            return false;
        }
        let Ok(sent) = URL_SAFE_NO_PAD.decode(sent) else { return false };
        self.csrf_tag(binding).verify_slice(&sent).is_ok()
    }

    /// The HMAC over a binding. Its kind is part of it, so that a pre-session token never does for a session.
    fn csrf_tag(&self, binding: CsrfBinding<'_>) -> HmacSha256 {
        let (kind, token): (&[u8], _) = match binding {
            CsrfBinding::Session(token) => (b"member", token),
            CsrfBinding::PreSession(token) => (b"stranger", &token.0),
        };
        self.csrf_hmac().chain_update(kind).chain_update([0]).chain_update(token.hash())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_token_holds_for_its_own_browser_alone() {
        let keys = Keys::from_secret(&[7; 32]);
        let (alice, eve) = (SessionToken::generate().unwrap(), SessionToken::generate().unwrap());
        let token = keys.csrf_token(CsrfBinding::Session(&alice));
        assert!(keys.verify_csrf_token(CsrfBinding::Session(&alice), token.as_str()));
        assert!(!keys.verify_csrf_token(CsrfBinding::Session(&eve), token.as_str()));
        assert!(!Keys::from_secret(&[8; 32]).verify_csrf_token(CsrfBinding::Session(&alice), token.as_str()));
    }

    #[test]
    fn a_restart_with_the_same_secret_keeps_open_forms_good() {
        let alice = SessionToken::generate().unwrap();
        let token = Keys::from_secret(b"the same secret as ever, 32 byte").csrf_token(CsrfBinding::Session(&alice));
        let restarted = Keys::from_secret(b"the same secret as ever, 32 byte");
        assert!(restarted.verify_csrf_token(CsrfBinding::Session(&alice), token.as_str()));
    }

    #[test]
    fn a_strangers_token_does_not_do_for_a_member() {
        let keys = Keys::from_secret(&[7; 32]);
        let stranger = PreSessionToken::generate().unwrap();
        // Even if somebody got their stranger's value accepted as a session's token.
        let as_session: SessionToken = stranger.reveal().parse().unwrap();
        let token = keys.csrf_token(CsrfBinding::PreSession(&stranger));
        assert!(keys.verify_csrf_token(CsrfBinding::PreSession(&stranger), token.as_str()));
        assert!(!keys.verify_csrf_token(CsrfBinding::Session(&as_session), token.as_str()));
    }

    #[test]
    fn anything_else_is_not_a_token() {
        let keys = Keys::from_secret(&[7; 32]);
        let alice = SessionToken::generate().unwrap();
        let token = keys.csrf_token(CsrfBinding::Session(&alice));
        let mut changed = token.as_str().to_owned();
        let other = if changed.starts_with('A') { "B" } else { "A" };
        changed.replace_range(..1, other);
        let longer = format!("{}A", token.as_str());
        for wrong in ["", "A", &token.as_str()[..42], &longer, &changed, &"=".repeat(43), &"é".repeat(22)] {
            assert!(!keys.verify_csrf_token(CsrfBinding::Session(&alice), wrong), "{wrong:?}");
        }
    }

    #[test]
    fn neither_keys_nor_tokens_print_themselves() {
        let keys = Keys::from_secret(&[7; 32]);
        let stranger = PreSessionToken::generate().unwrap();
        let token = keys.csrf_token(CsrfBinding::PreSession(&stranger));
        let printed = format!("{keys:?} {stranger:?} {token:?}");
        assert!(!printed.contains(token.as_str()) && !printed.contains(stranger.reveal().as_str()), "{printed}");
    }
}
