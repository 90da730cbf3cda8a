use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use itertools::Itertools as _;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, Header, Validation};
use zeroize::Zeroizing;

use super::claims::{Claims, to_unix_seconds};
use super::encoded::EncodedJwt;
use super::key::{PublicKeys, SigningKey};
use crate::auth::Keys;
use crate::config::JwtSettings;
use crate::domain::{Clock, PersonEpoch, RootCredential, Timestamp};
use crate::store::{AeadCipher, StoreError, fill_randomly};
use crate::tokens::{SealedSigningKey, Tokens};

/// The audience of the tokens.
const AUDIENCE: &str = "belvedere";

/// How far the clock may have been set back between signing and verifying. Expiry has no leeway: signer and verifier
/// share one clock.
const LEEWAY: Duration = Duration::from_secs(5);

/// The time a key still verifies after its successor has begun to sign: longer than any token may last.
const VERIFY_AFTER_ROTATION: Duration = Duration::from_hours(2);

/// How old a key is when it begins to sign: every node has read it by then.
const SIGN_AFTER: Duration = Duration::from_mins(2);

/// The least time between two readings of the keys for ids that are not known: strangers make them up.
const RELOAD_INTERVAL: Duration = Duration::from_secs(1);

/// A snapshot of the keys.
pub(super) type KeyRing = Arc<Vec<Arc<SigningKey>>>;

/// Signs and verifies JWTs, and rotates their keys.
pub struct JwtSigner {
    tokens: Tokens,
    cipher: AeadCipher,
    clock: Arc<dyn Clock>,
    issuer: String,
    settings: JwtSettings,
    /// The keys, the oldest first.
    keys: RwLock<KeyRing>,
    /// When they were last read for an id that was not known.
    reloaded_at: tokio::sync::Mutex<Option<Timestamp>>,
}

/// Why a JWT is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::auth) enum JwtError {
    /// It is malformed, not signed by this server, or for another issuer, audience or time.
    Invalid,
    /// It has expired.
    Expired,
}

impl JwtSigner {
    /// Opens the keys that `tokens` stores, and generates one when there is none. `issuer` is the site's name in its
    /// tokens.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read or written, or the system has no randomness to give.
    pub async fn open(
        tokens: Tokens,
        keys: &Keys,
        settings: JwtSettings,
        issuer: String,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let cipher = keys.signing_key_cipher();
        let (keys, reloaded_at) = (RwLock::default(), tokio::sync::Mutex::default());
        let signer = Self { tokens, cipher, clock, issuer, settings, keys, reloaded_at };
        for sealed in signer.read_keys().await? {
            tracing::warn!(
                kid = sealed.kid,
                "a signing key was sealed with another secret_key, or is damaged: signed tokens from before are void"
            );
            signer.tokens.key_store().delete_signing_key(&sealed.kid).await?;
        }
        if signer.keys().is_empty() {
            signer.rotate().await?;
        }
        Ok(signer)
    }

    /// Reads the keys again, as other nodes rotate them.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read; the keys from before go on.
    pub async fn reload(&self) -> Result<(), StoreError> {
        self.read_keys().await.map(drop)
    }

