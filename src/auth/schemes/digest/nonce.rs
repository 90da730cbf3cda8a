use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac as _;

use crate::auth::{Keys, ShortLivedStore};
use crate::domain::{Clock, Timestamp};
use crate::store::{StoreError, fill_randomly};

/// The lifetime of a nonce: a captured response can be replayed no longer, and its count gives it away. Were it
/// shorter, devices that ask every few minutes would ask twice each time.
pub(super) const LIFETIME: Duration = Duration::from_mins(5);

/// How far in the future a nonce may be: a machine's clock is set back by no more, and those of nodes differ by no more.
pub(super) const MAX_CLOCK_SKEW: Duration = Duration::from_mins(6);

/// The most used nonces that are remembered: a megabyte. Beyond it the oldest become stale.
pub(super) const MAX_REMEMBERED: usize = 10_000;

const TIME_BYTES: usize = 8;
const RANDOM_BYTES: usize = 8;
/// The length of a nonce's tag: half of HMAC-SHA256, as RFC 2104, 5, allows.
const TAG_BYTES: usize = 16;
const NONCE_BYTES: usize = TIME_BYTES + RANDOM_BYTES + TAG_BYTES;

/// Generates and validates nonces, and remembers which counts of them were used.
pub(super) struct Nonces {
    clock: Arc<dyn Clock>,
    used: Box<dyn UsedNonceStore>,
}

/// Where used counts of nonces are remembered. Each method is atomic, so that several servers may share it. It fails with a
/// [`StoreError`] when the store cannot be asked.
#[async_trait]
pub(super) trait UsedNonceStore: Send + Sync {
    /// Nonces that were issued before this are stale: which of them were used is not known (any more).
    async fn valid_since(&self) -> Result<Timestamp, StoreError>;

    /// Uses one count of a nonce. `false` when it was used before, or the nonce is stale, or it is too far behind to tell: of two who
    /// use one at the same time, one gets `true`.
    async fn consume(&self, nonce: &Nonce, count: u32, now: Timestamp) -> Result<bool, StoreError>;
}

/// The used nonces of this process, in memory: a restart makes all stale.
struct MemoryUsedNonces(Mutex<UsedNonces>);

/// A nonce of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nonce {
    pub(super) issued_at: Timestamp,
    pub(super) random: [u8; RANDOM_BYTES],
}

/// The outcome of validating a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NonceCheck {
    Valid(Nonce),
    /// Too old, from before a restart, or not of this server: a new one is sent.
    Stale,
}

/// The nonces with a right response, by their random bytes.
struct UsedNonces {
    /// See [`UsedNonceStore::valid_since`].
    valid_since: Timestamp,
    windows: HashMap<[u8; RANDOM_BYTES], ReplayWindow>,
}

/// The used counts of a nonce, as a sliding window (like IPsec's, RFC 4303, 3.4.3).
#[derive(Clone, Copy)]
pub(super) struct ReplayWindow {
    pub(super) issued_at: Timestamp,
    pub(super) highest: u32,
    /// Bit `n` stands for the count `n` below the highest: a client's parallel requests may come out of order.
    pub(super) bitmap: u64,
}

