use async_trait::async_trait;

use crate::directory::client::LockoutPolicy;
use crate::directory::connection::BindDenied;
use crate::domain::{PersonId, Timestamp};

/// The caller's permission to bind, asked for right before a password is sent.
#[async_trait]
pub trait BindGate: Send + Sync {
    /// Whether the password may be sent now. Asked once in a sign-in at the most, right before its one bind, and no
    /// bind is made without it. `candidate` is the person found, where the directory shows people before they bind;
    /// `None` where only the bind tells who it is.
    ///
    /// # Errors
    /// [`BindDenied`] when it may not.
    async fn allow_bind(&self, candidate: Option<&BindCandidate>) -> Result<(), BindDenied>;

    /// Records that the directory has accepted the password, whatever fails afterwards. Whoever keeps no count ignores it.
    fn record_acceptance(&self) {}

    /// Records the lockout policy of the account, where only the bind told whose it was. Whoever keeps no count ignores it.
    fn record_policy(&self, _policy: LockoutPolicy) {}
}

/// A person found in the directory whose password has not been tried yet, and the directory's own counters of them, each
/// `None` where it does not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindCandidate {
    /// The person's id.
    pub id: PersonId,
    /// The lockout policy of this account, where it may be read.
    pub policy: Option<LockoutPolicy>,
    /// The number of wrong passwords that the directory counts against the account now, wherever they were tried
    /// (`badPwdCount`).
    pub failures: Option<u32>,
    /// When the last of them was tried, by the directory's clock (`badPasswordTime`).
    pub failed_at: Option<Timestamp>,
    /// When the password was set (`pwdLastSet`).
    pub password_set_at: Option<Timestamp>,
    /// The server that told this: each counts for itself.
    pub told_by: Option<String>,
    /// The server that is to judge the password.
    pub judge: Option<String>,
}

impl BindCandidate {
    /// Somebody of whom no more is known.
    pub fn new(id: PersonId, policy: Option<LockoutPolicy>) -> Self {
        Self { id, policy, failures: None, failed_at: None, password_set_at: None, told_by: None, judge: None }
    }
}

/// Facts about lockout that are known before a server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockoutInfo {
    /// The directory's policy, once it has been read.
    pub policy: Option<LockoutPolicy>,
    /// Whether the directory shows whom a name belongs to before a password is sent, so that all names of one account
    /// count together. Where it does, [`BindGate::allow_bind`] is always told who it is.
    pub identifies_before_bind: bool,
    /// Whether an account may be under a stricter policy than that, which is not known before somebody has signed in to it.
    pub may_be_stricter: bool,
}

impl LockoutInfo {
    /// One policy for all accounts.
    pub fn new(policy: Option<LockoutPolicy>, identifies_before_bind: bool) -> Self {
        Self { policy, identifies_before_bind, may_be_stricter: false }
    }
}
