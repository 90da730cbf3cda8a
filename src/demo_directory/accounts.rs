//! The accounts behind the people: passwords, and the count of wrong ones.

use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::sample::{LockoutPolicy, Sample, Standing};
use super::tree::AccountId;
use crate::domain::Timestamp;

/// What a bind to an account comes to (the sub-codes of result 49, MS-ADTS 5.1.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The password is right and the account may sign in.
    Welcome,
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

/// All accounts. The passwords are there as digests, which makes comparing them take the same time at any length.
pub(super) struct Accounts {
    known: Vec<Account>,
    lockout: LockoutPolicy,
    tallies: Mutex<Vec<Tally>>,
}

struct Account {
    password: [u8; 32],
    standing: Standing,
}

/// The wrong passwords of one account (`badPwdCount`, `badPasswordTime` and `lockoutTime`; MS-SAMR 3.1.5.14.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// How many in a row, each within the observation window of the one before.
    pub(super) wrong: u32,
    /// When the last one was.
    pub(super) last_wrong: Option<Timestamp>,
    /// Since when the account is locked.
    pub(super) locked_at: Option<Timestamp>,
}

impl Accounts {
    pub(super) fn new(sample: &Sample, now: Timestamp) -> Self {
        let tally = |standing| Tally { locked_at: (standing == Standing::Locked).then_some(now), ..Tally::default() };
        Self {
            known: sample
                .people
                .iter()
                .map(|person| Account { password: digest(&person.password), standing: person.standing })
                .collect(),
            lockout: sample.lockout,
            tallies: Mutex::new(sample.people.iter().map(|person| tally(person.standing)).collect()),
        }
    }

    /// Judges a password, and counts it when it is wrong. Nobody's password is ever right for `None`, which takes
    /// as long as the others.
    pub(super) fn judge(&self, account: Option<AccountId>, password: &str, now: Timestamp) -> Judgement {
        let given = digest(password);
        let Some(id) = account else {
            let _ = bool::from(given.ct_eq(&[0; 32]));
            return Judgement::WrongCredentials;
        };
        let account = &self.known[id.0];
        let right = bool::from(given.ct_eq(&account.password));
        // Judged and counted under one lock, so that a burst of guesses gets no guess more than the threshold.
        let tally = &mut self.tallies()[id.0];
        self.lapse(account.standing, tally, now);
        if tally.locked_at.is_some() {
            return Judgement::Locked;
        }
        if !right {
            self.count(tally, now);
            return Judgement::WrongCredentials;
        }
        *tally = Tally::default();
        match account.standing {
            Standing::Active => Judgement::Welcome,
            Standing::Disabled => Judgement::Disabled,
            Standing::AccountExpired => Judgement::AccountExpired,
            Standing::PasswordExpired => Judgement::PasswordExpired,
            Standing::MustChangePassword => Judgement::MustChangePassword,
            Standing::Locked => Judgement::Locked,
        }
    }

    /// The tally as it stands at `now`.
    pub(super) fn tally(&self, account: AccountId, now: Timestamp) -> Tally {
        let tally = &mut self.tallies()[account.0];
        self.lapse(self.known[account.0].standing, tally, now);
        *tally
    }

    /// How the account stands, wrong passwords aside.
    pub(super) fn standing(&self, account: AccountId) -> Standing {
        self.known[account.0].standing
    }

    fn count(&self, tally: &mut Tally, now: Timestamp) {
        let recent = tally.last_wrong.is_some_and(|last| now.since(last) <= self.lockout.observation_window);
        tally.wrong = if recent { tally.wrong.saturating_add(1) } else { 1 };
        tally.last_wrong = Some(now);
        if self.lockout.threshold > 0 && tally.wrong >= self.lockout.threshold {
            tally.locked_at = Some(now);
        }
    }

    /// Lifts a lock whose time is over.
    fn lapse(&self, standing: Standing, tally: &mut Tally, now: Timestamp) {
        if standing == Standing::Locked || self.lockout.duration.is_zero() {
            return;
        }
        if tally.locked_at.is_some_and(|since| now.since(since) >= self.lockout.duration) {
            *tally = Tally::default();
        }
    }

    fn tallies(&self) -> MutexGuard<'_, Vec<Tally>> {
        // A panic elsewhere leaves counts, which are whole at every moment.
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
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

    fn accounts(threshold: u32, duration: Duration) -> Accounts {
        let mut sample = Sample::demo();
        sample.lockout = LockoutPolicy { threshold, observation_window: 10 * MINUTE, duration };
        Accounts::new(&sample, START)
    }

    const ALICE: Option<AccountId> = Some(AccountId(0));

    #[test]
    fn an_account_locks_at_the_threshold_whatever_the_password_and_unlocks_by_itself() {
        let accounts = accounts(3, 30 * MINUTE);
        for _ in 0..3 {
            assert_eq!(accounts.judge(ALICE, "wrong", START), Judgement::WrongCredentials);
        }
        assert_eq!(accounts.judge(ALICE, "alice-demo", START), Judgement::Locked);
        assert_eq!(accounts.judge(ALICE, "wrong", START + 29 * MINUTE), Judgement::Locked);
        assert_eq!(accounts.judge(ALICE, "alice-demo", START + 30 * MINUTE), Judgement::Welcome);
    }

    #[test]
    fn a_lock_without_end_does_not_end() {
        let accounts = accounts(1, Duration::ZERO);
        assert_eq!(accounts.judge(ALICE, "wrong", START), Judgement::WrongCredentials);
        assert_eq!(accounts.judge(ALICE, "alice-demo", START + 100_000 * MINUTE), Judgement::Locked);
    }

    #[test]
    fn wrong_passwords_far_apart_do_not_add_up() {
        let accounts = accounts(2, 30 * MINUTE);
        assert_eq!(accounts.judge(ALICE, "wrong", START), Judgement::WrongCredentials);
        assert_eq!(accounts.judge(ALICE, "wrong", START + 11 * MINUTE), Judgement::WrongCredentials);
        assert_eq!(accounts.judge(ALICE, "alice-demo", START + 11 * MINUTE), Judgement::Welcome);
    }

    #[test]
    fn the_right_password_wipes_the_count() {
        let accounts = accounts(2, 30 * MINUTE);
        for password in ["wrong", "alice-demo", "wrong", "alice-demo"] {
            assert_ne!(accounts.judge(ALICE, password, START), Judgement::Locked);
        }
        assert_eq!(accounts.tally(AccountId(0), START), Tally::default());
    }

    #[test]
    fn a_threshold_of_zero_never_locks() {
        let accounts = accounts(0, 30 * MINUTE);
        for _ in 0..100 {
            assert_eq!(accounts.judge(ALICE, "wrong", START), Judgement::WrongCredentials);
        }
        assert_eq!(accounts.judge(ALICE, "alice-demo", START), Judgement::Welcome);
    }

    #[test]
    fn an_unknown_name_looks_like_a_wrong_password() {
        assert_eq!(accounts(3, MINUTE).judge(None, "alice-demo", START), Judgement::WrongCredentials);
    }
}