    /// Reads the keys again if a token names one that is not known: another node may have made it a moment ago.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub(in crate::auth) async fn look_for_key_of(&self, text: &EncodedJwt) -> Result<(), StoreError> {
        let Some(kid) = jsonwebtoken::decode_header(text.expose()).ok().and_then(|sent| sent.kid) else { return Ok(()) };
        if self.keys().iter().any(|key| key.kid == kid) {
            return Ok(());
        }
        let mut reloaded_at = self.reloaded_at.lock().await;
        let now = self.clock.now();
        if reloaded_at.is_none_or(|last| now < last || now.since(last) >= RELOAD_INTERVAL) {
            // Also where it fails: made-up keys do not queue up while the store is slow.
            *reloaded_at = Some(now);
            self.reload().await?;
        }
        Ok(())
    }

    /// Reads the keys, and returns those that cannot be unsealed.
    async fn read_keys(&self) -> Result<Vec<SealedSigningKey>, StoreError> {
        let stored = self.tokens.key_store().signing_keys().await?;
        let known = self.keys();
        let unseal = |sealed: SealedSigningKey| match known.iter().find(|key| key.kid == sealed.kid) {
            Some(key) => Ok(Arc::clone(key)),
            None => SigningKey::unseal(&self.cipher, &sealed).map(Arc::new).ok_or(sealed),
        };
        let (keys, unreadable) = stored.into_iter().map(unseal).partition_result();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(unreadable)
    }

    /// Rotates the keys: adds a new one when the last is old enough, and deletes those whose last token has expired. To
    /// be called every minute or so, by one node.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written; the old keys go on.
    pub async fn rotate(&self) -> Result<(), StoreError> {
        self.reload().await?;
        let (now, keys) = (self.clock.now(), self.keys());
        // A key from the future is from before the clock was set back: it signs on, no longer than another would.
        if keys.last().is_none_or(|key| now.since(key.created_at) >= self.settings.rotate) {
            let (key, sealed) = SigningKey::generate(&self.cipher, now)?;
            self.tokens.key_store().insert_signing_key(&sealed).await?;
            self.update_keys(|keys| keys.push(Arc::new(key)));
        }
        for kid in self.retired(now) {
            self.tokens.key_store().delete_signing_key(&kid).await?;
            self.update_keys(|keys| keys.retain(|key| key.kid != kid));
        }
        Ok(())
    }

    /// The lifetime of a token.
    pub(in crate::auth) fn lifetime(&self) -> Duration {
        self.settings.lifetime
    }

    /// The public keys.
    pub fn public_keys(&self) -> PublicKeys {
        PublicKeys(JwkSet { keys: self.keys().iter().map(|key| key.public.clone()).collect() })
    }

    /// New claims, valid from now, without subject and scope.
    pub(in crate::auth) fn new_claims(&self) -> Result<Claims, StoreError> {
        let mut id = [0; 16];
        fill_randomly(&mut id)?;
        let now = self.clock.now();
        Ok(Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: String::new(),
            iat: to_unix_seconds(now),
            nbf: to_unix_seconds(now),
            exp: to_unix_seconds(now + self.settings.lifetime),
            jti: hex::encode(id),
            scope: String::new(),
            root: RootCredential::PerRequest,
            epoch: PersonEpoch::default(),
            second_factor_until: None,
        })
    }

    /// Signs claims.
    ///
    /// # Errors
    /// A text for the log; it would be a bug.
    pub(in crate::auth) fn sign(&self, claims: &Claims) -> Result<Zeroizing<String>, String> {
        let (now, keys) = (self.clock.now(), self.keys());
        // The newest that every node knows, or the first of all.
        let known = keys.iter().rev().find(|key| now.since(key.created_at) >= SIGN_AFTER);
        let key = known.or(keys.first()).ok_or("there is no key to sign with")?;
        let text = jsonwebtoken::encode(&header(&key.kid), claims, &key.encoding);
        text.map(Zeroizing::new).map_err(|error| format!("a token could not be signed: {error}"))
    }

    /// Verifies a token: its claims, if this server signed it for itself and its time is now.
    pub(in crate::auth) fn verify(&self, text: &EncodedJwt) -> Result<Claims, JwtError> {
        let sent = jsonwebtoken::decode_header(text.expose()).map_err(|_| JwtError::Invalid)?;
        let keys = self.keys();
        // The header must be the very one that is written here: no other algorithm, no key of its own, nothing
        // critical.
        let key = keys.iter().find(|key| header(&key.kid) == sent).ok_or(JwtError::Invalid)?;
        let decoded = jsonwebtoken::decode::<Claims>(text.expose(), &key.decoding, &self.validation());
        let claims = decoded.map_err(|_| JwtError::Invalid)?.claims;
        let now = self.clock.now();
        if to_unix_seconds(now + LEEWAY) < claims.nbf {
            return Err(JwtError::Invalid);
        }
        if to_unix_seconds(now) >= claims.exp { Err(JwtError::Expired) } else { Ok(claims) }
    }

    /// The library's checks, without times: it goes by the machine's clock, so they are checked here.
    fn validation(&self) -> Validation {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        (validation.validate_exp, validation.validate_nbf) = (false, false);
        validation
    }

    /// The ids of the keys that are not needed any more.
    fn retired(&self, now: Timestamp) -> Vec<String> {
        let keys = self.keys();
        let followed = keys.iter().zip(keys.iter().skip(1));
        let is_over = |next: &SigningKey| now.since(next.created_at) >= VERIFY_AFTER_ROTATION;
        followed.filter(|(_, next)| is_over(next)).map(|(key, _)| key.kid.clone()).collect()
    }

    pub(super) fn keys(&self) -> KeyRing {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn update_keys(&self, change: impl FnOnce(&mut Vec<Arc<SigningKey>>)) {
        change(Arc::make_mut(&mut self.keys.write().unwrap_or_else(PoisonError::into_inner)));
    }
}

/// The header of a token: the algorithm and the key's id.
fn header(kid: &str) -> Header {
    Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::EdDSA) }
}
