//! JWTs: only the one that was signed here is valid, as it was signed.

#![no_main]

use std::sync::OnceLock;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use belvedere::auth::JwtSigner;
use belvedere::auth::fuzzing::{sign, signer, verifies};
use libfuzzer_sys::fuzz_target;

/// A signer, and a valid token.
fn signer_and_token() -> &'static (JwtSigner, String) {
    static SHARED: OnceLock<(JwtSigner, String)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let signer = runtime.block_on(signer(folder.path())).expect("a signer");
        let token = sign(&signer).expect("a token");
        assert!(verifies(&signer, &token));
        (signer, token)
    })
}

fuzz_target!(|data: &[u8]| {
    let (signer, token) = signer_and_token();
    let refused = |text: &str| assert!(text == token || !verifies(signer, text), "{text}");
    if let Ok(text) = std::str::from_utf8(data) {
        refused(text);
    }
    let Some((&at, rest)) = data.split_first() else { return };
    let parts: Vec<&str> = token.split('.').collect();
    // Another header, other claims, another signature, with the rest as they were.
    let made_up = BASE64_URL_SAFE_NO_PAD.encode(rest);
    for number in 0..3 {
        let mut parts = parts.clone();
        parts[number] = &made_up;
        refused(&parts.join("."));
    }
    // One byte of one part changed.
    let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(parts[usize::from(at) % 3]).expect("its own parts are sound");
    if let [index, change, ..] = *rest {
        let index = usize::from(index) % bytes.len();
        bytes[index] ^= change;
        let changed = BASE64_URL_SAFE_NO_PAD.encode(&bytes);
        let mut parts = parts.clone();
        parts[usize::from(at) % 3] = &changed;
        refused(&parts.join("."));
    }
});
