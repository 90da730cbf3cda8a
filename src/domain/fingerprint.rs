use serde::Serialize;
use sha2::{Digest, Sha256};

/// Tells one state of a thing from another in 32 bytes, where the thing itself is too large to be kept for comparing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of something as it is stored.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Of something by what it says of itself. What cannot be said has that of no bytes.
    pub fn of(thing: &impl Serialize) -> Self {
        Self::of_bytes(&serde_json::to_vec(thing).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_things_have_equal_fingerprints_and_others_do_not() {
        assert_eq!(Fingerprint::of(&("alice", 1)), Fingerprint::of_bytes(br#"["alice",1]"#));
        assert_ne!(Fingerprint::of(&("alice", 1)), Fingerprint::of(&("alice", 2)));
    }
}
