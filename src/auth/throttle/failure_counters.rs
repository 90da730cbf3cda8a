use std::time::Duration;

use super::account_attempts::{AccountAttempts, FailedAttempt};
use super::account_counters::AccountCounters;
use super::account_key::AccountKey;
use super::limits::PairAttempts;
use super::network_counters::NetworkCounters;
use super::place::Place;
use super::reason::ThrottleReason;
use crate::directory::FailureBudget;
use crate::domain::Timestamp;

/// All counters that one attempt is checked against, for as long as it is decided.
pub(super) struct FailureCounters<'a> {
    pub(super) accounts: &'a mut AccountCounters,
    pub(super) networks: &'a mut NetworkCounters,
    /// The present by this server's clock, which its networks are counted by. Accounts are counted by the store's.
    pub(super) local_now: Timestamp,
}

impl FailureCounters<'_> {
    /// Checks whether one more attempt for the account may fail, whose attempts are given.
    pub(super) fn check(
        &self,
        attempts: &AccountAttempts,
        pair: (AccountKey, u64),
        budget: FailureBudget,
        place: Place,
        now: Timestamp,
    ) -> Result<(), ThrottleReason> {
        attempts.check(budget, place, now)?;
        self.check_pair(pair, budget, place, now)
    }

    /// Checks whether one more attempt for an account may fail in that network.
    pub(super) fn check_pair(
        &self,
        pair: (AccountKey, u64),
        budget: FailureBudget,
        place: Place,
        now: Timestamp,
    ) -> Result<(), ThrottleReason> {
        self.networks.pairs.get(pair, now).map_or(Ok(()), |pair| pair.check(budget, place, now))
    }

    /// Counts one more failure for the account, and from that network, of an attempt that began then.
    pub(super) fn record_failure(
        &mut self,
        pair: (AccountKey, u64),
        failure: FailedAttempt,
        window: Duration,
        began_at: Timestamp,
    ) {
        let now = failure.at;
        self.accounts.update(pair.0, now, |attempts| attempts.fail(failure, window, began_at));
        let mut of_pair = self.networks.pairs.get(pair, now).copied().unwrap_or_else(PairAttempts::new);
        of_pair.fail(window, now);
        self.networks.pairs.insert(pair, of_pair, of_pair.expires_at(), now);
    }
}