impl Nonces {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let valid_since = clock.now();
        let used = UsedNonces { valid_since, windows: HashMap::new() };
        Self { clock, used: Box::new(MemoryUsedNonces(Mutex::new(used))) }
    }

    /// Nonces whose used counts all nodes share.
    pub(super) fn shared(clock: Arc<dyn Clock>, store: ShortLivedStore) -> Self {
        Self { clock, used: Box::new(store) }
    }

    /// A new nonce: the time, random bytes so that no two are the same, and an HMAC over both. Nothing is stored.
    pub(super) fn generate(&self, keys: &Keys) -> Result<String, StoreError> {
        let mut random = [0; RANDOM_BYTES];
        fill_randomly(&mut random)?;
        let mut bytes = [0; NONCE_BYTES];
        bytes[..TIME_BYTES].copy_from_slice(&self.clock.now().as_millis().to_be_bytes());
        bytes[TIME_BYTES..TIME_BYTES + RANDOM_BYTES].copy_from_slice(&random);
        let tag = keys.digest_nonce_hmac().chain_update(&bytes[..TIME_BYTES + RANDOM_BYTES]).finalize().into_bytes();
        bytes[TIME_BYTES + RANDOM_BYTES..].copy_from_slice(&tag[..TAG_BYTES]);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Validates a nonce that a client sent.
    ///
    /// # Errors
    /// [`StoreError`] when nobody can say which were used.
    pub(super) async fn validate(&self, sent: &str, keys: &Keys) -> Result<NonceCheck, StoreError> {
        let Some(nonce) = decode(sent, keys) else { return Ok(NonceCheck::Stale) };
        let now = self.clock.now();
        let valid_since = self.used.valid_since().await?;
        let is_valid =
            nonce.issued_at >= valid_since && nonce.issued_at <= now + MAX_CLOCK_SKEW && now < nonce.issued_at + LIFETIME;
        Ok(if is_valid { NonceCheck::Valid(nonce) } else { NonceCheck::Stale })
    }

    /// Consumes one count of a nonce; `false` when it was used before, or is too far behind to tell. Only to be called
    /// for a right response: what strangers make up is not remembered.
    ///
    /// # Errors
    /// [`StoreError`] when nobody can say whether it was.
    pub(super) async fn consume(&self, nonce: &Nonce, count: u32) -> Result<bool, StoreError> {
        self.used.consume(nonce, count, self.clock.now()).await
    }
}

#[async_trait]
impl UsedNonceStore for MemoryUsedNonces {
    async fn valid_since(&self) -> Result<Timestamp, StoreError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).valid_since)
    }

    async fn consume(&self, nonce: &Nonce, count: u32, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).consume(nonce, count, now))
    }
}

impl UsedNonces {
    fn consume(&mut self, nonce: &Nonce, count: u32, now: Timestamp) -> bool {
        if nonce.issued_at < self.valid_since {
            return false;
        }
        if let Some(window) = self.windows.get_mut(&nonce.random) {
            return window.consume(count);
        }
        self.evict(now);
        if nonce.issued_at < self.valid_since {
            return false;
        }
        self.windows.insert(nonce.random, ReplayWindow { issued_at: nonce.issued_at, highest: count, bitmap: 0 });
        true
    }

    /// Removes stale nonces, and when that is not enough makes the older half stale.
    fn evict(&mut self, now: Timestamp) {
        if self.windows.len() < MAX_REMEMBERED {
            return;
        }
        self.windows.retain(|_, window| now < window.issued_at + LIFETIME);
        if self.windows.len() < MAX_REMEMBERED {
            return;
        }
        let mut times: Vec<Timestamp> = self.windows.values().map(|window| window.issued_at).collect();
        times.sort_unstable();
        // Just after the middle one, so that some go even if all were issued together.
        self.valid_since = times.get(times.len() / 2).map_or(now, |middle| *middle + Duration::from_millis(1));
        let valid_since = self.valid_since;
        self.windows.retain(|_, window| window.issued_at >= valid_since);
    }
}

impl ReplayWindow {
    pub(super) fn consume(&mut self, count: u32) -> bool {
        if count > self.highest {
            let by = count - self.highest;
            // The previous highest gets its bit.
            self.bitmap = self.bitmap.checked_shl(by).unwrap_or(0) | 1_u64.checked_shl(by).unwrap_or(0);
            self.highest = count;
            return true;
        }
        let Some(bit) = 1_u64.checked_shl(self.highest - count).filter(|_| count < self.highest) else { return false };
        let is_new = self.bitmap & bit == 0;
        self.bitmap |= bit;
        is_new
    }
}

