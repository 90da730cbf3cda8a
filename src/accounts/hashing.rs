use std::fmt::Display;
use std::sync::Arc;

use argon2::password_hash::{Ident, PasswordHash, PasswordHasher, SaltString};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, Version};
use tokio::sync::{OnceCell, Semaphore};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::domain::Password;
use crate::store::{StoreError, fill_randomly};

/// OWASP's least for Argon2id (Password Storage Cheat Sheet): 19 MiB, two passes, one lane. Some 20 ms of one core.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// RFC 9106, 3.1: 16 bytes are enough for everybody's salt to be their own.
const SALT_BYTES: usize = 16;

/// How many are computed at the same time: 76 MiB, and no more of the machine's cores than pages can spare.
const AT_ONCE: usize = 4;

/// How many are computed or wait for it. Far fewer than may ask directories at once: whoever floods local names must not
/// take the places of those who sign in elsewhere.
const MOST_WAITING: usize = 16;

/// Hashes passwords, beside the threads that answer requests.
#[derive(Clone)]
pub(super) struct Hashing {
    permits: Arc<Semaphore>,
    places: Arc<Semaphore>,
    /// A hash of nothing anybody knows, for names that nobody has.
    nobodys: Arc<OnceCell<String>>,
    /// How often anything was computed.
    #[cfg(test)]
    pub(super) computed: Arc<std::sync::atomic::AtomicUsize>,
}

/// What came of comparing a password with a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// It is another password.
    Differs,
    /// It is that one.
    Same,
    /// It is that one, and the hash was made with less than today's cost.
    SameAndOutdated,
}

impl Hashing {
    pub(super) fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            places: Arc::new(Semaphore::new(MOST_WAITING)),
            nobodys: Arc::default(),
            #[cfg(test)]
            computed: Arc::default(),
        }
    }

    /// The hash of a new password, as a PHC string.
    pub(super) async fn hash(&self, password: &Password) -> Result<String, StoreError> {
        let password = prepared(password);
        self.compute(move || hash(&password)).await
    }

    /// Compares a password with a hash. Without one, as much is computed and the answer is no.
    pub(super) async fn compare(&self, password: &Password, hash: Option<String>) -> Result<Compared, StoreError> {
        let somebodys = hash.is_some();
        let hash = match hash {
            Some(hash) => hash,
            None => self.nobodys().await?.to_owned(),
        };
        let password = prepared(password);
        let compared = self.compute(move || compare(&password, &hash)).await?;
        Ok(if somebodys { compared } else { Compared::Differs })
    }

    /// Made before it is needed, so that the first unknown name takes no longer than the next.
    pub(super) async fn nobodys(&self) -> Result<&str, StoreError> {
        let make = || async {
            let mut secret = Zeroizing::new([0; 32]);
            fill_randomly(secret.as_mut_slice())?;
            self.compute(move || hash(&Zeroizing::new(hex::encode(secret.as_slice())))).await
        };
        self.nobodys.get_or_try_init(make).await.map(String::as_str)
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        #[cfg(test)]
        self.computed.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let too_many =
            |_| failed(&format!("{MOST_WAITING} passwords are being checked already; try again in a moment"));
        let _place = self.places.try_acquire().map_err(too_many)?;
        let permits = Arc::clone(&self.permits);
        // Nobody closes it.
        let permit = permits.acquire_owned().await.map_err(|error| failed(&error))?;
        let done = tokio::task::spawn_blocking(move || {
            // Kept until the work is done, even if whoever asked has gone away.
            let _permit = permit;
            work()
        });
        done.await.map_err(|error| failed(&error))?
    }
}

/// A password as it is hashed: whatever keyboard it comes from (RFC 8265, 4.2.2), spaces are spaces and composed letters
/// are one.
pub fn prepared(password: &Password) -> Zeroizing<String> {
    // Canonical composition triples the bytes at the most (Unicode Standard Annex 15); growing would leave copies behind.
    let mut prepared = Zeroizing::new(String::with_capacity(3 * password.expose().len()));
    let spaced = password.expose().chars().map(|c| if c.is_whitespace() && !c.is_control() { ' ' } else { c });
    prepared.extend(spaced.nfc());
    prepared
}

