use super::account_state::SignInBlocker;
use crate::directory::people::GroupMembership;
use crate::domain::Person;

/// A person as the directory shows them now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonReport {
    /// The person, as after a sign-in.
    pub person: Person,
    /// The DN of their entry.
    pub dn: String,
    /// Their groups, and how they come by each.
    pub memberships: Vec<GroupMembership>,
    /// The reason why they could not sign in now, whatever the password.
    pub blocker: Option<SignInBlocker>,
    /// The state of their account in words.
    pub account_state: Vec<String>,
}
