use super::account_key::AccountKey;
use super::expiring_map::ExpiringMap;
use super::limits::{AddressAttempts, MAX_ENTRIES, PairAttempts};
use super::reason::ThrottleReason;
use crate::domain::Timestamp;

/// The counters of networks, and of accounts in each of them: every server's own, however many share a store.
pub(super) struct NetworkCounters {
    /// By the hash of a network.
    networks: ExpiringMap<u64, AddressAttempts>,
    /// By account and the hash of the narrowest network.
    pub(super) pairs: ExpiringMap<(AccountKey, u64), PairAttempts>,
}

impl NetworkCounters {
    pub(super) fn new() -> Self {
        Self { networks: ExpiringMap::new(MAX_ENTRIES), pairs: ExpiringMap::new(MAX_ENTRIES) }
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

    /// Forgets what waits because of an account's failures, from wherever.
    pub(super) fn release(&mut self, account: AccountKey) {
        self.pairs.retain(|(of, _)| *of != account);
    }

    #[cfg(test)]
    pub(super) fn lengths(&self) -> [usize; 2] {
        [self.pairs.len(), self.networks.len()]
    }
}
