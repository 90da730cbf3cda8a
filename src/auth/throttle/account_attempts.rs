use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::account_key::{PasswordMark, ServerKey};
use super::columns::{FailurePair, place_of};
use super::place::Place;
use super::reason::ThrottleReason;
use crate::directory::{BindCandidate, CLOCK_TOLERANCE, FailureBudget};
use crate::domain::Timestamp;

/// The most failures that are kept of an account: the largest budget there is.
const MAX_KEPT: usize = 16;

/// The longest wait of a person's own browser after a failure there: a directory whose count is never reset must not keep
/// somebody out of their own browser for weeks.
const MAX_OWN_WAIT: Duration = Duration::from_hours(1);

/// The longest time a wrong password is remembered: in a long window it may have become the right one.
const MAX_REMEMBERED: Duration = Duration::from_hours(1);

/// The lowest threshold that is kept below: a directory that locks at the first failure could never be asked otherwise.
const MIN_THRESHOLD: u32 = 2;

/// A failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FailedAttempt {
    /// Its sequence number among all events of the throttle.
    pub(super) sequence: u64,
    pub(super) at: Timestamp,
    pub(super) place: Place,
    /// The typed password, where it is remembered.
    pub(super) password: Option<PasswordMark>,
    /// Whether the password is known to be wrong. It is not when it was never sent.
    pub(super) is_wrong: bool,
    /// The server that said so, where it is known.
    pub(super) judge: Option<ServerKey>,
}

impl FailedAttempt {
    /// The earliest time at which it can have begun.
    pub(super) fn earliest_begin(&self) -> Timestamp {
        self.at - RESERVED_FOR
    }
}

/// The time after which a pending attempt that nobody settled counts as failed, as its server has died: longer than a sign-in may
/// take, which is a minute at the directory and a quarter of one of waiting before.
pub(super) const RESERVED_FOR: Duration = Duration::from_mins(2);

/// An attempt that is pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PendingAttempt {
    /// The sequence number of its permit.
    pub(super) permit: u64,
    pub(super) password: Option<PasswordMark>,
    pub(super) place: Place,
    pub(super) began_at: Timestamp,
    /// The time after its failure when the count would be reset.
    pub(super) window: Duration,
}

impl PendingAttempt {
    /// The time when its failure would no longer count, if it failed at the last moment.
    fn counts_until(&self) -> Timestamp {
        self.began_at + RESERVED_FOR + self.window
    }
}

/// The attempts for one account: those that failed, oldest first, and those pending.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AccountAttempts {
    failed: Vec<FailedAttempt>,
    /// The time after the last failure when the count is reset: the longest of the budgets that the failures fell under.
    window: Duration,
    pending: Vec<PendingAttempt>,
    /// When the password was set, as the directory last told.
    password_set_at: Option<Timestamp>,
    /// The time of the last wrong password that the directory told before the last attempt was made.
    told_failed_at: Option<Timestamp>,
}

impl AccountAttempts {
    /// The failures of an account as they were stored.
    pub(super) fn restored(failed: Vec<FailedAttempt>, window: Duration) -> Self {
        Self { failed, window, ..Self::default() }
    }

    /// The failures of an account as every engine stores them.
    pub(super) fn restored_from(failures: &[FailurePair], window: Duration) -> Self {
        let failed = failures.iter().map(|(at, place)| {
            let (at, place) = (*at, place_of(*place));
            FailedAttempt { sequence: 0, at, place, password: None, is_wrong: true, judge: None }
        });
        Self::restored(failed.collect(), window)
    }

    /// Takes the failures of a name that had to be forgotten for those of every name that is not known, if they are more, or hold
    /// longer.
    pub(super) fn assume(&mut self, evicted: &Self, now: Timestamp) {
        let [count, before] = [evicted, &*self].map(|attempts| attempts.failures(now).len());
        let Some(last) = evicted.failures(now).last().copied() else { return };
        let (last, window) = if self.expires_at() > evicted.expires_at() && before > 0 {
            (self.failed.last().copied().unwrap_or(last), self.window)
        } else {
            (last, evicted.window)
        };
        let assumed = FailedAttempt { sequence: 0, place: Place::Unfamiliar, password: None, judge: None, ..last };
        (self.failed, self.window) = (vec![assumed; count.max(before)], window);
    }

    /// Checks whether one more attempt from `place` may fail within the budget: in its own share, and in those that it is a
    /// part of. Pending ones are counted as if they were to fail, so that many at once do not slip through; but they only
    /// make others wait.
    pub(super) fn check(&self, budget: FailureBudget, place: Place, now: Timestamp) -> Result<(), ThrottleReason> {
        let shares = [(Place::Unfamiliar, budget.unfamiliar), (Place::Familiar, budget.familiar), (Place::Own, budget.total)];
        let mut may_use_up = false;
        for (share, limit) in shares.into_iter().filter(|(share, _)| place <= *share) {
            let used = count(self.failures(now).iter().filter(|failure| failure.place <= share).count());
            if used >= limit {
                let wait = self.wait(place, now);
                // Who has waited long enough in their own browser gets a try; others of theirs wait for its end.
                if !wait.is_zero() {
                    return Err(ThrottleReason::Exhausted(wait));
                }
                may_use_up |= !self.pending.is_empty();
            }
            may_use_up |= used.saturating_add(count(self.pending.len())) >= limit && used < limit;
        }
        if may_use_up { Err(ThrottleReason::Pending) } else { Ok(()) }
    }

