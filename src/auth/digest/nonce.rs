use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac as _;

use crate::auth::Keys;
use crate::domain::{Clock, Timestamp};
use crate::store::{StoreError, fill_randomly};

/// A captured proof can be tried again no longer than this, and then its count gives it away. Shorter, and devices that
/// ask every few minutes would ask twice each time.
const LASTS: Duration = Duration::from_mins(5);

/// Clocks of one machine differ from themselves by no more when they are set.
const AHEAD: Duration = Duration::from_mins(1);

/// So many nonces with a good answer are remembered at a time: a megabyte. Beyond it the oldest become stale.
const MOST_REMEMBERED: usize = 10_000;

const TIME: usize = 8;
const CHANCE: usize = 8;
/// Half of HMAC-SHA256, as RFC 2104, 5, allows.
const TAG: usize = 16;
const BYTES: usize = TIME + CHANCE + TAG;

/// Makes nonces, knows its own again, and remembers which counts of them were used.
pub(super) struct Nonces {
    clock: Arc<dyn Clock>,
    book: Mutex<Book>,
}

/// A nonce of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nonce {
    given_out: Timestamp,
    chance: [u8; CHANCE],
}

/// What a nonce that somebody sends is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Good(Nonce),
    /// Too old, of another start of the program, or never ours: a new one is given out.
    Stale,
}

struct Book {
    /// What was given out before this is stale: nothing is known (any more) of what was used then.
    from: Timestamp,
    used: HashMap<[u8; CHANCE], Used>,
}

/// Which counts of a nonce were used.
#[derive(Clone, Copy)]
struct Used {
    given_out: Timestamp,
    highest: u32,
    /// The bit `n` stands for the count `n` below the highest. A client with several connections may overtake itself.
    before: u64,
}

impl Nonces {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let from = clock.now();
        Self { clock, book: Mutex::new(Book { from, used: HashMap::new() }) }
    }

    /// A new one: the time, some chance so that no two are the same, and a tag over both. Nothing is kept of it.
    pub(super) fn make(&self, keys: &Keys) -> Result<String, StoreError> {
        let mut chance = [0; CHANCE];
        fill_randomly(&mut chance)?;
        let mut bytes = [0; BYTES];
        bytes[..TIME].copy_from_slice(&self.clock.now().as_millis().to_be_bytes());
        bytes[TIME..TIME + CHANCE].copy_from_slice(&chance);
        let tag = keys.digest_nonce().chain_update(&bytes[..TIME + CHANCE]).finalize().into_bytes();
        bytes[TIME + CHANCE..].copy_from_slice(&tag[..TAG]);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What a nonce is worth that somebody sends.
    pub(super) fn judge(&self, sent: &str, keys: &Keys) -> Judged {
        let Some(nonce) = read(sent, keys) else { return Judged::Stale };
        let now = self.clock.now();
        let from = self.book.lock().unwrap_or_else(PoisonError::into_inner).from;
        let is_good = nonce.given_out >= from && nonce.given_out <= now + AHEAD && now < nonce.given_out + LASTS;
        if is_good { Judged::Good(nonce) } else { Judged::Stale }
    }

    /// Uses up one count of a nonce; `false` when it was used before, or is so far behind that nobody knows. Only to be
    /// called for a good answer: what strangers make up is not remembered.
    pub(super) fn spend(&self, nonce: &Nonce, count: u32) -> bool {
        let now = self.clock.now();
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        if nonce.given_out < book.from {
            return false;
        }
        if let Some(used) = book.used.get_mut(&nonce.chance) {
            return used.spend(count);
        }
        book.make_room(now);
        if nonce.given_out < book.from {
            return false;
        }
        book.used.insert(nonce.chance, Used { given_out: nonce.given_out, highest: count, before: 0 });
        true
    }
}

impl Book {
    /// Forgets what is stale, and when that is not enough makes the older half stale.
    fn make_room(&mut self, now: Timestamp) {
        if self.used.len() < MOST_REMEMBERED {
            return;
        }
        self.used.retain(|_, used| now < used.given_out + LASTS);
        if self.used.len() < MOST_REMEMBERED {
            return;
        }
        let mut times: Vec<Timestamp> = self.used.values().map(|used| used.given_out).collect();
        times.sort_unstable();
        // Just behind the middle one, so that some go even if all were given out together.
        self.from = times.get(times.len() / 2).map_or(now, |middle| *middle + Duration::from_millis(1));
        let from = self.from;
        self.used.retain(|_, used| used.given_out >= from);
    }
}

