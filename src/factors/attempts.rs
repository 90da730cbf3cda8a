use std::time::Duration;

use crate::domain::{Network, Timestamp};

/// The wrong codes from one place without a wait: a few slips of the thumb.
const FREE_ATTEMPTS: u32 = 5;

/// The wrong codes from all places of a kind together without a wait: more than one network comes to in a day, so that it alone
/// takes nobody's tries.
const FREE_ATTEMPTS_TOGETHER: u32 = 20;

/// The wait after that, doubled with each wrong code …
const FIRST_WAIT: Duration = Duration::from_secs(30);

/// … up to this, in a familiar browser and for all places of a kind together. These are at most 49 codes on the first day, and 27
/// on any other: 10,000 a year. With three codes of a million right at any moment, whoever has the password guesses one within a
/// year with a chance of 3 %, and has an even chance after 23 years. A thief with a mark of the owner's browser, too, has as many
/// again.
const MAX_WAIT: Duration = Duration::from_hours(1);

/// … up to this, from one unfamiliar network: it takes a quarter of what all together have.
const MAX_NETWORK_WAIT: Duration = Duration::from_hours(4);

/// The time after the last wrong code when a count begins anew; longer than any wait.
pub const ATTEMPTS_LAPSE: Duration = Duration::from_hours(24);

/// The most networks that wrong codes of one person are counted by: whoever has the password and many networks fills no more.
/// Those that were used last stay, and so do the counts of all together.
pub(super) const MAX_NETWORKS: i64 = 256;

/// Where a code is typed. Each place has tries of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CodeOrigin {
    /// A browser in which this person has signed in before, by a digest of its device cookie.
    FamiliarDevice(String),
    /// Any other, by the widest network that its address is counted by.
    Network(Network),
}

/// The two kinds of typed codes, which are counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CodeKind {
    /// Of an authenticator app: six digits.
    App,
    /// For recovery: a hundred bits, which nobody guesses. Its count only bounds the work, and has no sum over all places, which
    /// somebody could use up.
    Recovery,
}

/// One count of wrong codes, and how long it makes wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptCount {
    /// Its name in the store.
    pub origin: String,
    /// Whether several places share it: a right code from one of them takes back its own try alone.
    pub is_shared: bool,
    free: u32,
    max_wait: Duration,
}

impl AttemptCount {
    /// The counts that a code of this kind is counted in.
    pub(super) fn for_code(kind: CodeKind, origin: &CodeOrigin) -> Vec<Self> {
        let (place, together, max_wait) = match origin {
            CodeOrigin::FamiliarDevice(digest) => (format!("device {digest}"), "familiar", MAX_WAIT),
            CodeOrigin::Network(network) => (format!("network {network}"), "unfamiliar", MAX_NETWORK_WAIT),
        };
        let own = |origin| Self { origin, is_shared: false, free: FREE_ATTEMPTS, max_wait };
        match kind {
            CodeKind::Recovery => vec![own(format!("recovery {place}"))],
            CodeKind::App => {
                let origin = together.to_owned();
                vec![own(place), Self { origin, is_shared: true, free: FREE_ATTEMPTS_TOGETHER, max_wait: MAX_WAIT }]
            }
        }
    }

    /// The moment until which this count makes wait, if it does. One further off than any wait was written before the clock was
    /// set back: it locks nobody out.
    pub fn waits_until(&self, not_before: Timestamp, now: Timestamp) -> Option<Timestamp> {
        (now < not_before && not_before <= now + self.max_wait).then_some(not_before)
    }

    /// The moment before which no other code is heard, after so many wrong ones.
    pub fn not_before(&self, failed: u32, now: Timestamp) -> Timestamp {
        match failed.checked_sub(self.free) {
            None => now,
            Some(more) => now + FIRST_WAIT.saturating_mul(1 << more.min(16)).min(self.max_wait),
        }
    }
}
