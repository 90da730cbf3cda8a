use ldap3::LdapResult;

use crate::directory::connection::{DirectoryRefusal, OperationFault, OperationKind, PasswordFate};

/// The reason why a password was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRefusal {
    /// The old password was refused, or no server could be asked.
    #[error(transparent)]
    OldPassword(#[from] DirectoryRefusal),
    /// The new password is against the directory's rules, or the old one is too young to be changed.
    #[error("the directory does not take the new password: {}", message.as_deref().unwrap_or("it breaks a rule"))]
    Policy {
        /// The rule, where the directory names it.
        rule: Option<PasswordRule>,
        /// The directory's own words, where they are meant for people.
        message: Option<String>,
    },
    /// It cannot be changed here, but elsewhere.
    #[error("the password cannot be changed here: {reason}")]
    NotHere {
        /// For the log: what is missing.
        reason: &'static str,
    },
    /// The old password was right, the change was sent, and no answer came: it may have been made.
    #[error("the directory did not answer the change: {reason}")]
    Unanswered {
        /// For the log: what went wrong. No secret.
        reason: String,
    },
}

/// A directory's rules for passwords (draft-behera-ldap-password-policy-10, 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordRule {
    /// The new one is too short.
    TooShort,
    /// The new one is too long.
    TooLong,
    /// The new one is too simple.
    TooSimple,
    /// The new one was used before.
    InHistory,
    /// The old one was set so recently that it may not be changed yet.
    TooYoung,
}

impl ChangeRefusal {
    /// The directory answered, and said neither yes nor no.
    pub(super) fn unclear(result: &LdapResult) -> Self {
        let what = "the server did not change the password";
        let fault = OperationFault::from_result(OperationKind::ChangePassword, result, what);
        Self::OldPassword(fault.with_password_fate(PasswordFate::Answered).refusal)
    }

    /// A rule, without words of the directory's.
    pub(super) fn rule(rule: PasswordRule) -> Self {
        Self::Policy { rule: Some(rule), message: None }
    }
}
