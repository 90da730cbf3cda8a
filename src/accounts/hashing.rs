use std::fmt::Display;
use std::sync::Arc;

use argon2::password_hash::{Ident, PasswordHash, PasswordHasher, SaltString};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, Version};
use tokio::sync::{OnceCell, Semaphore};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::domain::Password;
use crate::store::{StoreError, fill_randomly};

/// The parameters of Argon2id, OWASP's minimum (Password Storage Cheat Sheet): 19 MiB, two passes, one lane. Some 20 ms of
/// one core.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The salt's length: 16 bytes are enough for unique salts (RFC 9106, 3.1).
const SALT_BYTES: usize = 16;

/// The most hashes computed at the same time: 76 MiB, and no more of the machine's cores than pages can spare.
const MAX_CONCURRENT: usize = 4;

/// The most hashes that are computed or queued. Far fewer than directory sign-ins at once: a flood of local names must not
/// take the places of those who sign in elsewhere.
const MAX_QUEUED: usize = 16;

/// Password hashing with Argon2id, on threads beside those that answer requests.
#[derive(Clone)]
pub(super) struct PasswordHashing {
    permits: Arc<Semaphore>,
    queue_slots: Arc<Semaphore>,
    /// The hash of a random password, to verify against when there is no such account.
    dummy_hash: Arc<OnceCell<String>>,
    /// The number of hashes computed.
    #[cfg(test)]
    pub(super) computed: Arc<std::sync::atomic::AtomicUsize>,
}

/// The result of verifying a password against a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HashMatch {
    /// The password is another.
    Mismatch,
    /// The password is that one.
    Match,
    /// The password is that one, and the hash was made with less than today's cost.
    MatchOutdated,
}

impl PasswordHashing {
    pub(super) fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(MAX_CONCURRENT)),
            queue_slots: Arc::new(Semaphore::new(MAX_QUEUED)),
            dummy_hash: Arc::default(),
            #[cfg(test)]
            computed: Arc::default(),
        }
    }

    /// Hashes a new password; the result is a PHC string.
    pub(super) async fn hash(&self, password: &Password) -> Result<String, StoreError> {
        let password = normalize_password(password);
        self.compute(move || hash(&password)).await
    }

    /// Verifies a password against a hash. Without one, as much is computed and the result is a mismatch.
    pub(super) async fn verify(&self, password: &Password, hash: Option<String>) -> Result<HashMatch, StoreError> {
        let somebodys = hash.is_some();
        let hash = match hash {
            Some(hash) => hash,
            None => self.dummy_hash().await?.to_owned(),
        };
        let password = normalize_password(password);
        let compared = self.compute(move || verify(&password, &hash)).await?;
        Ok(if somebodys { compared } else { HashMatch::Mismatch })
    }

    /// The dummy hash. It is made before it is needed, so that the first unknown name takes no longer than the next.
    pub(super) async fn dummy_hash(&self) -> Result<&str, StoreError> {
        let make = || async {
            let mut secret = Zeroizing::new([0; 32]);
            fill_randomly(secret.as_mut_slice())?;
            self.compute(move || hash(&Zeroizing::new(hex::encode(secret.as_slice())))).await
        };
        self.dummy_hash.get_or_try_init(make).await.map(String::as_str)
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        #[cfg(test)]
        self.computed.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let too_many = |_| hashing_error(&format!("{MAX_QUEUED} passwords are being checked already; try again in a moment"));
        let _place = self.queue_slots.try_acquire().map_err(too_many)?;
        let permits = Arc::clone(&self.permits);
        // The semaphore is never closed.
        let permit = permits.acquire_owned().await.map_err(|error| hashing_error(&error))?;
        let done = tokio::task::spawn_blocking(move || {
            // Kept until the work is done, even if the caller has gone away.
            let _permit = permit;
            work()
        });
        done.await.map_err(|error| hashing_error(&error))?
    }
}

/// Normalizes a password for hashing (RFC 8265, 4.2.2), so that it is the same from any keyboard: spaces are spaces and
/// composed letters are one.
pub fn normalize_password(password: &Password) -> Zeroizing<String> {
    // Canonical composition triples the bytes at the most (Unicode Standard Annex 15); growing would leave copies behind.
    let mut prepared = Zeroizing::new(String::with_capacity(3 * password.expose().len()));
    let spaced = password.expose().chars().map(|c| if c.is_whitespace() && !c.is_control() { ' ' } else { c });
    prepared.extend(spaced.nfc());
    prepared
}