impl Used {
    fn spend(&mut self, count: u32) -> bool {
        if count > self.highest {
            let by = count - self.highest;
            // The highest until now takes its place among those before.
            self.before = self.before.checked_shl(by).unwrap_or(0) | 1_u64.checked_shl(by).unwrap_or(0);
            self.highest = count;
            return true;
        }
        let Some(bit) = 1_u64.checked_shl(self.highest - count).filter(|_| count < self.highest) else { return false };
        let is_new = self.before & bit == 0;
        self.before |= bit;
        is_new
    }
}

fn read(sent: &str, keys: &Keys) -> Option<Nonce> {
    let mut bytes = [0; BYTES];
    // The length first, so that rubbish costs nothing.
    if sent.len() != BYTES.div_ceil(3) * 4 - 1 || URL_SAFE_NO_PAD.decode_slice(sent, &mut bytes) != Ok(BYTES) {
        return None;
    }
    let (body, tag) = bytes.split_at(TIME + CHANCE);
    keys.digest_nonce().chain_update(body).verify_truncated_left(tag).ok()?;
    let (time, chance) = body.split_at(TIME);
    let given_out = Timestamp::from_millis(i64::from_be_bytes(time.try_into().ok()?));
    Some(Nonce { given_out, chance: chance.try_into().ok()? })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::ManualClock;

    const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);

    struct House {
        clock: Arc<ManualClock>,
        keys: Keys,
        nonces: Nonces,
    }

    impl House {
        fn new() -> Self {
            let clock = Arc::new(ManualClock::at(START));
            let nonces = Nonces::new(Arc::clone(&clock) as Arc<dyn Clock>);
            Self { clock, keys: Keys::from_secret(&[7; 32]), nonces }
        }

        fn make(&self) -> String {
            self.nonces.make(&self.keys).unwrap()
        }

        fn good(&self, sent: &str) -> Option<Nonce> {
            match self.nonces.judge(sent, &self.keys) {
                Judged::Good(nonce) => Some(nonce),
                Judged::Stale => None,
            }
        }
    }

    #[test]
    fn a_nonce_is_good_for_minutes_and_only_if_it_was_ours() {
        let house = House::new();
        let nonce = house.make();
        assert!(house.good(&nonce).is_some());
        assert_ne!(nonce, house.make());
        let forged = Keys::from_secret(&[8; 32]);
        assert_eq!(house.nonces.judge(&house.nonces.make(&forged).unwrap(), &house.keys), Judged::Stale);
        for rubbish in ["", "A", &nonce[1..], &format!("{nonce}A"), &"A".repeat(43), &"é".repeat(21)] {
            assert!(house.good(rubbish).is_none(), "{rubbish}");
        }
        house.clock.advance(LASTS);
        assert!(house.good(&nonce).is_none());
    }

    #[test]
    fn each_count_is_good_once_in_any_near_order() {
        let house = House::new();
        let nonce = house.good(&house.make()).unwrap();
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
            assert_eq!(house.nonces.spend(&nonce, count), is_new, "{count}");
        }
        assert!(house.nonces.spend(&nonce, u32::MAX) && !house.nonces.spend(&nonce, 71));
    }

    #[test]
    fn a_restart_makes_every_nonce_stale_since_nobody_knows_what_was_used() {
        let mut house = House::new();
        let nonce = house.make();
        house.clock.advance(Duration::from_secs(1));
        house.nonces = Nonces::new(Arc::clone(&house.clock) as Arc<dyn Clock>);
        assert!(house.good(&nonce).is_none());
    }

    #[test]
    fn memory_is_bounded_and_what_is_forgotten_is_stale_and_not_good_again() {
        let house = House::new();
        let first = house.make();
        assert!(house.nonces.spend(&house.good(&first).unwrap(), 1));
        for _ in 0..2 * MOST_REMEMBERED {
            house.clock.advance(Duration::from_millis(1));
            let nonce = house.good(&house.make()).unwrap();
            assert!(house.nonces.spend(&nonce, 1));
            assert!(house.nonces.book.lock().unwrap().used.len() <= MOST_REMEMBERED);
        }
        assert!(house.good(&first).is_none(), "a forgotten nonce could be replayed");
        let last = house.good(&house.make()).unwrap();
        assert!(house.nonces.spend(&last, 1) && !house.nonces.spend(&last, 1));
    }
}
