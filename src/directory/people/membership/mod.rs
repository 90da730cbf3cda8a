//! The groups that people are in: one resolver for sign-ins, refreshes and diagnostics.
//!
//! `resolver` is the entrance. Each strategy stands once: `token_groups`, which Active Directory computes;
//! `member_search`, the filters and attributes for groups that list a member and for posix primary groups elsewhere.
//! `person_walk` reads one person's groups level by level and knows the path to each; `member_lists` and
//! `domain_groups` read those of many people at once, from the members and parents that groups list. `walk` bounds all
//! three, `path` finds the shortest paths, `halves` asks for less where an answer is cut short, and `group_search` for what of it
//! is still to come. `namesakes` marks groups whose name is not theirs alone.
//!
//! Nothing here decides what a group grants, and an answer that was cut short is never taken for a whole one unsaid.

mod bulk_groups;
mod domain_groups;
mod group_index;
mod group_search;
mod halves;
mod member_lists;
mod member_search;
mod namesakes;
mod path;
mod person_walk;
mod resolver;
mod searcher;
mod token_groups;
mod walk;

pub use path::{GroupMembership, MembershipPath};

pub(in crate::directory) use bulk_groups::BulkGroups;
pub(in crate::directory) use domain_groups::is_distribution_list;
pub(in crate::directory) use halves::Halves;
pub(in crate::directory) use person_walk::TruncatedAnswers;
pub(in crate::directory) use searcher::MembershipSearcher;
