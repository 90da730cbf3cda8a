//! People and groups as the directory has them: which filter finds somebody, what an entry says of them, which groups they are in,
//! nested ones included, and which groups a name in the settings or in a page means.
//!
//! Groups come from `token` on Active Directory and from `climb` elsewhere; `find` looks up groups by name, `near` suggests
//! others when there is none. This room sends no password, and an answer that was cut short is said to be.

mod climb;
mod expiry;
mod find;
mod names;
mod naming;
mod near;
pub(super) mod person;
mod token;

pub use naming::Naming;

pub(super) use climb::{Climber, LISTS_MEMBER, climb, climb_all};
pub(super) use names::bind_name;
pub(super) use naming::gathered;
pub(super) use token::token_groups;
