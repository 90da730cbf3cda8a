use std::time::Duration;

use super::PendingToken;
use crate::directory::{ChangeRefusal, DirectoryRefusal, PasswordFate, PasswordRule, Unreachable};
use crate::domain::Timestamp;
use crate::store::StoreError;

/// Why somebody was not signed in, as far as a visitor may know it.
///
/// A wrong name, a wrong password, a name or password that no directory could have, and a locked account are one
/// and the same here: a stranger must not learn which names exist or which are locked. The audit knows.
#[derive(Debug, thiserror::Error)]
pub enum SignInRefusal {
    /// The name and password do not match, or the account is locked.
    #[error("the name and password do not match")]
    WrongCredentials,
    /// Too many failed tries for this name or from this address.
    #[error("too many failed tries; another is heard in {} s", retry_after.as_secs())]
    Throttled {
        /// The time until another try is accepted.
        retry_after: Duration,
        /// When that is.
        until: Timestamp,
    },
    /// Signing in is not allowed at this hour. The password was right, as with the next seven.
    #[error("signing in is not allowed at this hour")]
    NotAtThisHour,
    /// Signing in is not allowed from here.
    #[error("signing in is not allowed from here")]
    NotFromHere,
    /// The account may not sign in by a password over LDAP.
    #[error("a restriction of the account does not let it sign in here")]
    Restricted,
    /// The account is in more groups than the directory can handle at a sign-in.
    #[error("the account is in too many groups to sign in")]
    TooManyGroups,
    /// The password has expired.
    #[error("the password has expired")]
    PasswordExpired,
    /// The password must be changed first.
    #[error("the password must be changed before signing in")]
    MustChangePassword,
    /// The account is disabled.
    #[error("the account is disabled")]
    Disabled,
    /// The account has expired.
    #[error("the account has expired")]
    AccountExpired,
    /// The password was right, and a second factor is needed: this token continues the sign-in.
    #[error("a second factor is asked for")]
    SecondFactorFirst(PendingToken),
    /// As many passwords are verified as can be at once: this one was not looked at.
    #[error("as many passwords are being verified as can be at once")]
    Busy,
    /// The directory could not be asked, or gave no answer about the person.
    #[error(transparent)]
    DirectoryUnreachable(Unreachable),
    /// The session could not be kept: this says nothing about the person.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a password was not changed, as far as its owner may know it.
#[derive(Debug, thiserror::Error)]
pub enum PasswordChangeRefusal {
    /// There is no new password.
    #[error("the new password is empty")]
    NewEmpty,
    /// The new password was not typed the same twice.
    #[error("the new password was not repeated")]
    NotRepeated,
    /// The new password is the old one.
    #[error("the new password is the old one")]
    Unchanged,
    /// The new password is one that no directory could accept.
    #[error("the new password is too long, or contains NUL")]
    NotAPassword,
    /// The old password was refused, as at a sign-in.
    #[error(transparent)]
    Old(#[from] SignInRefusal),
    /// The old password was right; the new one is against the directory's rules.
    #[error("the new password is against the directory's rules")]
    Policy {
        /// The broken rule, where the directory names it.
        rule: Option<PasswordRule>,
        /// The directory's own words, where they are meant for people.
        words: Option<String>,
    },
    /// The password can only be changed elsewhere.
    #[error("the password cannot be changed here")]
    NotHere,
    /// The old password was right, and the directory did not answer the change: it may have been made.
    #[error("the directory did not answer the change")]
    Unanswered,
}

impl From<ChangeRefusal> for PasswordChangeRefusal {
    fn from(refusal: ChangeRefusal) -> Self {
        match refusal {
            ChangeRefusal::OldPassword(refusal) => Self::Old(refusal.into()),
            ChangeRefusal::Policy { rule, message } => Self::Policy { rule, words: message },
            ChangeRefusal::NotHere { .. } => Self::NotHere,
            ChangeRefusal::Unanswered { .. } => Self::Unanswered,
        }
    }
}

impl From<DirectoryRefusal> for SignInRefusal {
    fn from(refusal: DirectoryRefusal) -> Self {
        match refusal {
            DirectoryRefusal::WrongCredentials
            | DirectoryRefusal::Locked
            | DirectoryRefusal::NotJudged { .. }
            | DirectoryRefusal::BindDenied(_) => Self::WrongCredentials,
            DirectoryRefusal::NotAtThisHour => Self::NotAtThisHour,
            DirectoryRefusal::NotFromHere => Self::NotFromHere,
            DirectoryRefusal::Restricted => Self::Restricted,
            DirectoryRefusal::TooManyGroups => Self::TooManyGroups,
            DirectoryRefusal::PasswordExpired => Self::PasswordExpired,
            DirectoryRefusal::MustChangePassword => Self::MustChangePassword,
            DirectoryRefusal::Disabled => Self::Disabled,
            DirectoryRefusal::AccountExpired => Self::AccountExpired,
            DirectoryRefusal::Unreachable(unreachable) => Self::DirectoryUnreachable(unreachable),
        }
    }
}

/// The audit's reason for a directory's refusal: a word that does not change, and Active Directory's sub-code where the
/// refusal stands for just one (MS-ADTS 5.1.1.5).
pub(super) fn audit_reason(refusal: &DirectoryRefusal) -> (&'static str, Option<&'static str>) {
    match refusal {
        DirectoryRefusal::WrongCredentials | DirectoryRefusal::Restricted | DirectoryRefusal::NotJudged { .. } => {
            (refusal.word(), None)
        }
        DirectoryRefusal::NotFromHere => (refusal.word(), Some("531")),
        DirectoryRefusal::TooManyGroups => (refusal.word(), Some("568")),
        DirectoryRefusal::NotAtThisHour => (refusal.word(), Some("530")),
        DirectoryRefusal::PasswordExpired => (refusal.word(), Some("532")),
        DirectoryRefusal::Disabled => (refusal.word(), Some("533")),
        DirectoryRefusal::AccountExpired => (refusal.word(), Some("701")),
        DirectoryRefusal::MustChangePassword => (refusal.word(), Some("773")),
        DirectoryRefusal::Locked => (refusal.word(), Some("775")),
        DirectoryRefusal::Unreachable(Unreachable { password: PasswordFate::NotSent, result_code, .. }) => {
            (if result_code.is_some() { "directory-error" } else { "directory-unreachable" }, None)
        }
        DirectoryRefusal::Unreachable(Unreachable { password: PasswordFate::Answered, .. }) => ("directory-failed", None),
        DirectoryRefusal::Unreachable(Unreachable { password: PasswordFate::Unanswered, .. }) => ("directory-silent", None),
        DirectoryRefusal::BindDenied(_) => ("throttled", None),
    }
}
