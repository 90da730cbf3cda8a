//! Personal API tokens: one row a token, in an SQLite file of our own.
//!
//! [`Tokens`] makes, finds and ends tokens, keeps their people as the directory last described them (`upkeep`), and tells
//! live connections the moment one of theirs ends or changes (`watch`), also when another process ended it in the
//! file. A script holds an [`ApiToken`] of 256 random bits; the store holds its hash and nothing that opens a door. The
//! sealed keys that sign short-lived tokens lie beside them (`keys`).
//!
//! This room never asks the directory, never decides what a person may see, and cannot open what is sealed. A store that
//! cannot be read is a [`StoreError`](crate::store::StoreError), never "there is no such token".

mod create;
mod keys;
mod lists;
mod revalidation;
mod secret;
mod store;
mod token;
mod watch;

pub use create::{CreateTokenError, Wanted};
pub use keys::SealedSigningKey;
pub use secret::{ApiToken, InvalidApiToken, TOKEN_PREFIX};
pub use store::Tokens;
pub use token::{InvalidTokenName, Token, TokenLookup, TokenName};

#[cfg(test)]
mod tests;
