//! The groups somebody is in, nested ones included, and the groups that settings and pages name.

mod climb;
mod find;
mod near;
mod token;
mod watch;

pub use find::GroupFinding;
pub use watch::{GroupReport, GroupWatch, Naming};

pub(super) use climb::{Climber, LISTS_MEMBER, climb, climb_all};
pub(super) use find::FoundGroups;
pub(super) use token::{GroupNames, token_groups};
pub(super) use watch::gathered;
