use std::time::Duration;

use crate::domain::Timestamp;

/// Failures for one account's name before everybody waits. Active Directory's usual lockout is at five (Microsoft's
/// baseline allows ten); what is left below it is for the account's other devices.
const ACCOUNT_FAILURES: u32 = 3;

/// One more for the address from which the account last signed in well: strangers cannot use it up, and with it the
/// sum is still below five.
const FAMILIAR_FAILURES: u32 = ACCOUNT_FAILURES + 1;

/// How long after the *last* failure an account's count starts afresh. A directory counts just so
/// (`lockOutObservationWindow`, MS-SAMR 3.1.5.14.6; half an hour as a rule); a window that slides would let failures
/// add up there. The minute more is for the time between our clock's stamp and the directory's.
const ACCOUNT_WINDOW: Duration = Duration::from_mins(31);

/// Failures from one address before it has to wait: an office behind one address mistypes now and then.
const ADDRESS_BURST: u32 = 30;

/// One of an address's failures is forgiven in this time: in the long run, so often it may fail.
const FORGIVEN_AFTER: Duration = Duration::from_secs(30);

/// How long an address waits when its burst is used up. Every further failure doubles it …
const FIRST_DELAY: Duration = Duration::from_secs(5);

/// … up to this: longer would punish those who share the address more than it slows a guesser.
const LONGEST_DELAY: Duration = Duration::from_mins(15);

/// The failed tries for one account's name.
#[derive(Clone, Copy, Debug)]
pub(super) struct AccountFailures {
    count: u32,
    /// Of the last one.
    at: Timestamp,
}

impl AccountFailures {
    pub(super) fn none(now: Timestamp) -> Self {
        Self { count: 0, at: now }
    }

    /// How long a stranger waits now.
    pub(super) fn wait(self, now: Timestamp) -> Duration {
        self.wait_beyond(ACCOUNT_FAILURES, now)
    }

    /// How long the address from which the account last signed in well waits now.
    pub(super) fn wait_when_familiar(self, now: Timestamp) -> Duration {
        self.wait_beyond(FAMILIAR_FAILURES, now)
    }

    pub(super) fn count(&mut self, now: Timestamp) {
        self.count += 1;
        self.at = now;
    }

    pub(super) fn take_back(&mut self) {
        self.count = self.count.saturating_sub(1);
    }

    /// From when on it may be forgotten.
    pub(super) fn until(self) -> Timestamp {
        if self.count == 0 { self.at } else { self.at + ACCOUNT_WINDOW }
    }

    fn wait_beyond(self, most: u32, now: Timestamp) -> Duration {
        if self.count < most { Duration::ZERO } else { self.until().since(now) }
    }
}

/// The failed tries from one address: a bucket that leaks.
#[derive(Clone, Copy, Debug)]
pub(super) struct AddressFailures {
    /// When the last failure will be forgiven.
    forgiven_at: Timestamp,
    /// Of the last failure.
    at: Timestamp,
}

impl AddressFailures {
    pub(super) fn none(now: Timestamp) -> Self {
        Self { forgiven_at: now, at: now }
    }

    /// How long the address waits now.
    pub(super) fn wait(self, now: Timestamp) -> Duration {
        // As many as there were right after the last one: the wait then runs from there.
        let Some(beyond) = self.unforgiven(self.at).checked_sub(ADDRESS_BURST) else { return Duration::ZERO };
        let delay = FIRST_DELAY.saturating_mul(2_u32.saturating_pow(beyond)).min(LONGEST_DELAY);
        (self.at + delay).since(now)
    }

    pub(super) fn count(&mut self, now: Timestamp) {
        self.forgiven_at = self.forgiven_at.max(now) + FORGIVEN_AFTER;
        self.at = now;
    }

    pub(super) fn take_back(&mut self) {
        self.forgiven_at = self.forgiven_at - FORGIVEN_AFTER;
    }

    /// From when on it may be forgotten.
    pub(super) fn until(self) -> Timestamp {
        self.forgiven_at
    }

    fn unforgiven(self, now: Timestamp) -> u32 {
        let failures = self.forgiven_at.since(now).as_millis().div_ceil(FORGIVEN_AFTER.as_millis());
        u32::try_from(failures).unwrap_or(u32::MAX)
    }
}
