//! The accounts behind the people: passwords, and the count of wrong ones.

use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::sample::{SampleAccountId, SampleAccountState, SampleDomain, SampleLockoutPolicy};
use crate::domain::Timestamp;

/// The outcome of a bind to an account (the sub-codes of result 49, MS-ADTS 5.1.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BindOutcome {
    /// The password is right and the account may sign in.
    Success,
    /// `52e`: the wrong password. An unknown name looks the same.
    WrongCredentials,
    /// `532`, to the right password only, as are all that follow but the last.
    PasswordExpired,
    /// `533`.
    Disabled,
    /// `701`.
    AccountExpired,
    /// `773`.
    MustChangePassword,
    /// `775`, whatever the password.
    Locked,
}

/// All accounts, with their passwords as digests: comparing those takes the same time at any length.
pub(super) struct DemoAccounts {
    accounts: Vec<StoredSampleAccount>,
    lockout: SampleLockoutPolicy,
    counters: Mutex<Vec<FailureCounter>>,
}

struct StoredSampleAccount {
    password: [u8; 32],
    state: SampleAccountState,
}

/// The wrong passwords of one account (`badPwdCount`, `badPasswordTime` and `lockoutTime`; MS-SAMR 3.1.5.14.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FailureCounter {
    /// The number in a row, each within the observation window of the one before.
    pub(super) count: u32,
    /// The time of the last one.
    pub(super) last_failure: Option<Timestamp>,
    /// Since when the account is locked.
    pub(super) locked_at: Option<Timestamp>,
}

impl DemoAccounts {
    pub(super) fn new(sample: &SampleDomain, now: Timestamp) -> Self {
        let counter = |state| FailureCounter {
            locked_at: (state == SampleAccountState::Locked).then_some(now),
            ..FailureCounter::default()
        };
        Self {
            accounts: sample
                .people
                .iter()
                .map(|person| StoredSampleAccount { password: digest(&person.password), state: person.state })
                .collect(),
            lockout: sample.lockout,
            counters: Mutex::new(sample.people.iter().map(|person| counter(person.state)).collect()),
        }
    }

    /// Checks a password, and counts it when it is wrong. No password is right for `None`, which takes as long as the
    /// others.
    pub(super) fn check_password(&self, account: Option<SampleAccountId>, password: &str, now: Timestamp) -> BindOutcome {
        let given = digest(password);
        let Some(id) = account else {
            let _ = bool::from(given.ct_eq(&[0; 32]));
            return BindOutcome::WrongCredentials;
        };
        let account = &self.accounts[id.0];
        let right = bool::from(given.ct_eq(&account.password));
        // Judged and counted under one lock, so that a burst of guesses gets no guess more than the threshold.
        let counter = &mut self.lock_counters()[id.0];
        self.expire_lockout(account.state, counter, now);
        if counter.locked_at.is_some() {
            return BindOutcome::Locked;
        }
        if !right {
            self.count_failure(counter, now);
            return BindOutcome::WrongCredentials;
        }
        *counter = FailureCounter::default();
        match account.state {
            SampleAccountState::Active => BindOutcome::Success,
            SampleAccountState::Disabled => BindOutcome::Disabled,
            SampleAccountState::AccountExpired => BindOutcome::AccountExpired,
            SampleAccountState::PasswordExpired => BindOutcome::PasswordExpired,
            SampleAccountState::MustChangePassword => BindOutcome::MustChangePassword,
            SampleAccountState::Locked => BindOutcome::Locked,
        }
    }

    /// The failure counter as it stands at `now`.
    pub(super) fn counter(&self, account: SampleAccountId, now: Timestamp) -> FailureCounter {
        let counter = &mut self.lock_counters()[account.0];
        self.expire_lockout(self.accounts[account.0].state, counter, now);
        *counter
    }

    /// The state of the account, wrong passwords aside.
    pub(super) fn state(&self, account: SampleAccountId) -> SampleAccountState {
        self.accounts[account.0].state
    }

