use zeroize::Zeroizing;

use crate::store::{self, SealingKey, StoreError};

/// What a sealed text is for. One that was sealed for something else does not open.
#[derive(Clone, Copy, Debug)]
pub(super) enum SealPurpose {
    /// A seed in the store.
    Seed,
    /// A seed in a form, on offer.
    Enrollment,
    /// A passkey's registration under way, in a form.
    Registration,
    /// A passkey being asked for, in a form.
    Authentication,
}

impl SealPurpose {
    fn word(self) -> &'static [u8] {
        match self {
            Self::Seed => b"seed",
            Self::Enrollment => b"offer",
            Self::Registration => b"registration",
            Self::Authentication => b"authentication",
        }
    }
}

/// What this room seals: each text for one purpose.
pub(super) struct FactorSeal(store::AeadCipher);

impl FactorSeal {
    pub(super) fn new(key: &SealingKey) -> Self {
        Self(store::AeadCipher::new(key))
    }

    /// Seals `text` for `purpose`, so that it opens only together with `whose`: somebody's row, somebody's browser.
    ///
    /// # Errors
    /// [`StoreError::NoRandomness`] when the system has none to give.
    pub(super) fn seal(&self, purpose: SealPurpose, whose: &[u8], text: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.0.seal(&associated_data(purpose, whose), text)
    }

    /// What was sealed; `None` when it was for something else, by another key, or has been changed.
    pub(super) fn unseal(&self, purpose: SealPurpose, whose: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.0.open(&associated_data(purpose, whose), sealed)
    }
}

/// No purpose's word holds a NUL, so what stands before it cannot run into what stands behind.
fn associated_data(purpose: SealPurpose, whose: &[u8]) -> Vec<u8> {
    [purpose.word(), b"\0", whose].concat()
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
