use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::{StoreError, fill_randomly};

/// XChaCha20's nonces are long enough to be chosen by chance, however many there are (draft-irtf-cfrg-xchacha-03, 3.1).
const NONCE_BYTES: usize = 24;

/// 256 bits, under which something is sealed. It wipes itself and does not print itself.
#[derive(Clone)]
pub struct SealingKey(Zeroizing<[u8; 32]>);

impl SealingKey {
    /// The key of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

/// Seals with XChaCha20-Poly1305: nobody without the key reads a text or makes another that opens. It keeps the key in a type that
/// wipes itself.
pub struct AeadCipher(XChaCha20Poly1305);

impl AeadCipher {
    /// Under this key.
    pub fn new(key: &SealingKey) -> Self {
        Self(XChaCha20Poly1305::new(key.0.as_slice().into()))
    }

    /// Seals `text` so that it opens only together with `bound_to`: what it is for, somebody's row, somebody's browser.
    /// The nonce, and what it encrypts.
    ///
    /// # Errors
    /// [`StoreError::NoRandomness`] when the system has none to give.
    pub fn seal(&self, bound_to: &[u8], text: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE_BYTES];
        fill_randomly(&mut nonce)?;
        let sealed = self.0.encrypt(XNonce::from_slice(&nonce), Payload { msg: text, aad: bound_to });
        // It fails for texts beyond 256 GB alone.
        let sealed = sealed.map_err(|_| StoreError::NoRandomness("a text is too long to be sealed".to_owned()))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// What was sealed; `None` when it was bound to something else, by another key, or has been changed.
    pub fn open(&self, associated_data: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES)?;
        self.0
            .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: associated_data })
            .ok()
            .map(Zeroizing::new)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn seal(byte: u8) -> AeadCipher {
        AeadCipher::new(&SealingKey::new([byte; 32]))
    }

    #[test]
    fn what_is_sealed_opens_with_what_it_is_bound_to_and_its_key_alone() {
        let sealed = seal(1).seal(b"alice", b"a seed").unwrap();
        assert_eq!(**seal(1).open(b"alice", &sealed).unwrap(), *b"a seed");
        assert!(seal(1).open(b"bob", &sealed).is_none());
        assert!(seal(2).open(b"alice", &sealed).is_none());
        assert!(!sealed.windows(6).any(|window| window == b"a seed"));
    }

    #[test]
    fn what_was_changed_or_cut_does_not_open() {
        let sealed = seal(1).seal(b"alice", b"a seed").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(seal(1).open(b"alice", &changed).is_none(), "byte {at}");
            assert!(seal(1).open(b"alice", &sealed[..at]).is_none(), "cut at {at}");
        }
        let again = seal(1).seal(b"alice", b"a seed").unwrap();
        assert_ne!(sealed, again, "the same text looks another way each time");
    }
}
