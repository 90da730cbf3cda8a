use std::time::Duration;

use super::place::Place;
use super::reason::ThrottleReason;
use crate::directory::FailureBudget;
use crate::domain::Timestamp;

/// The most entries of each map: room for a whole large company mistyping at once within half an hour, in some thirty
/// megabytes. When a map is full, what expires first goes first.
pub(super) const MAX_ENTRIES: usize = 1 << 16;

/// The failures from one address before it has to wait: an office behind one address mistypes now and then.
const ADDRESS_BURST: u32 = 30;

/// The failures for one account from one address before it has to wait in between: nobody mistypes more often without
/// stopping to think.
const PAIR_BURST: u32 = 4;

/// The time in which one of an address's failures is forgiven: in the long run, its rate of failures.
const FORGIVEN_AFTER: Duration = Duration::from_secs(30);

/// The wait of an address, or a pair, when its burst is used up. Every further failure doubles it …
const FIRST_DELAY: Duration = Duration::from_secs(5);

/// … up to this: longer would punish those who share the address more than it slows a guesser.
const MAX_DELAY: Duration = Duration::from_mins(15);

/// The time a pending attempt is remembered: the directory's deadlines, added up over all its servers, are far shorter.
pub(super) const ATTEMPT_TIME: Duration = Duration::from_mins(31);

/// The time a browser, or a network, stays familiar after the last good sign-in there: a fortnight's holiday and then some.
pub(super) const FAMILIAR_FOR: Duration = Duration::from_hours(30 * 24);

/// The failures for one account from one address. The account's own limit counts them too; this one slows whoever keeps
/// trying, and leaves something for others: one stranger alone cannot use up all that an account may fail, so that its
/// owner still gets in from elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct PairAttempts {
    failures: u32,
    /// The time of the last failure.
    failed_at: Timestamp,
    /// The time after it when the count is reset.
    window: Duration,
}

impl PairAttempts {
    pub(super) fn new() -> Self {
        Self { failures: 0, failed_at: Timestamp::from_millis(0), window: Duration::ZERO }
    }

    /// Checks whether one more attempt may fail.
    pub(super) fn check(&self, budget: FailureBudget, place: Place, now: Timestamp) -> Result<(), ThrottleReason> {
        // A familiar place has so few tries, where anything locks, that it need not be slowed as well.
        if place != Place::Unfamiliar && budget.total < u32::MAX {
            return Ok(());
        }
        let share = budget.unfamiliar;
        if place == Place::Unfamiliar && share > PAIR_BURST && self.failures >= share - 1 {
            return Err(ThrottleReason::Exhausted(self.expires_at().since(now)));
        }
        let Some(excess) = self.failures.checked_sub(PAIR_BURST) else { return Ok(()) };
        let delay = FIRST_DELAY.saturating_mul(2_u32.saturating_pow(excess)).min(MAX_DELAY);
        let wait = (self.failed_at + delay).since(now);
        if wait.is_zero() { Ok(()) } else { Err(ThrottleReason::Exhausted(wait)) }
    }

    pub(super) fn fail(&mut self, window: Duration, now: Timestamp) {
        self.failures += 1;
        (self.failed_at, self.window) = (now, self.window.max(window));
    }

    /// The time from which it may be dropped.
    pub(super) fn expires_at(&self) -> Timestamp {
        self.failed_at + self.window
    }
}

/// The attempts from one network: those that failed, in a leaky bucket, and those pending.
#[derive(Clone, Copy, Debug)]
pub(super) struct AddressAttempts {
    /// The time when the last failure will be forgiven.
    forgiven_at: Timestamp,
    /// The time of the last failure.
    failed_at: Timestamp,
    pending: u32,
    /// The time when the last attempt began.
    started_at: Timestamp,
}

impl AddressAttempts {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { forgiven_at: now, failed_at: now, pending: 0, started_at: now }
    }

    /// Checks whether one more attempt may fail; when the burst of so many `shares` is used up, one at a time, after its
    /// delay.
    pub(super) fn check(&self, shares: usize, now: Timestamp) -> Result<(), ThrottleReason> {
        let burst = ADDRESS_BURST.saturating_mul(u32::try_from(shares).unwrap_or(u32::MAX));
        let wait = self.wait(burst, now);
        if !wait.is_zero() {
            return Err(ThrottleReason::Exhausted(wait));
        }
        let left = burst.saturating_sub(self.unforgiven_failures(now)).max(1);
        if self.pending >= left { Err(ThrottleReason::Pending) } else { Ok(()) }
    }

    pub(super) fn begin(&mut self, now: Timestamp) {
        self.pending += 1;
        self.started_at = now;
    }

    pub(super) fn end(&mut self) {
        self.pending = self.pending.saturating_sub(1);
    }

    pub(super) fn fail(&mut self, now: Timestamp) {
        self.forgiven_at = self.forgiven_at.max(now) + FORGIVEN_AFTER;
        self.failed_at = now;
    }

    /// The time from which it may be dropped.
    pub(super) fn expires_at(&self) -> Timestamp {
        let pending = if self.pending > 0 { self.started_at + ATTEMPT_TIME } else { self.started_at };
        self.forgiven_at.max(pending)
    }

    /// The time that the network has to wait now.
    fn wait(&self, burst: u32, now: Timestamp) -> Duration {
        // As many as there were right after the last one: the wait then runs from there.
        let Some(excess) = self.unforgiven_failures(self.failed_at).checked_sub(burst) else {
            return Duration::ZERO;
        };
        let delay = FIRST_DELAY.saturating_mul(2_u32.saturating_pow(excess)).min(MAX_DELAY);
        (self.failed_at + delay).since(now)
    }

    fn unforgiven_failures(&self, now: Timestamp) -> u32 {
        let failures = self.forgiven_at.since(now).as_millis().div_ceil(FORGIVEN_AFTER.as_millis());
        u32::try_from(failures).unwrap_or(u32::MAX)
    }
}
