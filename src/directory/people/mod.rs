//! People and groups as the directory has them: filters that find people, what an entry says of them, their groups,
//! nested ones included, and the groups that settings and pages name.
//!
//! `membership` resolves the groups of people; `group_lookup` looks up groups by name, `suggestions` finds similar names
//! when there is none. This room sends no password, and never takes an answer that was cut short for a whole one without
//! saying so.

mod group_classes;
mod group_lookup;
mod group_mention;
mod membership;
mod password_times;
pub(super) mod person;
mod sign_in_names;
mod suggestions;

pub use group_mention::GroupMention;
pub use membership::{GroupMembership, MembershipPath};

pub(super) use group_mention::merge_mentions;
pub(super) use membership::{BulkGroups, MembershipSearcher, TruncatedAnswers};
pub(super) use sign_in_names::bind_name;
