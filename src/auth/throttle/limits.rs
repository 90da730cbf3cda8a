use std::time::Duration;

use super::budget::{FailureBudget, MAX_FAILURES};
use crate::domain::Timestamp;

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
const MAX_ATTEMPT_TIME: Duration = Duration::from_mins(31);

/// The lowest threshold that is kept below: a directory that locks at the first failure could never be asked otherwise.
const MIN_THRESHOLD: u32 = 2;

/// The time an address stays familiar after the last good sign-in, and a name's owner is remembered: a fortnight's
/// holiday and then some.
pub(super) const FAMILIAR_FOR: Duration = Duration::from_hours(30 * 24);

/// Why an attempt is not allowed now. The graver is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::auth) enum ThrottleReason {
    /// Pending attempts may use up what is left; once they have ended there may be room again.
    Pending,
    /// The directory's own count, with failures elsewhere, is so high that one more could lock the account.
    NearLockout,
    /// There were too many failures; another attempt is allowed after this time.
    Exhausted(Duration),
}

/// A failed attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct FailedAttempt {
    /// Its sequence number among all events of the throttle.
    pub(super) sequence: u64,
    /// The hash of the name, just as it was typed.
    pub(super) typed_name: u64,
}

/// The attempts for one account: those that failed, and those pending.
#[derive(Clone, Copy, Debug)]
pub(super) struct AccountAttempts {
    failed: [Option<FailedAttempt>; MAX_FAILURES],
    /// The time of the last failure.
    failed_at: Timestamp,
    /// The time after it when the count is reset: the longest of the budgets that the failures fell under.
    window: Duration,
    pending: u32,
    /// The time when the last attempt began.
    started_at: Timestamp,
}

impl AccountAttempts {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { failed: [None; MAX_FAILURES], failed_at: now, window: Duration::ZERO, pending: 0, started_at: now }
    }

    /// Checks whether one more attempt may fail within the budget. Pending ones are counted as if they were to fail, so
    /// that many at once do not slip through; but they only make others wait.
    pub(super) fn check(&self, budget: FailureBudget, familiar: bool, now: Timestamp) -> Result<(), ThrottleReason> {
        let limit = if familiar { budget.familiar } else { budget.failures };
        let failures = self.failures(now);
        if failures >= limit {
            return Err(ThrottleReason::Exhausted((self.failed_at + self.window).since(now)));
        }
        if failures.saturating_add(self.pending) >= limit { Err(ThrottleReason::Pending) } else { Ok(()) }
    }

    /// Checks whether the directory's own `count` leaves room for one more failure below its `threshold`. The count was
    /// read after the sequence number `since`: later failures here, and pending attempts, may not be in it yet.
    pub(super) fn check_directory_count(
        &self,
        count: u32,
        threshold: u32,
        since: u64,
        now: Timestamp,
    ) -> Result<(), ThrottleReason> {
        let limit = threshold.max(MIN_THRESHOLD) - 1;
        let later = if self.failures(now) == 0 { 0 } else { self.failed_since(since) };
        let count = count.saturating_add(later);
        if count >= limit {
            return Err(ThrottleReason::NearLockout);
        }
        if count.saturating_add(self.pending) >= limit { Err(ThrottleReason::Pending) } else { Ok(()) }
    }

    /// The attempts without one of the pending ones, to check that one.
    pub(super) fn without_one_pending(mut self) -> Self {
        self.end();
        self
    }

    pub(super) fn begin(&mut self, now: Timestamp) {
        self.pending += 1;
        self.started_at = now;
    }

    pub(super) fn end(&mut self) {
        self.pending = self.pending.saturating_sub(1);
    }

    pub(super) fn fail(&mut self, failure: FailedAttempt, window: Duration, now: Timestamp) {
        if self.failures(now) == 0 {
            (self.failed, self.window) = ([None; MAX_FAILURES], Duration::ZERO);
        }
        self.window = self.window.max(window);
        // There is a free slot, as there was room when the attempt began; were there none, the oldest would go.
        let slot = self.failed.iter_mut().min_by_key(|failed| failed.map_or(0, |failure| failure.sequence));
        if let Some(slot) = slot {
            *slot = Some(failure);
        }
        self.failed_at = now;
    }

    pub(super) fn forgive(&mut self, forgiven: impl Fn(FailedAttempt) -> bool) {
        for slot in &mut self.failed {
            *slot = slot.filter(|failure| !forgiven(*failure));
        }
    }

    /// The time from which it may be dropped.
    pub(super) fn expires_at(&self) -> Timestamp {
        let failures = self.failed.iter().any(Option::is_some).then(|| self.failed_at + self.window);
        let pending = (self.pending > 0).then(|| self.started_at + MAX_ATTEMPT_TIME);
        failures.max(pending).unwrap_or(self.started_at)
    }

    fn failures(&self, now: Timestamp) -> u32 {
        if now >= self.failed_at + self.window {
            return 0;
        }
        self.failed.iter().flatten().map(|_| 1).sum()
    }

    fn failed_since(&self, sequence: u64) -> u32 {
        self.failed.iter().flatten().filter(|failure| failure.sequence > sequence).map(|_| 1).sum()
    }
}

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
    pub(super) fn check(&self, budget: FailureBudget, familiar: bool, now: Timestamp) -> Result<(), ThrottleReason> {
        if !familiar && budget.failures > PAIR_BURST && self.failures >= budget.failures - 1 {
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

/// The attempts from one address: those that failed, in a leaky bucket, and those pending.
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

    /// Checks whether one more attempt may fail; when the burst is used up, one at a time, after its delay.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), ThrottleReason> {
        let wait = self.wait(now);
        if !wait.is_zero() {
            return Err(ThrottleReason::Exhausted(wait));
        }
        let left = ADDRESS_BURST.saturating_sub(self.unforgiven_failures(now)).max(1);
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
        let pending = if self.pending > 0 { self.started_at + MAX_ATTEMPT_TIME } else { self.started_at };
        self.forgiven_at.max(pending)
    }

    /// The time that the address has to wait now.
    fn wait(&self, now: Timestamp) -> Duration {
        // As many as there were right after the last one: the wait then runs from there.
        let Some(excess) = self.unforgiven_failures(self.failed_at).checked_sub(ADDRESS_BURST) else {
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
