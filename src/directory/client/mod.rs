//! The state of one directory's client: its settings, its pools of connections, what it has found out, and its caches.
//!
//! The rooms above extend [`LdapDirectory`] with what they do. Nothing is decided here: the caches keep what was read,
//! for a bounded time and in bounded number, and forget the rest.

mod group_lookup_cache;
mod group_name_cache;
mod ldap_directory;
mod lockout_policy_cache;
mod membership_cache;

pub use group_lookup_cache::GroupLookup;
pub use ldap_directory::LdapDirectory;
pub use lockout_policy_cache::LockoutPolicy;

pub(super) use group_name_cache::GroupNameCache;