    /// Checks whether the directory's own count leaves room for one more failure below the threshold. It was read after the
    /// sequence number `since`: later failures here, and pending attempts, may not be in it yet.
    pub(super) fn check_directory_count(
        &self,
        who: &BindCandidate,
        place: Place,
        since: u64,
        now: Timestamp,
    ) -> Result<(), ThrottleReason> {
        let (Some(policy), Some(counted)) = (who.policy, who.failures) else { return Ok(()) };
        if policy.threshold == 0 {
            return Ok(());
        }
        let limit = policy.threshold.max(MIN_THRESHOLD) - 1;
        let later = self.failures(now).iter().filter(|failure| failure.sequence > since).count();
        let counted = counted.saturating_add(count(later));
        if counted >= limit {
            if place == Place::Unfamiliar {
                return Err(ThrottleReason::NearLockout);
            }
            // Set after the last wrong one, as by a helpdesk: its owner is about to type the new one.
            if who.password_set_at.zip(who.failed_at).is_some_and(|(set_at, failed_at)| set_at > failed_at) && later == 0 {
                return Ok(());
            }
            if place != Place::Own {
                return Err(ThrottleReason::NearLockout);
            }
            let last = who.failed_at.unwrap_or(now);
            let wait = (last + policy.window.min(MAX_OWN_WAIT)).since(now);
            return if wait.is_zero() { Ok(()) } else { Err(ThrottleReason::Exhausted(wait)) };
        }
        if counted.saturating_add(count(self.pending.len())) >= limit { Err(ThrottleReason::Pending) } else { Ok(()) }
    }

    /// Whether the same password was tried before and found wrong, or is being tried.
    ///
    /// # Errors
    /// [`ThrottleReason::SamePassword`], or [`ThrottleReason::Pending`].
    pub(super) fn check_password(&self, password: Option<PasswordMark>, now: Timestamp) -> Result<(), ThrottleReason> {
        let Some(password) = password else { return Ok(()) };
        if self.remembers(password, now, |failure| failure.is_wrong) {
            return Err(ThrottleReason::SamePassword);
        }
        if self.pending.iter().any(|pending| pending.password == Some(password)) {
            Err(ThrottleReason::Pending)
        } else {
            Ok(())
        }
    }

    /// Whether a failure with that password is remembered.
    pub(super) fn remembers(&self, password: PasswordMark, now: Timestamp, which: impl Fn(&FailedAttempt) -> bool) -> bool {
        let is_recent = |failure: &&FailedAttempt| now < failure.at + self.window.min(MAX_REMEMBERED);
        self.failures(now).iter().filter(is_recent).any(|failure| failure.password == Some(password) && which(failure))
    }

    /// Drops the failures before `since` that the directory no longer counts: the password was set anew after them, or the
    /// count is lower than ours on the server that judged them. There was a good sign-in elsewhere, then, or somebody has
    /// unlocked the account, or what was typed is one of the last passwords.
    ///
    /// Each server counts for itself, and by its own clock; only when a password was set is the same on all, sooner or later.
    pub(super) fn believe(&mut self, who: &BindCandidate, told_by: Option<ServerKey>, since: u64, now: Timestamp) {
        // An earlier time than was known is told by one that lags behind.
        let set_anew = who.password_set_at.filter(|set_at| self.password_set_at.is_some_and(|known| *set_at > known));
        self.password_set_at = self.password_set_at.max(who.password_set_at);
        if let Some(set_at) = set_anew {
            self.failed.retain(|failure| failure.sequence >= since || failure.at > set_at + CLOCK_TOLERANCE);
        }
        // A count that is over by the server's clock, and not by ours, is told by a clock that is behind.
        let is_over = who.policy.zip(who.failed_at).is_some_and(|(policy, at)| now >= at + policy.window + CLOCK_TOLERANCE);
        let counted = who.failures.filter(|_| !is_over).and_then(|counted| usize::try_from(counted).ok());
        let Some(counted) = counted else { return };
        let is_before = |failure: &FailedAttempt| failure.sequence < since;
        let Some(last) = self.failures(now).iter().rev().find(|failure| is_before(failure)).copied() else { return };
        // It has judged them itself, unless it is another's turn now.
        let by_judge = |failure: &FailedAttempt| is_before(failure) && failure.judge.is_some() && failure.judge == told_by;
        // Whoever has heard of failures that it did not judge itself tells another time than before the last of them, and one that is
        // near to ours.
        let is_news = who.failed_at != self.told_failed_at;
        let has_heard = is_news && who.failed_at.is_some_and(|heard| heard + CLOCK_TOLERANCE >= last.at);
        let by_nobody = |failure: &FailedAttempt| has_heard && is_before(failure) && failure.judge.is_none();
        let is_covered = |failure: &FailedAttempt| by_judge(failure) || by_nobody(failure);
        let covered = self.failed.iter().filter(|failure| is_covered(failure)).count();
        let mut dropped = covered.saturating_sub(counted);
        self.failed.retain(|failure| {
            let is_dropped = dropped > 0 && is_covered(failure);
            dropped -= usize::from(is_dropped);
            !is_dropped
        });
    }

