use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::store::{StoreError, fill_randomly};

/// The prefix of every token, so that a leaked one is recognised by secret scanners.
pub const TOKEN_PREFIX: &str = "bvt_";

/// The random bytes of a token: 256 bits, which nobody guesses, however many there are.
const BYTES: usize = 32;

/// The length of the secret's text: 32 bytes in base64url without padding.
const SECRET_CHARACTERS: usize = 43;

/// The checksum: three bytes in base64url. One text in sixteen million that only looks like a token passes: a secret
/// scanner seldom reports a false positive, and a mistyped token costs no query.
const CHECK_BYTES: usize = 3;
const CHECK_CHARACTERS: usize = 4;

/// The secret API token that a script sends: whoever has it may do what its scope allows. It does not print itself, and
/// wipes itself when dropped.
#[derive(Clone)]
pub struct ApiToken(Zeroizing<[u8; BYTES]>);

/// A text that is not an API token of this program's making.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an API token is `{TOKEN_PREFIX}` and {} characters behind it", SECRET_CHARACTERS + CHECK_CHARACTERS)]
pub struct InvalidApiToken;

impl ApiToken {
    /// A new token from the system's random generator.
    ///
    /// # Errors
    /// [`StoreError::NoRandomness`] when the system has none to give; nothing weaker is used in its place.
    pub fn generate() -> Result<Self, StoreError> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        fill_randomly(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// The token's text, shown once to its owner: `bvt_`, the secret in base64url, and a checksum of both.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(TOKEN_PREFIX.len() + SECRET_CHARACTERS + CHECK_CHARACTERS));
        text.push_str(TOKEN_PREFIX);
        URL_SAFE_NO_PAD.encode_string(self.0.as_slice(), &mut text);
        let check = checksum(&text);
        text.push_str(&check);
        text
    }

    /// The secret's SHA-256, as the store has it. A plain hash is enough for 256 random bits: there is nothing to
    /// guess.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_slice()).into()
    }
}

impl FromStr for ApiToken {
    type Err = InvalidApiToken;

    /// Accepts only the one spelling that [`ApiToken::reveal`] writes; the length is checked first, so that a header
    /// full of rubbish costs nothing.
    fn from_str(text: &str) -> Result<Self, InvalidApiToken> {
        if text.len() != TOKEN_PREFIX.len() + SECRET_CHARACTERS + CHECK_CHARACTERS || !text.is_ascii() {
            return Err(InvalidApiToken);
        }
        let (signed, check) = text.split_at(TOKEN_PREFIX.len() + SECRET_CHARACTERS);
        let secret = signed.strip_prefix(TOKEN_PREFIX).ok_or(InvalidApiToken)?;
        if checksum(signed) != check {
            return Err(InvalidApiToken);
        }
        let mut bytes = Zeroizing::new([0; BYTES]);
        match URL_SAFE_NO_PAD.decode_slice(secret, bytes.as_mut_slice()) {
            Ok(BYTES) => Ok(Self(bytes)),
            _ => Err(InvalidApiToken),
        }
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiToken(…)")
    }
}

/// The checksum of a token's prefix and secret. It authenticates nothing: anybody can calculate one.
fn checksum(signed: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(signed)[..CHECK_BYTES])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_the_header_and_nothing_else_is_one() {
        let token = ApiToken::generate().unwrap();
        let text = token.reveal();
        assert_eq!(text.parse::<ApiToken>().unwrap().hash(), token.hash());
        assert_eq!(text.len(), 51);

        let mistyped = {
            let at = if &text[10..11] == "A" { "B" } else { "A" };
            format!("{}{at}{}", &text[..10], &text[11..])
        };
        let longer = format!("{}A", *text);
        let other_prefix = text.replace(TOKEN_PREFIX, "bvx_");
        for wrong in ["", TOKEN_PREFIX, &text[..50], &longer, &mistyped, &other_prefix, &"é".repeat(26), &"A".repeat(51)] {
            assert_eq!(wrong.parse::<ApiToken>().unwrap_err(), InvalidApiToken, "{wrong:?}");
        }
    }

    #[test]
    fn a_secret_has_one_spelling_even_with_a_right_checksum() {
        // The last of the 43 characters carries four bits; with the spare two set it would be a second spelling.
        let signed = format!("{TOKEN_PREFIX}{}B", "A".repeat(42));
        assert_eq!(format!("{signed}{}", checksum(&signed)).parse::<ApiToken>().unwrap_err(), InvalidApiToken);
    }

    #[test]
    fn tokens_differ_and_do_not_print_themselves() {
        let (a, b) = (ApiToken::generate().unwrap(), ApiToken::generate().unwrap());
        assert_ne!(a.hash(), b.hash());
        assert_eq!(format!("{a:?}"), "ApiToken(…)");
    }
}
