use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::jwt::EncodedJwt;
use crate::tokens::{ApiToken, TOKEN_PREFIX};

/// The longest header, in bytes: the longest name and password in base64 are 3 KB, the longest JWT 4 KB.
const MAX_LEN: usize = 8 * 1024;

/// A parsed `Authorization` header (RFC 9110, 11.6.2). Its secrets wipe themselves and never print themselves.
pub enum AuthorizationHeader {
    /// A name and a password (Basic, RFC 7617), in UTF-8.
    Basic {
        /// As it was sent.
        username: String,
        /// As it was sent; it may hold anything, colons too.
        password: Zeroizing<String>,
    },
    /// A personal API token (Bearer, RFC 6750).
    ApiToken(ApiToken),
    /// A JWT, not yet verified.
    Jwt(EncodedJwt),
}

/// Why an `Authorization` header could not be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAuthorizationHeader {
    /// Not a header of RFC 9110, or not what its scheme asks for.
    #[error("the Authorization header cannot be read")]
    Unreadable,
    /// A scheme that is not accepted here.
    #[error("the Authorization header has a scheme that is not known here: use Basic or Bearer")]
    UnknownScheme,
    /// A Bearer token that this program cannot have issued.
    #[error("the access token is not one that was made here, or not all of it")]
    NotOurToken,
}

impl AuthorizationHeader {
    /// Parses the header's value.
    ///
    /// # Errors
    /// [`InvalidAuthorizationHeader`], which shows nothing of what was sent.
    pub fn parse(header: &str) -> Result<Self, InvalidAuthorizationHeader> {
        if header.len() > MAX_LEN {
            return Err(InvalidAuthorizationHeader::Unreadable);
        }
        let (scheme, value) = header.trim_matches(' ').split_once(' ').ok_or(InvalidAuthorizationHeader::Unreadable)?;
        let value = value.trim_start_matches(' ');
        if scheme.eq_ignore_ascii_case("Basic") {
            parse_basic(value).ok_or(InvalidAuthorizationHeader::Unreadable)
        } else if scheme.eq_ignore_ascii_case("Bearer") {
            parse_bearer(value)
        } else {
            Err(InvalidAuthorizationHeader::UnknownScheme)
        }
    }
}

impl fmt::Debug for AuthorizationHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic(…)",
            Self::ApiToken(_) => "ApiToken(…)",
            Self::Jwt(_) => "Jwt(…)",
        })
    }
}

/// Parses `base64(name:password)`; the first colon ends the name (RFC 7617, 2).
fn parse_basic(value: &str) -> Option<AuthorizationHeader> {
    let decoded = Zeroizing::new(STANDARD.decode(value).ok()?);
    let (username, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some(AuthorizationHeader::Basic { username: username.to_owned(), password: Zeroizing::new(password.to_owned()) })
}

fn parse_bearer(shown: &str) -> Result<AuthorizationHeader, InvalidAuthorizationHeader> {
    if shown.starts_with(TOKEN_PREFIX) {
        let token = shown.parse().map_err(|_| InvalidAuthorizationHeader::NotOurToken)?;
        return Ok(AuthorizationHeader::ApiToken(token));
    }
    EncodedJwt::parse(shown).map(AuthorizationHeader::Jwt).ok_or(InvalidAuthorizationHeader::NotOurToken)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name and password of a Basic header.
    fn read(header: &str) -> Option<(String, String)> {
        match AuthorizationHeader::parse(header) {
            Ok(AuthorizationHeader::Basic { username, password }) => Some((username, password.to_string())),
            _ => None,
        }
    }

    fn of(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn a_name_and_password_are_read_as_they_were_meant() {
        let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        // RFC 7617, 2 and 2.1.
        assert_eq!(read("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), pair("Aladdin", "open sesame"));
        assert_eq!(read("Basic dGVzdDoxMjPCow=="), pair("test", "123£"));
        assert_eq!(read("bAsIc   QWxhZGRpbjpvcGVuIHNlc2FtZQ== "), pair("Aladdin", "open sesame"));
        assert_eq!(read(&of("alice:a:b: ")), pair("alice", "a:b: "));
        assert_eq!(read(&of(":")), pair("", ""));
        assert_eq!(read(&of("CORP\\jürgen:pässwörd")), pair("CORP\\jürgen", "pässwörd"));
    }

    #[test]
    fn what_is_garbled_is_no_name_and_password() {
        let latin_1 = format!("Basic {}", STANDARD.encode(b"test:123\xa3"));
        let long = of(&"x".repeat(MAX_LEN));
        for wrong in ["", "Basic", "Basic ", "Basic !", "Basic QWxhZGRpbg==", "Basic QWxhZGRpbjpv cGVu", &latin_1, &long] {
            let read = AuthorizationHeader::parse(wrong);
            assert!(matches!(read, Err(InvalidAuthorizationHeader::Unreadable)), "{wrong:?}: {read:?}");
        }
    }

    #[test]
    fn a_bearers_token_is_one_of_ours_or_nothing() {
        let token = ApiToken::generate().unwrap().reveal();
        assert!(matches!(AuthorizationHeader::parse(&format!("Bearer {}", *token)), Ok(AuthorizationHeader::ApiToken(_))));
        assert!(matches!(AuthorizationHeader::parse("bearer aGVhZA.Ym9keQ.c2ln"), Ok(AuthorizationHeader::Jwt(_))));
        let cut = format!("Bearer {}", &token[..50]);
        let two = format!("Bearer {}, Bearer {}", *token, *token);
        for wrong in [&*cut, &two, "Bearer a", "Bearer a.b", "Bearer a.b.c.d", "Bearer ..", "Bearer a.b.ü"] {
            let read = AuthorizationHeader::parse(wrong);
            assert!(matches!(read, Err(InvalidAuthorizationHeader::NotOurToken)), "{wrong:?}: {read:?}");
        }
        for wrong in ["Digest username=\"alice\"", "Negotiate abc", "Token x", "Basic,Bearer x"] {
            assert_eq!(AuthorizationHeader::parse(wrong).unwrap_err(), InvalidAuthorizationHeader::UnknownScheme, "{wrong}");
        }
    }

    #[test]
    fn nothing_prints_itself() {
        let token = ApiToken::generate().unwrap().reveal();
        let shown = [of("alice:secret"), format!("Bearer {}", *token), "Bearer aGVhZA.Ym9keQ.c2ln".to_owned()];
        let printed = format!("{:?}", shown.map(|header| AuthorizationHeader::parse(&header)));
        for secret in ["secret", "alice", &token[4..], "Ym9keQ"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}
