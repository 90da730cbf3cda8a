//! Browser sessions: one row each, in an SQLite file of their own.
//!
//! [`Sessions`] begins, finds and ends sessions, keeps their people as the directory last described them
//! (`revalidation`), and notifies live connections the moment their session ends or changes (`watch`). Sessions that
//! begin together are inserted together (`begin`), and one that was just read is cached for a second (`cache`). A
//! browser holds a [`SessionToken`] of 256 random bits; the store holds its hash and nothing that grants access. A
//! restart keeps people signed in.
//!
//! This room never asks the directory, never decides what a person may see, and knows nothing of cookies. A store
//! that cannot be read is a [`StoreError`](crate::store::StoreError), never "nobody is signed in".

mod begin;
mod cache;
mod lists;
mod revalidation;
mod session;
mod store;
mod token;
mod watch;

pub use crate::domain::EndReason;
pub use lists::{SessionFilter, SessionList};
pub use revalidation::PeopleBatch;
pub use session::{Reauthentication, Session, SessionLookup, SessionOptions};
pub use store::Sessions;
pub use token::{InvalidSessionToken, SessionToken};

#[cfg(test)]
mod tests;
