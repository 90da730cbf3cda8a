use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::domain::Timestamp;
use crate::store::{AeadCipher, StoreError, fill_randomly};
use crate::tokens::SealedSigningKey;

/// The bytes of an Ed25519 private key (RFC 8032, 5.1.5).
const SEED_BYTES: usize = 32;

/// The bytes before them in PKCS#8 (RFC 8410, 7): version 0, id-Ed25519, an octet string in an octet string.
const PKCS8_HEAD: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// An Ed25519 key pair that signs JWTs. It never prints itself.
pub(super) struct SigningKey {
    pub(super) kid: String,
    pub(super) created_at: Timestamp,
    pub(super) encoding: EncodingKey,
    pub(super) decoding: DecodingKey,
    pub(super) public: Jwk,
}

/// The public keys as a JWK set, for `/.well-known/jwks.json` (RFC 7517, 5).
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct PublicKeys(pub(super) JwkSet);

impl SigningKey {
    /// A new key, and its sealed form for the store.
    pub(super) fn generate(cipher: &AeadCipher, now: Timestamp) -> Result<(Self, SealedSigningKey), StoreError> {
        let mut seed = Zeroizing::new([0; SEED_BYTES]);
        fill_randomly(seed.as_mut_slice())?;
        let key = Self::from_seed(&seed, now).map_err(|error| StoreError::NoRandomness(format!("no signing key: {error}")))?;
        let sealed = cipher.seal(key.kid.as_bytes(), seed.as_slice())?;
        let sealed = SealedSigningKey { kid: key.kid.clone(), sealed, created_at: now };
        Ok((key, sealed))
    }

    /// Unseals a stored key; `None` when it was sealed with another secret, or is damaged.
    pub(super) fn unseal(cipher: &AeadCipher, key: &SealedSigningKey) -> Option<Self> {
        let seed = cipher.open(key.kid.as_bytes(), &key.sealed)?;
        let opened = Self::from_seed(seed.as_slice().try_into().ok()?, key.created_at).ok()?;
        (opened.kid == key.kid).then_some(opened)
    }

    /// The key of a seed. Its id is the thumbprint of its public half (RFC 7638): nobody can give another key the same.
    fn from_seed(seed: &[u8; SEED_BYTES], created_at: Timestamp) -> jsonwebtoken::errors::Result<Self> {
        let pkcs8 = Zeroizing::new([PKCS8_HEAD.as_slice(), seed].concat());
        let encoding = EncodingKey::from_ed_der(&pkcs8);
        let mut public = Jwk::from_encoding_key(&encoding, Algorithm::EdDSA)?;
        let kid = public.thumbprint(ThumbprintHash::SHA256)?;
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        public.common.key_id = Some(kid.clone());
        let decoding = DecodingKey::from_jwk(&public)?;
        Ok(Self { kid, created_at, encoding, decoding, public })
    }
}
