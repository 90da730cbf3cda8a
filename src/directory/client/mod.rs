//! The state of one directory's client: its settings, its pools of connections, what it has found out, and its caches.
//!
//! The rooms above extend [`LdapDirectory`] with what they do. Nothing is decided here: the caches keep what was read, for a
//! bounded time and in bounded number, and forget the rest.

mod agreed;
mod found_groups;
mod group_names;
mod ldap_directory;
mod lockout_policies;

pub use found_groups::GroupFinding;
pub use ldap_directory::LdapDirectory;
pub use lockout_policies::LockoutPolicy;

pub(super) use group_names::GroupNames;
