use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::store::{StoreError, fill_randomly};

/// The random bytes of a token: 256 bits, which nobody guesses, however many sessions there are.
const BYTES: usize = 32;

/// The length of a token's text: 32 bytes in base64url without padding.
const CHARACTERS: usize = 43;

/// The secret session token in a browser's cookie: whoever has it is the member. It does not print itself, and wipes
/// itself when dropped.
#[derive(Clone)]
pub struct SessionToken(Zeroizing<[u8; BYTES]>);

/// A text that is not a session token of this program's making.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session token is {CHARACTERS} characters of base64url")]
pub struct InvalidSessionToken;

impl SessionToken {
    /// A new token from the system's random generator.
    ///
    /// # Errors
    /// [`StoreError::NoRandomness`] when the system has none to give; nothing weaker is used in its place.
    pub fn generate() -> Result<Self, StoreError> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        fill_randomly(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// The token's text for the cookie, and for nothing else: base64url, 43 characters.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.as_slice()))
    }

    /// The token's SHA-256, as the store has it. A plain hash is enough for 256 random bits: there is nothing to guess.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_slice()).into()
    }
}

impl FromStr for SessionToken {
    type Err = InvalidSessionToken;

    /// Accepts only the one spelling that [`SessionToken::reveal`] writes; the length is checked first, so that a
    /// cookie full of rubbish costs nothing.
    fn from_str(text: &str) -> Result<Self, InvalidSessionToken> {
        if text.len() != CHARACTERS {
            return Err(InvalidSessionToken);
        }
        let mut bytes = Zeroizing::new([0; BYTES]);
        match URL_SAFE_NO_PAD.decode_slice(text, bytes.as_mut_slice()) {
            Ok(BYTES) => Ok(Self(bytes)),
            _ => Err(InvalidSessionToken),
        }
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_the_cookie_and_nothing_else_is_one() {
        let token = SessionToken::generate().unwrap();
        let text = token.reveal();
        assert_eq!(text.parse::<SessionToken>().unwrap().hash(), token.hash());

        let one_longer = format!("{}A", *text);
        let standard_alphabet = format!("{}+", &text[..42]);
        // The last character carries four bits; with the spare two set it would be a second spelling.
        let other_spelling = format!("{}{}", &"A".repeat(42), "B");
        let not_ascii = format!("{}é", &text[..41]);
        for wrong in ["", "A", &text[..42], &one_longer, &standard_alphabet, &other_spelling, &not_ascii] {
            assert_eq!(wrong.parse::<SessionToken>().unwrap_err(), InvalidSessionToken, "{wrong:?}");
        }
    }

    #[test]
    fn tokens_differ_and_do_not_print_themselves() {
        let (a, b) = (SessionToken::generate().unwrap(), SessionToken::generate().unwrap());
        assert_ne!(a.hash(), b.hash());
        assert_eq!(format!("{a:?}"), "SessionToken(…)");
    }
}
