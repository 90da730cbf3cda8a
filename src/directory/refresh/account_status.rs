use crate::directory::people::RemovalReason;
use crate::domain::Person;

/// The current status of the account of somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountStatus {
    /// They may be signed in, as described now.
    Active(Person),
    /// They may not be signed in any more.
    Removed(RemovalReason),
}
