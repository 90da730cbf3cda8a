//! Personal API tokens: one row each, in an SQLite file of their own.
//!
//! [`Tokens`] creates, finds and ends tokens, keeps their people as the directory last described them (`revalidation`),
//! and notifies live connections the moment their token ends or changes (`watch`), also when another process ended it
//! in the file. A script holds an [`ApiToken`] of 256 random bits; the store holds its hash and nothing that grants
//! access. The encrypted keys that sign JWTs are kept beside them (`keys`).
//!
//! This room never asks the directory, never decides what a person may see, and cannot decrypt the keys. A store that
//! cannot be read is a [`StoreError`](crate::store::StoreError), never "there is no such token".

mod create;
mod keys;
mod lists;
mod revalidation;
mod secret;
mod store;
mod token;
mod watch;

pub use create::{CreateTokenError, NewToken};
pub use keys::SealedSigningKey;
pub use secret::{ApiToken, InvalidApiToken, TOKEN_PREFIX};
pub use store::Tokens;
pub use token::{InvalidTokenName, Token, TokenLookup, TokenName};

#[cfg(test)]
mod tests;
