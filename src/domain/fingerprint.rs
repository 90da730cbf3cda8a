use serde::Serialize;
use sha2::{Digest, Sha256};

/// A SHA-256 digest that tells one state of a value from another, where the value is too large to be kept for
/// comparing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of stored bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest in hexadecimal.
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }

    /// The fingerprint of a value's JSON. A value that cannot be serialized has that of no bytes.
    pub fn of(value: &impl Serialize) -> Self {
        Self::of_bytes(&serde_json::to_vec(value).unwrap_or_default())
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