    fn count_failure(&self, counter: &mut FailureCounter, now: Timestamp) {
        let recent = counter.last_failure.is_some_and(|last| now.since(last) <= self.lockout.observation_window);
        counter.count = if recent { counter.count.saturating_add(1) } else { 1 };
        counter.last_failure = Some(now);
        if self.lockout.threshold > 0 && counter.count >= self.lockout.threshold {
            counter.locked_at = Some(now);
        }
    }

    /// Lifts a lockout whose time is over.
    fn expire_lockout(&self, state: SampleAccountState, counter: &mut FailureCounter, now: Timestamp) {
        if state == SampleAccountState::Locked || self.lockout.duration.is_zero() {
            return;
        }
        if counter.locked_at.is_some_and(|since| now.since(since) >= self.lockout.duration) {
            *counter = FailureCounter::default();
        }
    }

    fn lock_counters(&self) -> MutexGuard<'_, Vec<FailureCounter>> {
        // A panic elsewhere leaves counts, which are whole at every moment.
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(password: &str) -> [u8; 32] {
    Sha256::digest(password).into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);
    const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);

    fn accounts(threshold: u32, duration: Duration) -> DemoAccounts {
        let mut sample = SampleDomain::demo();
        sample.lockout = SampleLockoutPolicy { threshold, observation_window: 10 * MINUTE, duration };
        DemoAccounts::new(&sample, START)
    }

    const ALICE: Option<SampleAccountId> = Some(SampleAccountId(0));

    #[test]
    fn an_account_locks_at_the_threshold_whatever_the_password_and_unlocks_by_itself() {
        let accounts = accounts(3, 30 * MINUTE);
        for _ in 0..3 {
            assert_eq!(accounts.check_password(ALICE, "wrong", START), BindOutcome::WrongCredentials);
        }
        assert_eq!(accounts.check_password(ALICE, "alice-demo", START), BindOutcome::Locked);
        assert_eq!(accounts.check_password(ALICE, "wrong", START + 29 * MINUTE), BindOutcome::Locked);
        assert_eq!(accounts.check_password(ALICE, "alice-demo", START + 30 * MINUTE), BindOutcome::Success);
    }

    #[test]
    fn a_lock_without_end_does_not_end() {
        let accounts = accounts(1, Duration::ZERO);
        assert_eq!(accounts.check_password(ALICE, "wrong", START), BindOutcome::WrongCredentials);
        assert_eq!(accounts.check_password(ALICE, "alice-demo", START + 100_000 * MINUTE), BindOutcome::Locked);
    }

    #[test]
    fn wrong_passwords_far_apart_do_not_add_up() {
        let accounts = accounts(2, 30 * MINUTE);
        assert_eq!(accounts.check_password(ALICE, "wrong", START), BindOutcome::WrongCredentials);
        assert_eq!(accounts.check_password(ALICE, "wrong", START + 11 * MINUTE), BindOutcome::WrongCredentials);
        assert_eq!(accounts.check_password(ALICE, "alice-demo", START + 11 * MINUTE), BindOutcome::Success);
    }

    #[test]
    fn the_right_password_wipes_the_count() {
        let accounts = accounts(2, 30 * MINUTE);
        for password in ["wrong", "alice-demo", "wrong", "alice-demo"] {
            assert_ne!(accounts.check_password(ALICE, password, START), BindOutcome::Locked);
        }
        assert_eq!(accounts.counter(SampleAccountId(0), START), FailureCounter::default());
    }

    #[test]
    fn a_threshold_of_zero_never_locks() {
        let accounts = accounts(0, 30 * MINUTE);
        for _ in 0..100 {
            assert_eq!(accounts.check_password(ALICE, "wrong", START), BindOutcome::WrongCredentials);
        }
        assert_eq!(accounts.check_password(ALICE, "alice-demo", START), BindOutcome::Success);
    }

    #[test]
    fn an_unknown_name_looks_like_a_wrong_password() {
        assert_eq!(accounts(3, MINUTE).check_password(None, "alice-demo", START), BindOutcome::WrongCredentials);
    }
}
