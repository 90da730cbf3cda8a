//! Browser sessions: one row each, in a store of their own.
//!
//! [`Sessions`] begins, finds and ends sessions. What they have in common with API tokens is
//! [`Credentials`](crate::store::Credentials): their people, as the directory last described them, and live connections,
//! which hear the moment their session ends or changes. Sessions that begin together are inserted together (`insert_batcher`), and one
//! that was just read is cached for a second (`cache`). Who signs out is signed out, also where that cannot be written down (`unwritten_ends`). A browser holds a [`SessionToken`] of 256 random bits; the
//! [`SessionStore`] holds its hash and nothing that grants access. A restart keeps people signed in.
//!
//! This room never asks the directory, never decides what a person may see, and knows nothing of cookies. A store
//! that cannot be read is a [`StoreError`](crate::store::StoreError), never "nobody is signed in".

mod begin;
mod cache;
mod insert_batcher;
mod lists;
mod postgres;
mod record;
mod service;
mod session;
mod sqlite;
mod store;
mod token;
mod unwritten_ends;

pub use crate::domain::EndReason;
pub use lists::SessionList;
pub use record::SessionRecord;
pub use service::Sessions;
pub use session::{Reauthentication, Session, SessionLookup, SessionOptions};
pub use store::{NewSession, SessionFilter, SessionStore};
pub use token::{InvalidSessionToken, SessionToken};

#[cfg(test)]
mod tests;