    /// Notes what the directory tells right before an attempt, to compare what it tells after it.
    pub(super) fn note_told(&mut self, who: &BindCandidate) {
        self.password_set_at = self.password_set_at.max(who.password_set_at);
        self.told_failed_at = who.failed_at;
    }

    /// The attempts without one of the pending ones, to check that one.
    pub(super) fn without_pending(mut self, permit: u64) -> Self {
        self.end(permit);
        self
    }

    pub(super) fn begin(&mut self, attempt: PendingAttempt) {
        self.pending.push(attempt);
    }

    /// Counts the pending ones that nobody settled in their time as failed, each with a sequence number of `numbers`.
    pub(super) fn expire_pending(&mut self, mut numbers: impl FnMut() -> u64, now: Timestamp) {
        let pending = std::mem::take(&mut self.pending);
        let (mut expired, pending): (Vec<_>, _) =
            pending.into_iter().partition(|pending| now >= pending.began_at + RESERVED_FOR);
        self.pending = pending;
        expired.sort_by_key(|pending| pending.began_at);
        for PendingAttempt { password: _not_known_to_be_wrong, place, began_at, window, .. } in expired {
            // The directory may have counted it at any time between: on what it had counted when it began, and until this.
            let at = began_at + RESERVED_FOR;
            let sequence = numbers();
            self.fail(FailedAttempt { sequence, at, place, password: None, is_wrong: false, judge: None }, window, began_at);
        }
    }

    pub(super) fn is_pending(&self, permit: u64) -> bool {
        self.pending.iter().any(|pending| pending.permit == permit)
    }

    pub(super) fn end(&mut self, permit: u64) {
        self.pending.retain(|pending| pending.permit != permit);
    }

    /// Counts a failure of an attempt that began then: the directory may have counted it at once, when failures before it still
    /// counted that no longer do.
    pub(super) fn fail(&mut self, failure: FailedAttempt, window: Duration, began_at: Timestamp) {
        if self.failures(began_at).is_empty() {
            self.failed.clear();
            self.window = Duration::ZERO;
        }
        self.window = self.window.max(window);
        if self.failed.len() >= MAX_KEPT {
            self.failed.remove(0);
        }
        self.failed.push(failure);
    }

    /// Takes the failures after `sequence` away.
    pub(super) fn take_failures_after(&mut self, sequence: u64) -> Vec<FailedAttempt> {
        let later = self.failed.partition_point(|failure| failure.sequence <= sequence);
        self.failed.split_off(later)
    }

    /// Forgets the failures before `sequence`.
    pub(super) fn forget_before(&mut self, sequence: u64) {
        self.failed.retain(|failure| failure.sequence >= sequence);
    }

    /// The time from which it may be dropped; `None` at once.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        let pending = self.pending.iter().map(PendingAttempt::counts_until);
        self.failures_count_until().into_iter().chain(pending).max()
    }

    /// The failures that count.
    pub(super) fn failures(&self, now: Timestamp) -> &[FailedAttempt] {
        match self.failures_count_until() {
            Some(until) if now < until => &self.failed,
            _ => &[],
        }
    }

    /// The time when the failures no longer count. An attempt that is pending, and began when they did, may have been counted on top
    /// of them: they count for as long as it would.
    fn failures_count_until(&self) -> Option<Timestamp> {
        let until = self.last_failed_at()? + self.window;
        let extend = |until: Timestamp, pending: &PendingAttempt| {
            if pending.began_at < until { until.max(pending.counts_until()) } else { until }
        };
        Some(self.pending.iter().fold(until, extend))
    }

    /// The time of the latest failure. The last one that was counted may have been before it: one that nobody settled.
    fn last_failed_at(&self) -> Option<Timestamp> {
        self.failed.iter().map(|failure| failure.at).max()
    }

    /// The time after the last failure when the count is reset.
    pub(super) fn window(&self) -> Duration {
        self.window
    }

    fn wait(&self, place: Place, now: Timestamp) -> Duration {
        let (Some(last), Some(last_at)) = (self.failed.last(), self.last_failed_at()) else { return Duration::ZERO };
        let reset = (last_at + self.window).since(now);
        if place != Place::Own {
            return reset;
        }
        let own = self.failed.iter().rev().find(|failure| failure.place == Place::Own).unwrap_or(last);
        reset.min((own.at + MAX_OWN_WAIT).since(now))
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