fn decode(sent: &str, keys: &Keys) -> Option<Nonce> {
    let mut bytes = [0; NONCE_BYTES];
    // The length first, so that rubbish costs nothing.
    if sent.len() != NONCE_BYTES.div_ceil(3) * 4 - 1 || URL_SAFE_NO_PAD.decode_slice(sent, &mut bytes) != Ok(NONCE_BYTES) {
        return None;
    }
    let (body, tag) = bytes.split_at(TIME_BYTES + RANDOM_BYTES);
    keys.digest_nonce_hmac().chain_update(body).verify_truncated_left(tag).ok()?;
    let (time, random) = body.split_at(TIME_BYTES);
    let issued_at = Timestamp::from_millis(i64::from_be_bytes(time.try_into().ok()?));
    Some(Nonce { issued_at, random: random.try_into().ok()? })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::ManualClock;

    const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);

    struct NonceFixture {
        clock: Arc<ManualClock>,
        keys: Keys,
        nonces: Nonces,
    }

    impl NonceFixture {
        fn new() -> Self {
            let clock = Arc::new(ManualClock::at(START));
            let nonces = Nonces::new(Arc::clone(&clock) as Arc<dyn Clock>);
            Self { clock, keys: Keys::from_secret(&[7; 32]), nonces }
        }

        async fn consume(&self, nonce: &Nonce, count: u32) -> bool {
            self.nonces.consume(nonce, count).await.unwrap()
        }

        fn make(&self) -> String {
            self.nonces.generate(&self.keys).unwrap()
        }

        async fn good(&self, sent: &str) -> Option<Nonce> {
            match self.nonces.validate(sent, &self.keys).await.unwrap() {
                NonceCheck::Valid(nonce) => Some(nonce),
                NonceCheck::Stale => None,
            }
        }
    }

    #[tokio::test]
    async fn a_nonce_is_good_for_minutes_and_only_if_it_was_ours() {
        let fixture = NonceFixture::new();
        let nonce = fixture.make();
        assert!(fixture.good(&nonce).await.is_some());
        assert_ne!(nonce, fixture.make());
        let forged = Keys::from_secret(&[8; 32]);
        let foreign = fixture.nonces.generate(&forged).unwrap();
        assert_eq!(fixture.nonces.validate(&foreign, &fixture.keys).await.unwrap(), NonceCheck::Stale);
        for rubbish in ["", "A", &nonce[1..], &format!("{nonce}A"), &"A".repeat(43), &"é".repeat(21)] {
            assert!(fixture.good(rubbish).await.is_none(), "{rubbish}");
        }
        fixture.clock.advance(LIFETIME);
        assert!(fixture.good(&nonce).await.is_none());
    }

    #[tokio::test]
    async fn each_count_is_good_once_in_any_near_order() {
        let fixture = NonceFixture::new();
        let nonce = fixture.good(&fixture.make()).await.unwrap();
        for (count, is_new) in [
            (1, true),
            (1, false),
            (3, true),
            (2, true),
            (2, false),
            (3, false),
            (70, true),
            (69, true),
            (69, false),
            (6, false),
            (7, true),
        ] {
            assert_eq!(fixture.consume(&nonce, count).await, is_new, "{count}");
        }
        assert!(fixture.consume(&nonce, u32::MAX).await && !fixture.consume(&nonce, 71).await);
    }

    #[tokio::test]
    async fn a_restart_makes_every_nonce_stale_since_nobody_knows_what_was_used() {
        let mut fixture = NonceFixture::new();
        let nonce = fixture.make();
        fixture.clock.advance(Duration::from_secs(1));
        fixture.nonces = Nonces::new(Arc::clone(&fixture.clock) as Arc<dyn Clock>);
        assert!(fixture.good(&nonce).await.is_none());
    }

    #[tokio::test]
    async fn memory_is_bounded_and_what_is_forgotten_is_stale_and_not_good_again() {
        let fixture = NonceFixture::new();
        let first = fixture.make();
        assert!(fixture.consume(&fixture.good(&first).await.unwrap(), 1).await);
        for _ in 0..2 * MAX_REMEMBERED {
            fixture.clock.advance(Duration::from_millis(1));
            let nonce = fixture.good(&fixture.make()).await.unwrap();
            assert!(fixture.consume(&nonce, 1).await);
        }
        assert!(fixture.good(&first).await.is_none(), "a forgotten nonce could be replayed");
        let last = fixture.good(&fixture.make()).await.unwrap();
        assert!(fixture.consume(&last, 1).await && !fixture.consume(&last, 1).await);
    }
}
