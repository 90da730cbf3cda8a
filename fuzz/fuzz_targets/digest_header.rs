//! Parsing of `Authorization: Digest …`: no crash, and everything parsed was there.

#![no_main]

use belvedere::auth::digest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|header: &str| {
    if let Some((name, uri, count)) = digest::parse_for_fuzzing(header) {
        assert!(!name.is_empty() && !uri.is_empty());
        assert!(header.to_ascii_lowercase().contains(&format!("{count:08x}")), "{count:08x} in {header:?}");
    }
});
