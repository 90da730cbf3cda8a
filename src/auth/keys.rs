use std::fmt;

use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::store::{AeadCipher, SealingKey};

/// HMAC-SHA256.
pub(super) type Tag = Hmac<Sha256>;

/// A key of HMAC-SHA256: one block of SHA-256, so that no key is too short or too long.
type Key = Zeroizing<[u8; 64]>;

/// Changing it makes every key another.
const EXTRACT_LABEL: &[u8] = b"belvedere keys, version 1";

const CSRF_LABEL: &[u8] = b"csrf tokens";
const DEVICE_LABEL: &[u8] = b"device marks";
const FACTORS_LABEL: &[u8] = b"second factors";
const DIGEST_NONCES_LABEL: &[u8] = b"digest nonces";
const DIGEST_CREDENTIALS_LABEL: &[u8] = b"digest credentials";
const PASSWORDS_LABEL: &[u8] = b"remembered passwords";
const SIGNING_KEYS_LABEL: &[u8] = b"sealed signing keys";

/// The keys of this server, one for each purpose, all derived from its one secret in the manner of HKDF (RFC 5869),
/// so that what one purpose gives away is of no use to another. They never print themselves.
pub struct Keys {
    csrf: Key,
    device: Key,
    factors: SealingKey,
    digest_nonces: Key,
    digest_credentials: SealingKey,
    passwords: Key,
    signing: SealingKey,
}

impl Keys {
    /// The keys that follow from the server's `secret`: 32 random bytes or more.
    pub fn from_secret(secret: &[u8]) -> Self {
        let mut salt = Key::new([0; 64]);
        salt[..EXTRACT_LABEL.len()].copy_from_slice(EXTRACT_LABEL);
        let master = key(tag(&salt).chain_update(secret));
        let derived = |label: &[u8]| tag(&master).chain_update(label).chain_update([1]);
        let sealing = |label| SealingKey::new(derived(label).finalize().into_bytes().into());
        Self {
            csrf: key(derived(CSRF_LABEL)),
            device: key(derived(DEVICE_LABEL)),
            factors: sealing(FACTORS_LABEL),
            digest_nonces: key(derived(DIGEST_NONCES_LABEL)),
            digest_credentials: sealing(DIGEST_CREDENTIALS_LABEL),
            passwords: key(derived(PASSWORDS_LABEL)),
            signing: sealing(SIGNING_KEYS_LABEL),
        }
    }

    /// The key that the seeds of authenticator apps are sealed under.
    pub fn factors(&self) -> &SealingKey {
        &self.factors
    }

    /// The beginning of a Digest nonce's tag.
    pub(super) fn digest_nonce(&self) -> Tag {
        tag(&self.digest_nonces)
    }

    /// What seals the credentials of Digest.
    pub(super) fn digest_credentials(&self) -> AeadCipher {
        AeadCipher::new(&self.digest_credentials)
    }

    /// The beginning of a CSRF token's tag.
    pub(super) fn csrf(&self) -> Tag {
        tag(&self.csrf)
    }

    /// The beginning of the tag by which a name and password are remembered.
    pub(super) fn passwords(&self) -> Tag {
        tag(&self.passwords)
    }

    /// What seals the keys that sign tokens, before they are kept.
    pub(super) fn signing_keys(&self) -> AeadCipher {
        AeadCipher::new(&self.signing)
    }

    /// The beginning of a device mark's tag.
    pub(super) fn device(&self) -> Tag {
        tag(&self.device)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

fn tag(key: &Key) -> Tag {
    <Tag as KeyInit>::new(key.as_slice().into())
}

/// The 32 bytes of a tag, with the zeros behind them that HMAC itself would add (RFC 2104, 2).
fn key(tag: Tag) -> Key {
    let mut key = Key::new([0; 64]);
    key[..32].copy_from_slice(&tag.finalize().into_bytes());
    key
}
