//! People and groups as the directory has them: filters that find people, what an entry says of them, their groups,
//! nested ones included, and the groups that settings and pages name.
//!
//! `membership` resolves the groups of people; `group_lookup` looks up groups by name, `suggestions` finds similar names
//! when there is none. `removal` says whether an account may be signed in now. This room sends no password, and never takes an answer that was cut short for a whole one without
//! saying so.

pub(super) mod compat_tree;
mod group_classes;
mod group_lookup;
mod group_mention;
mod membership;
mod password_times;
pub(super) mod person;
pub(super) mod removal;
mod sign_in_names;
mod suggestions;

pub use group_mention::GroupMention;
pub use membership::{GroupMembership, MembershipPath};
pub use removal::RemovalReason;

pub(super) use group_mention::merge_mentions;
pub(super) use membership::{BulkGroups, Halves, MembershipSearcher, TruncatedAnswers};
pub(super) use sign_in_names::bind_name;
