use std::fmt;

use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::bus::BusKey;
use crate::store::{AeadCipher, SealingKey};

/// An HMAC-SHA256 under computation.
pub(super) type HmacSha256 = Hmac<Sha256>;

/// A key of HMAC-SHA256: one block of SHA-256, so that none is too short or too long.
type HmacKey = Zeroizing<[u8; 64]>;

/// The salt that the secret is extracted with. Changing it changes every key.
const EXTRACT_LABEL: &[u8] = b"belvedere keys, version 1";

const CSRF_LABEL: &[u8] = b"csrf tokens";
const DEVICE_LABEL: &[u8] = b"device marks";
const FACTORS_LABEL: &[u8] = b"second factors";
const DIGEST_NONCES_LABEL: &[u8] = b"digest nonces";
const DIGEST_CREDENTIALS_LABEL: &[u8] = b"digest credentials";
const CREDENTIAL_CACHE_LABEL: &[u8] = b"remembered passwords";
const THROTTLE_LABEL: &[u8] = b"throttle";
const SIGNING_KEYS_LABEL: &[u8] = b"sealed signing keys";
const SHORT_LIVED_LABEL: &[u8] = b"sign-ins in progress";
const FINGERPRINT_LABEL: &[u8] = b"fingerprint";
const BUS_LABEL: &[u8] = b"bus between nodes";

/// The keys of this server, one for each purpose, all derived from its one secret in the manner of HKDF (RFC 5869),
/// so that a leaked one is of no use for another purpose. They never print themselves.
pub struct Keys {
    csrf: HmacKey,
    device: HmacKey,
    factors: SealingKey,
    digest_nonces: HmacKey,
    digest_credentials: SealingKey,
    credential_cache: HmacKey,
    throttle: HmacKey,
    signing: SealingKey,
    short_lived: SealingKey,
    fingerprint: String,
    bus: HmacKey,
}

impl Keys {
    /// Derives the keys from the server's `secret`: 32 random bytes or more.
    pub fn from_secret(secret: &[u8]) -> Self {
        let mut salt = HmacKey::new([0; 64]);
        salt[..EXTRACT_LABEL.len()].copy_from_slice(EXTRACT_LABEL);
        let master = derive_key(new_hmac(&salt).chain_update(secret));
        let expand = |label: &[u8]| new_hmac(&master).chain_update(label).chain_update([1]);
        let sealing = |label| SealingKey::new(expand(label).finalize().into_bytes().into());
        Self {
            csrf: derive_key(expand(CSRF_LABEL)),
            device: derive_key(expand(DEVICE_LABEL)),
            factors: sealing(FACTORS_LABEL),
            digest_nonces: derive_key(expand(DIGEST_NONCES_LABEL)),
            digest_credentials: sealing(DIGEST_CREDENTIALS_LABEL),
            credential_cache: derive_key(expand(CREDENTIAL_CACHE_LABEL)),
            throttle: derive_key(expand(THROTTLE_LABEL)),
            signing: sealing(SIGNING_KEYS_LABEL),
            short_lived: sealing(SHORT_LIVED_LABEL),
            fingerprint: hex::encode(&expand(FINGERPRINT_LABEL).finalize().into_bytes()[..16]),
            bus: derive_key(expand(BUS_LABEL)),
        }
    }

    /// The key that the seeds of authenticator apps are sealed under.
    pub fn factors_key(&self) -> &SealingKey {
        &self.factors
    }

    /// The HMAC for Digest nonces.
    pub(super) fn digest_nonce_hmac(&self) -> HmacSha256 {
        new_hmac(&self.digest_nonces)
    }

    /// The cipher for the credentials of Digest.
    pub(super) fn digest_credential_cipher(&self) -> AeadCipher {
        AeadCipher::new(&self.digest_credentials)
    }

    /// The HMAC for CSRF tokens.
    pub(super) fn csrf_hmac(&self) -> HmacSha256 {
        new_hmac(&self.csrf)
    }

    /// The HMAC for the credential cache's keys.
    pub(super) fn credential_hmac(&self) -> HmacSha256 {
        new_hmac(&self.credential_cache)
    }

    /// The cipher for the stored keys that sign JWTs.
    pub(super) fn signing_key_cipher(&self) -> AeadCipher {
        AeadCipher::new(&self.signing)
    }

    /// The cipher for what sign-ins leave for minutes in a database that nodes share.
    pub(super) fn short_lived_cipher(&self) -> AeadCipher {
        AeadCipher::new(&self.short_lived)
    }

    /// Tells whether two servers have the same secret, and nothing else of it.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The HMAC for the keys of the throttle's counters.
    pub(super) fn throttle_hmac(&self) -> HmacSha256 {
        new_hmac(&self.throttle)
    }

    /// The key of the bus, which all nodes with this secret share.
    pub fn bus_key(&self) -> BusKey {
        BusKey::from_secret(self.bus.as_slice())
    }

    /// The HMAC for device cookies.
    pub(super) fn device_hmac(&self) -> HmacSha256 {
        new_hmac(&self.device)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

fn new_hmac(key: &HmacKey) -> HmacSha256 {
    <HmacSha256 as KeyInit>::new(key.as_slice().into())
}

/// A key from the 32 bytes of an HMAC, padded with the zeros that HMAC itself would add (RFC 2104, 2).
fn derive_key(tag: HmacSha256) -> HmacKey {
    let mut key = HmacKey::new([0; 64]);
    key[..32].copy_from_slice(&tag.finalize().into_bytes());
    key
}
