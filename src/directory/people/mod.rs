//! People and groups as the directory has them: filters that find people, what an entry says of them, their groups,
//! nested ones included, and the groups that settings and pages name.
//!
//! Groups come from `token_groups` on Active Directory and from `nested_groups` elsewhere; `group_lookup` looks up
//! groups by name, `suggestions` finds similar names when there is none. This room sends no password, and never takes
//! an answer that was cut short for a whole one without saying so.

mod group_lookup;
mod group_mention;
mod nested_groups;
mod password_expiry;
pub(super) mod person;
mod sign_in_names;
mod suggestions;
mod token_groups;

pub use group_mention::GroupMention;

pub(super) use group_mention::merge_mentions;
pub(super) use nested_groups::{MEMBER_FILTER, NestedGroupSearch, resolve_nested, resolve_nested_whole};
pub(super) use sign_in_names::bind_name;
pub(super) use token_groups::read_token_groups;
