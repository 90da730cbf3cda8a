//! The groups somebody is in, nested ones included.

mod climb;
mod find;
mod token;

pub use find::GroupFinding;

pub(super) use climb::{Climber, climb};
pub(super) use token::{GroupNames, token_groups};
