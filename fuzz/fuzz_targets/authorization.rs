//! Whatever stands in an `Authorization` header is read without a panic, and as nothing but what it is.

#![no_main]

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use belvedere::auth::fuzzing::{Read, authorization};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match authorization(text) {
        // One spelling of each token, and of nothing else.
        Read::Token(token) | Read::Signed(token) => assert!(text.trim_matches(' ').ends_with(&token), "{text:?}"),
        Read::Pair(name, _) => assert!(!name.contains(':'), "{text:?}"),
        Read::Nothing => {}
    }
    // A token cannot be made of anything else by a longer or a shorter beginning.
    assert!(!matches!(authorization(&format!("Bearer{text}")), Read::Pair(..)), "{text:?}");
    a_pair_is_read_as_it_was_meant(text);
});

/// RFC 7617, 2: the first colon ends the name, and the password is whatever follows.
fn a_pair_is_read_as_it_was_meant(pair: &str) {
    let read = authorization(&format!("Basic {}", BASE64_STANDARD.encode(pair)));
    let Some((name, password)) = pair.split_once(':') else {
        assert_eq!(read, Read::Nothing, "{pair:?}");
        return;
    };
    // Longer than any name and password there can be.
    if pair.len() < 4096 {
        assert_eq!(read, Read::Pair(name.to_owned(), password.to_owned()), "{pair:?}");
    }
}
