//! People and groups as the directory has them: which filter finds somebody, what an entry says of them, which groups they are in,
//! nested ones included, and which groups a name in the settings or in a page means.
//!
//! Groups come from `token` on Active Directory and from `climb` elsewhere; `find` looks up groups by name, `near` suggests
//! others when there is none. This room sends no password, and an answer that was cut short is said to be.

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