fn argon2() -> Result<Argon2<'static>, StoreError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| hashing_error(&error))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &Zeroizing<String>) -> Result<String, StoreError> {
    let mut salt = [0; SALT_BYTES];
    fill_randomly(&mut salt)?;
    let salt = SaltString::encode_b64(&salt).map_err(|error| hashing_error(&error))?;
    let hash = argon2()?.hash_password(password.as_bytes(), &salt).map_err(|error| hashing_error(&error))?;
    Ok(hash.to_string())
}

fn verify(password: &Zeroizing<String>, hash: &str) -> Result<HashMatch, StoreError> {
    use argon2::password_hash::Error;
    use argon2::password_hash::PasswordVerifier as _;
    let hash = PasswordHash::new(hash).map_err(|error| hashing_error(&error))?;
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(hashing_error(&"the store has half a hash"));
    }
    // With the cost that the hash was made with; the comparison itself takes the same time however much of it is right.
    match argon2()?.verify_password(password.as_bytes(), &hash) {
        Ok(()) if is_outdated(&hash) => Ok(HashMatch::MatchOutdated),
        Ok(()) => Ok(HashMatch::Match),
        Err(Error::Password) => Ok(HashMatch::Mismatch),
        Err(error) => Err(hashing_error(&error)),
    }
}

fn is_outdated(hash: &PasswordHash<'_>) -> bool {
    const IDENT: Ident<'_> = ARGON2ID_IDENT;
    let cheap = Params::try_from(hash)
        .is_ok_and(|params| params.m_cost() < MEMORY_KIB || params.t_cost() < PASSES || params.p_cost() < LANES);
    hash.algorithm != IDENT || cheap
}

fn hashing_error(reason: &impl Display) -> StoreError {
    StoreError::Hashing(reason.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::parse(text.to_owned()).unwrap()
    }

    #[tokio::test]
    async fn a_hash_knows_its_password_and_no_other() {
        let hashing = PasswordHashing::new();
        let hash = hashing.hash(&password("lamp otter gravel")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let compared = |text: &str| {
            let (hashing, hash, password) = (hashing.clone(), hash.clone(), password(text));
            async move { hashing.verify(&password, Some(hash)).await.unwrap() }
        };
        assert_eq!(compared("lamp otter gravel").await, HashMatch::Match);
        assert_eq!(compared("lamp\u{a0}otter\u{3000}gravel").await, HashMatch::Match, "a space is a space");
        assert_eq!(compared("lamp otter grave").await, HashMatch::Mismatch);
        assert_eq!(compared("Lamp otter gravel").await, HashMatch::Mismatch);
        assert_ne!(hash, hashing.hash(&password("lamp otter gravel")).await.unwrap(), "every hash has its own salt");
    }

    #[tokio::test]
    async fn a_letter_may_be_typed_composed_or_in_parts() {
        let hashing = PasswordHashing::new();
        let hash = hashing.hash(&password("trübe Aussicht am Büro")).await.unwrap();
        let in_parts = password("tru\u{308}be Aussicht am Bu\u{308}ro");
        assert_eq!(hashing.verify(&in_parts, Some(hash)).await.unwrap(), HashMatch::Match);
    }

    #[tokio::test]
    async fn nobody_has_a_password_and_the_answer_takes_the_same_work() {
        let hashing = PasswordHashing::new();
        assert!(hashing.dummy_hash().await.unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(hashing.verify(&password("anything at all"), None).await.unwrap(), HashMatch::Mismatch);
    }

    #[tokio::test]
    async fn a_hash_of_less_than_todays_cost_is_outdated_and_one_that_is_none_is_a_fault() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8 * 1024, 1, 1, None).unwrap());
        let salt = SaltString::encode_b64(&[7; SALT_BYTES]).unwrap();
        let hash = weak.hash_password(b"lamp otter gravel", &salt).unwrap().to_string();
        let hashing = PasswordHashing::new();
        let typed = password("lamp otter gravel");
        assert_eq!(hashing.verify(&typed, Some(hash)).await.unwrap(), HashMatch::MatchOutdated);
        assert!(hashing.verify(&typed, Some("$argon2id$rubbish".to_owned())).await.is_err());
    }
}
