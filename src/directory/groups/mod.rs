//! The groups somebody is in, nested ones included.

mod climb;
mod find;
mod token;

pub use find::GroupFinding;

pub(super) use climb::{Climber, LISTS_MEMBER, climb, climb_all};
pub(super) use token::{GroupNames, token_groups};
