//! What a stranger sends as `Authorization: Digest …`: it is read without a crash, and what is read of it was there.

#![no_main]

use belvedere::auth::digest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|header: &str| {
    if let Some((name, address, count)) = digest::read(header) {
        assert!(!name.is_empty() && !address.is_empty());
        assert!(header.to_ascii_lowercase().contains(&format!("{count:08x}")), "{count:08x} in {header:?}");
    }
});
