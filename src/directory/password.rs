use super::{LdapDirectory, Leave, Refusal};
use crate::domain::{Password, Username};

/// An old password and the one that is to take its place.
pub struct PasswordChange {
    /// What it is now.
    pub old: Password,
    /// What it is to be.
    pub new: Password,
}

/// Why a password was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRefusal {
    /// The old password was refused, or nobody could be asked.
    #[error(transparent)]
    Old(#[from] Refusal),
    /// The new password is against the directory's rules: too short, too simple, used before, or the old one is too
    /// young to be changed.
    #[error("the directory does not take the new password: {}", words.as_deref().unwrap_or("it breaks a rule"))]
    Policy {
        /// The directory's own words, where they are meant for people.
        words: Option<String>,
    },
    /// It cannot be changed here, but elsewhere.
    #[error("the password cannot be changed here: {reason}")]
    NotHere {
        /// For the log: what is missing.
        reason: &'static str,
    },
}

impl LdapDirectory {
    pub(super) async fn change(
        &self,
        _username: &Username,
        _change: &PasswordChange,
        _leave: &dyn Leave,
    ) -> Result<(), ChangeRefusal> {
        Err(ChangeRefusal::NotHere { reason: "not yet" })
    }
}
