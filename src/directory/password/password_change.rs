use crate::domain::Password;

/// An old password and the one that is to take its place.
#[derive(Debug)]
pub struct PasswordChange {
    /// The current password.
    pub old: Password,
    /// The new password.
    pub new: Password,
}

/// The state of a password that is to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordState {
    /// It lets its owner in.
    Good,
    /// It has expired.
    Expired,
    /// It lets nobody in until it is changed.
    MustChange,
}
