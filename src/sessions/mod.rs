//! Who is signed in: one row a session, in an SQLite file of our own.
//!
//! [`Sessions`] begins, finds and ends sessions, and tells live connections the moment one of theirs ends
//! ([`SessionWatch`]). A browser holds a [`SessionToken`] of 256 random bits; the store holds its hash and nothing
//! that opens a door. A restart keeps people signed in.
//!
//! This room never asks the directory, never decides what a person may see, and knows nothing of cookies. A store
//! that cannot be read is a [`StoreError`], never "nobody is signed in".

mod error;
mod open;
mod session;
mod store;
mod token;
mod watch;

pub use crate::domain::EndReason;
pub use error::StoreError;
pub use session::Session;
pub use store::Sessions;
pub use token::{InvalidToken, SessionToken};
pub use watch::SessionWatch;

#[cfg(test)]
mod tests;
