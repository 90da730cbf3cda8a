use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::domain::Timestamp;
use crate::store::StoreError;
use crate::tokens::SealedKey;

/// An Ed25519 private key is 32 random bytes (RFC 8032, 5.1.5).
const SEED_BYTES: usize = 32;

/// What stands before them in PKCS#8 (RFC 8410, 7): version 0, id-Ed25519, an octet string in an octet string.
const PKCS8_HEAD: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// The nonce of XChaCha20, long enough to be chosen by chance.
const NONCE_BYTES: usize = 24;

/// A key that signs, and what others verify with. It never prints itself.
pub(super) struct Key {
    pub(super) kid: String,
    pub(super) made_at: Timestamp,
    pub(super) encoding: EncodingKey,
    pub(super) decoding: DecodingKey,
    pub(super) public: Jwk,
}

/// The public keys, as `/.well-known/jwks.json` has them (RFC 7517, 5).
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct PublicKeys(pub(super) JwkSet);

impl Key {
    /// A new key, and the same sealed.
    pub(super) fn make(sealer: &XChaCha20Poly1305, now: Timestamp) -> Result<(Self, SealedKey), StoreError> {
        let (mut seed, mut nonce) = (Zeroizing::new([0; SEED_BYTES]), [0; NONCE_BYTES]);
        getrandom::fill(seed.as_mut_slice())
            .and_then(|()| getrandom::fill(&mut nonce))
            .map_err(|error| StoreError::NoRandomness(error.to_string()))?;
        let unmade =
            |reason: &dyn ToString| StoreError::NoRandomness(format!("no signing key: {}", reason.to_string()));
        let key = Self::of(&seed, now).map_err(|error| unmade(&error))?;
        let payload = Payload { msg: seed.as_slice(), aad: key.kid.as_bytes() };
        let encrypted = sealer.encrypt(XNonce::from_slice(&nonce), payload).map_err(|error| unmade(&error))?;
        let sealed = [nonce.as_slice(), &encrypted].concat();
        let sealed = SealedKey { kid: key.kid.clone(), sealed, made_at: now };
        Ok((key, sealed))
    }

    /// The key that was sealed; `None` when it was sealed with another secret, or is damaged.
    pub(super) fn unseal(sealer: &XChaCha20Poly1305, key: &SealedKey) -> Option<Self> {
        let (nonce, encrypted) = key.sealed.split_at_checked(NONCE_BYTES)?;
        let payload = Payload { msg: encrypted, aad: key.kid.as_bytes() };
        let seed = Zeroizing::new(sealer.decrypt(XNonce::from_slice(nonce), payload).ok()?);
        let opened = Self::of(seed.as_slice().try_into().ok()?, key.made_at).ok()?;
        (opened.kid == key.kid).then_some(opened)
    }

    /// Its name is the thumbprint of its public half (RFC 7638): nobody can give another key the same.
    fn of(seed: &[u8; SEED_BYTES], made_at: Timestamp) -> jsonwebtoken::errors::Result<Self> {
        let pkcs8 = Zeroizing::new([PKCS8_HEAD.as_slice(), seed].concat());
        let encoding = EncodingKey::from_ed_der(&pkcs8);
        let mut public = Jwk::from_encoding_key(&encoding, Algorithm::EdDSA)?;
        let kid = public.thumbprint(ThumbprintHash::SHA256)?;
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        public.common.key_id = Some(kid.clone());
        let decoding = DecodingKey::from_jwk(&public)?;
        Ok(Self { kid, made_at, encoding, decoding, public })
    }
}