fn argon2() -> Result<Argon2<'static>, StoreError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| failed(&error))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &Zeroizing<String>) -> Result<String, StoreError> {
    let mut salt = [0; SALT_BYTES];
    fill_randomly(&mut salt)?;
    let salt = SaltString::encode_b64(&salt).map_err(|error| failed(&error))?;
    let hash = argon2()?.hash_password(password.as_bytes(), &salt).map_err(|error| failed(&error))?;
    Ok(hash.to_string())
}

fn compare(password: &Zeroizing<String>, hash: &str) -> Result<Compared, StoreError> {
    use argon2::password_hash::Error;
    use argon2::password_hash::PasswordVerifier as _;
    let hash = PasswordHash::new(hash).map_err(|error| failed(&error))?;
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(failed(&"the store has half a hash"));
    }
    // With the cost that the hash was made with; the comparison itself takes the same time however much of it is right.
    match argon2()?.verify_password(password.as_bytes(), &hash) {
        Ok(()) if is_outdated(&hash) => Ok(Compared::SameAndOutdated),
        Ok(()) => Ok(Compared::Same),
        Err(Error::Password) => Ok(Compared::Differs),
        Err(error) => Err(failed(&error)),
    }
}

fn is_outdated(hash: &PasswordHash<'_>) -> bool {
    const IDENT: Ident<'_> = ARGON2ID_IDENT;
    let cheap = Params::try_from(hash)
        .is_ok_and(|params| params.m_cost() < MEMORY_KIB || params.t_cost() < PASSES || params.p_cost() < LANES);
    hash.algorithm != IDENT || cheap
}

fn failed(reason: &impl Display) -> StoreError {
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
        let hashing = Hashing::new();
        let hash = hashing.hash(&password("lamp otter gravel")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let compared = |text: &str| {
            let (hashing, hash, password) = (hashing.clone(), hash.clone(), password(text));
            async move { hashing.compare(&password, Some(hash)).await.unwrap() }
        };
        assert_eq!(compared("lamp otter gravel").await, Compared::Same);
        assert_eq!(compared("lamp\u{a0}otter\u{3000}gravel").await, Compared::Same, "a space is a space");
        assert_eq!(compared("lamp otter grave").await, Compared::Differs);
        assert_eq!(compared("Lamp otter gravel").await, Compared::Differs);
        assert_ne!(hash, hashing.hash(&password("lamp otter gravel")).await.unwrap(), "every hash has its own salt");
    }

    #[tokio::test]
    async fn a_letter_may_be_typed_composed_or_in_parts() {
        let hashing = Hashing::new();
        let hash = hashing.hash(&password("trübe Aussicht am Büro")).await.unwrap();
        let in_parts = password("tru\u{308}be Aussicht am Bu\u{308}ro");
        assert_eq!(hashing.compare(&in_parts, Some(hash)).await.unwrap(), Compared::Same);
    }

    #[tokio::test]
    async fn nobody_has_a_password_and_the_answer_takes_the_same_work() {
        let hashing = Hashing::new();
        assert!(hashing.nobodys().await.unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(hashing.compare(&password("anything at all"), None).await.unwrap(), Compared::Differs);
    }

    #[tokio::test]
    async fn a_hash_of_less_than_todays_cost_is_outdated_and_one_that_is_none_is_a_fault() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8 * 1024, 1, 1, None).unwrap());
        let salt = SaltString::encode_b64(&[7; SALT_BYTES]).unwrap();
        let hash = weak.hash_password(b"lamp otter gravel", &salt).unwrap().to_string();
        let hashing = Hashing::new();
        let typed = password("lamp otter gravel");
        assert_eq!(hashing.compare(&typed, Some(hash)).await.unwrap(), Compared::SameAndOutdated);
        assert!(hashing.compare(&typed, Some("$argon2id$rubbish".to_owned())).await.is_err());
    }
}
