use std::time::Duration;

use super::account_key::{AccountKey, NameKey, PasswordMark};
use super::expiring_map::ExpiringMap;
use super::limits::{AddressAttempts, MAX_ENTRIES, PairAttempts};
use super::reason::ThrottleReason;
use crate::domain::Timestamp;

/// How long a refusal is repeated without a look at the store: whoever tries one name again and again does not keep it busy, and
/// nobody notices.
const REPEATED_FOR: Duration = Duration::from_secs(1);

/// The counters of networks, and of accounts in each of them: every server's own, however many share a store.
pub(super) struct NetworkCounters {
    /// By the hash of a network.
    networks: ExpiringMap<u64, AddressAttempts>,
    /// By account and the hash of the narrowest network.
    pub(super) pairs: ExpiringMap<(AccountKey, u64), PairAttempts>,
    /// The refusals that a store of several servers decided a moment ago, by the name in its network, and by the password where
    /// another may be tried.
    refusals: ExpiringMap<(NameKey, Option<PasswordMark>), (ThrottleReason, Timestamp)>,
}

impl NetworkCounters {
    pub(super) fn new() -> Self {
        let (networks, pairs) = (ExpiringMap::new(MAX_ENTRIES), ExpiringMap::new(MAX_ENTRIES));
        Self { networks, pairs, refusals: ExpiringMap::new(MAX_ENTRIES) }
    }

    /// Checks whether one more attempt from these networks may fail, each with its multiple of an address's share.
    pub(super) fn check(&self, networks: &[(u64, usize)], now: Timestamp) -> Result<(), ThrottleReason> {
        let check = |(network, shares): &(u64, usize)| {
            self.networks.get(*network, now).map_or(Ok(()), |attempts| attempts.check(*shares, now))
        };
        networks.iter().try_for_each(check)
    }

    pub(super) fn update(&mut self, networks: &[(u64, usize)], now: Timestamp, change: impl Fn(&mut AddressAttempts)) {
        for (network, _) in networks {
            let mut attempts = self.networks.get(*network, now).copied().unwrap_or_else(|| AddressAttempts::new(now));
            change(&mut attempts);
            if attempts.expires_at() > now {
                self.networks.insert(*network, attempts, attempts.expires_at(), now);
            } else {
                self.networks.remove(*network);
            }
        }
    }

    /// Checks whether the store has just refused a stranger's attempt.
    pub(super) fn check_refused(
        &self,
        name_here: NameKey,
        password: Option<PasswordMark>,
        now: Timestamp,
    ) -> Result<(), ThrottleReason> {
        let refused = self.refusals.get((name_here, None), now).or_else(|| self.refusals.get((name_here, password), now));
        refused.map_or(Ok(()), |(reason, at)| {
            Err(match reason {
                ThrottleReason::Exhausted(wait) => ThrottleReason::Exhausted((*at + *wait).since(now)),
                reason => *reason,
            })
        })
    }

    /// Notes that the store has refused a stranger's attempt.
    pub(super) fn note_refused(
        &mut self,
        name_here: NameKey,
        password: Option<PasswordMark>,
        reason: ThrottleReason,
        now: Timestamp,
    ) {
        let (key, until) = match reason {
            ThrottleReason::Exhausted(wait) => ((name_here, None), now + wait.min(REPEATED_FOR)),
            ThrottleReason::SamePassword if password.is_some() => ((name_here, password), now + REPEATED_FOR),
            _ => return,
        };
        self.refusals.insert(key, (reason, now), until, now);
    }

    /// Forgets what waits because of an account's failures, from wherever.
    pub(super) fn release(&mut self, account: AccountKey) {
        self.pairs.retain(|(of, _)| *of != account);
        self.refusals.retain(|_| false);
    }

    #[cfg(test)]
    pub(super) fn lengths(&self) -> [usize; 2] {
        [self.pairs.len(), self.networks.len()]
    }
}
