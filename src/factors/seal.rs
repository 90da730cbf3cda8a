use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::SealingKey;
use crate::store::StoreError;

/// XChaCha20's nonces are long enough to be chosen by chance, however many there are (draft-irtf-cfrg-xchacha-03, 3.1).
const NONCE_BYTES: usize = 24;

/// What a sealed text is for. One that was sealed for something else does not open.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// A seed in the store.
    Seed,
    /// A seed in a form, on offer.
    Offer,
    /// A passkey's registration under way, in a form.
    Registration,
    /// A passkey being asked for, in a form.
    Authentication,
}

impl Purpose {
    fn word(self) -> &'static [u8] {
        match self {
            Self::Seed => b"seed",
            Self::Offer => b"offer",
            Self::Registration => b"registration",
            Self::Authentication => b"authentication",
        }
    }
}

/// Seals with XChaCha20-Poly1305: nobody without the key reads a text or makes another that opens. It keeps the key in a type that
/// wipes itself.
pub(super) struct Seal(XChaCha20Poly1305);

impl Seal {
    pub(super) fn new(key: &SealingKey) -> Self {
        Self(XChaCha20Poly1305::new(key.as_slice().into()))
    }

    /// Seals `text` for `purpose`, so that it opens only together with `whose`: somebody's row, somebody's browser.
    ///
    /// # Errors
    /// [`StoreError::NoRandomness`] when the system has none to give.
    pub(super) fn close(&self, purpose: Purpose, whose: &[u8], text: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|error| StoreError::NoRandomness(error.to_string()))?;
        let aad = bound_to(purpose, whose);
        let sealed = self.0.encrypt(XNonce::from_slice(&nonce), Payload { msg: text, aad: &aad });
        // It fails for texts beyond 256 GB alone.
        let sealed = sealed.map_err(|_| StoreError::NoRandomness("a text is too long to be sealed".to_owned()))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// What was sealed; `None` when it was for something else, by another key, or has been changed.
    pub(super) fn open(&self, purpose: Purpose, whose: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES)?;
        let aad = bound_to(purpose, whose);
        self.0.decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: &aad }).ok().map(Zeroizing::new)
    }
}

/// No purpose's word holds a NUL, so what stands before it cannot run into what stands behind.
fn bound_to(purpose: Purpose, whose: &[u8]) -> Vec<u8> {
    [purpose.word(), b"\0", whose].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(byte: u8) -> Seal {
        Seal::new(&SealingKey::new([byte; 32]))
    }

    #[test]
    fn what_is_sealed_opens_for_its_purpose_its_owner_and_its_key_alone() {
        let sealed = seal(1).close(Purpose::Seed, b"alice", b"a seed").unwrap();
        assert_eq!(**seal(1).open(Purpose::Seed, b"alice", &sealed).unwrap(), *b"a seed");
        assert!(seal(1).open(Purpose::Offer, b"alice", &sealed).is_none());
        assert!(seal(1).open(Purpose::Seed, b"bob", &sealed).is_none());
        assert!(seal(2).open(Purpose::Seed, b"alice", &sealed).is_none());
        assert!(!sealed.windows(6).any(|window| window == b"a seed"));
    }

    #[test]
    fn what_was_changed_or_cut_does_not_open() {
        let sealed = seal(1).close(Purpose::Seed, b"alice", b"a seed").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(seal(1).open(Purpose::Seed, b"alice", &changed).is_none(), "byte {at}");
            assert!(seal(1).open(Purpose::Seed, b"alice", &sealed[..at]).is_none(), "cut at {at}");
        }
        let again = seal(1).close(Purpose::Seed, b"alice", b"a seed").unwrap();
        assert_ne!(sealed, again, "the same seed looks another way each time");
    }
}
