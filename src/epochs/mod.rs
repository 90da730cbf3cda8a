//! The epochs of people: by them ends what somebody has proved, in whichever way they did.
//!
//! Every proof is made in an epoch, which it carries or remembers. What takes the ground from under earlier proofs (a password is
//! changed, an account is closed, a factor is enrolled) bumps its person: it begins a new epoch. [`RevocationEvent::ends`] is
//! the one table of which event ends which proof. Bumps are kept in an [`EpochStore`], so that every process sees them: the
//! command line bumps in its own, and the server learns of it within a second. Live connections that rest on no stored row
//! follow an [`EpochWatch`].
//!
//! A password that was changed in the directory is seen by the time at which it was set: [`PersonEpochs::record_password`] knows
//! the latest of each person, and bumps whose is later.
//!
//! This room never says who somebody is, and ends no session or token itself: `auth` does, by what is bumped here.

mod event;
mod known_bumps;
mod password;
mod postgres;
mod service;
mod sqlite;
mod store;
mod watch;

pub use event::{ProofKind, RevocationEvent};
pub use password::{KnownPassword, ObservedPassword};
pub use service::PersonEpochs;
pub use store::{Bump, EpochStore, NewBump, PasswordRecord, RevokedPeople};
pub use watch::EpochWatch;

#[cfg(test)]
mod tests;
