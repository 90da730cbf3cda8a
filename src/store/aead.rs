use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::{StoreError, fill_randomly};

/// The length of XChaCha20's nonces: enough to be random, however many there are (draft-irtf-cfrg-xchacha-03, 3.1).
const NONCE_BYTES: usize = 24;

/// A 256-bit key for an [`AeadCipher`]. It wipes itself when dropped and does not print itself.
#[derive(Clone)]
pub struct SealingKey(Zeroizing<[u8; 32]>);

impl SealingKey {
    /// The key made of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

/// Authenticated encryption with XChaCha20-Poly1305: nobody without the key reads a text or forges one. The key is in a
/// type that wipes itself.
pub struct AeadCipher(XChaCha20Poly1305);

impl AeadCipher {
    /// A cipher with this key.
    pub fn new(key: &SealingKey) -> Self {
        Self(XChaCha20Poly1305::new(key.0.as_slice().into()))
    }

    /// Encrypts `plaintext` so that it opens only together with `associated_data`: its purpose, a row, a browser. The
    /// result is the nonce, then the ciphertext with its tag.
    ///
    /// # Errors
    /// [`StoreError::NoRandomness`] when the system has none to give.
    pub fn seal(&self, associated_data: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE_BYTES];
        fill_randomly(&mut nonce)?;
        let sealed = self.0.encrypt(XNonce::from_slice(&nonce), Payload { msg: plaintext, aad: associated_data });
        // It fails for texts beyond 256 GB alone.
        let sealed = sealed.map_err(|_| StoreError::NoRandomness("a text is too long to be sealed".to_owned()))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Decrypts what [`Self::seal`] made; `None` with other associated data or another key, or when it has been
    /// changed.
    pub fn open(&self, associated_data: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES)?;
        self.0.decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: associated_data }).ok().map(Zeroizing::new)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn cipher(byte: u8) -> AeadCipher {
        AeadCipher::new(&SealingKey::new([byte; 32]))
    }

    #[test]
    fn what_is_sealed_opens_with_what_it_is_bound_to_and_its_key_alone() {
        let sealed = cipher(1).seal(b"alice", b"a seed").unwrap();
        assert_eq!(**cipher(1).open(b"alice", &sealed).unwrap(), *b"a seed");
        assert!(cipher(1).open(b"bob", &sealed).is_none());
        assert!(cipher(2).open(b"alice", &sealed).is_none());
        assert!(!sealed.windows(6).any(|window| window == b"a seed"));
    }

    #[test]
    fn what_was_changed_or_cut_does_not_open() {
        let sealed = cipher(1).seal(b"alice", b"a seed").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(cipher(1).open(b"alice", &changed).is_none(), "byte {at}");
            assert!(cipher(1).open(b"alice", &sealed[..at]).is_none(), "cut at {at}");
        }
        let again = cipher(1).seal(b"alice", b"a seed").unwrap();
        assert_ne!(sealed, again, "the same text looks another way each time");
    }
}
