//! Parsing of `Authorization` headers: no panic, and nothing is taken for what it is not.

#![no_main]

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use belvedere::auth::fuzzing::{ParsedAuthorization, parse_authorization};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match parse_authorization(text) {
        // One spelling of each token, and of nothing else; spaces and tabs about it are none of it (RFC 9110, 5.6.3).
        ParsedAuthorization::ApiToken(token) | ParsedAuthorization::Jwt(token) => {
            assert!(text.trim_matches([' ', '\t']).ends_with(&token), "{text:?}")
        }
        ParsedAuthorization::Basic(name, _) => assert!(!name.contains(':'), "{text:?}"),
        ParsedAuthorization::Invalid => {}
    }
    // A token cannot be made of anything else by a longer or a shorter beginning.
    assert!(!matches!(parse_authorization(&format!("Bearer{text}")), ParsedAuthorization::Basic(..)), "{text:?}");
    a_pair_is_read_as_it_was_meant(text);
});

/// RFC 7617, 2: the first colon ends the name, and the password is whatever follows.
fn a_pair_is_read_as_it_was_meant(pair: &str) {
    let read = parse_authorization(&format!("Basic {}", BASE64_STANDARD.encode(pair)));
    let Some((name, password)) = pair.split_once(':') else {
        assert_eq!(read, ParsedAuthorization::Invalid, "{pair:?}");
        return;
    };
    // Longer than any name and password there can be.
    if pair.len() < 4096 {
        assert_eq!(read, ParsedAuthorization::Basic(name.to_owned(), password.to_owned()), "{pair:?}");
    }
}
