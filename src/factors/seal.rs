use zeroize::Zeroizing;

use crate::store::{self, SealingKey, StoreError};

/// The purpose that a text is sealed for. One that was sealed for another does not unseal.
#[derive(Clone, Copy, Debug)]
pub(super) enum SealPurpose {
    /// A seed in the store.
    Seed,
    /// A seed in a form, for an enrollment under way.
    Enrollment,
    /// The state of a passkey's registration, in a form.
    Registration,
    /// The state of an authentication by passkey, in a form.
    Authentication,
}

impl SealPurpose {
    fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Seed => b"seed",
            Self::Enrollment => b"offer",
            Self::Registration => b"registration",
            Self::Authentication => b"authentication",
        }
    }
}

/// Authenticated encryption of seeds and ceremonies' states, each for one purpose.
pub(super) struct FactorSeal(store::AeadCipher);

impl FactorSeal {
    pub(super) fn new(key: &SealingKey) -> Self {
        Self(store::AeadCipher::new(key))
    }

    /// Seals `text` for `purpose`, so that it unseals only together with `owner`: somebody's row, somebody's browser.
    ///
    /// # Errors
    /// [`StoreError::NoRandomness`] when the system has none to give.
    pub(super) fn seal(&self, purpose: SealPurpose, owner: &[u8], text: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.0.seal(&associated_data(purpose, owner), text)
    }

    /// Unseals a text; `None` when it was sealed for something else, by another key, or has been changed.
    pub(super) fn unseal(&self, purpose: SealPurpose, owner: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.0.open(&associated_data(purpose, owner), sealed)
    }
}

/// Whether this is the sealed seed of an authenticator app of the person with this id, as it is stored, and the key is the one
/// that it was sealed with.
pub fn is_seed_sealed_with(key: &SealingKey, person: &str, sealed: &[u8]) -> bool {
    FactorSeal::new(key).unseal(SealPurpose::Seed, person.as_bytes(), sealed).is_some()
}

/// The associated data of a sealed text. No purpose's word holds a NUL, so the two parts cannot run into each other.
fn associated_data(purpose: SealPurpose, owner: &[u8]) -> Vec<u8> {
    [purpose.as_bytes(), b"\0", owner].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_purpose_and_its_owner_alone() {
        let seal = FactorSeal::new(&SealingKey::new([1; 32]));
        let sealed = seal.seal(SealPurpose::Seed, b"alice", b"a seed").unwrap();
        assert_eq!(**seal.unseal(SealPurpose::Seed, b"alice", &sealed).unwrap(), *b"a seed");
        assert!(seal.unseal(SealPurpose::Enrollment, b"alice", &sealed).is_none());
        assert!(seal.unseal(SealPurpose::Seed, b"bob", &sealed).is_none());
    }
}
