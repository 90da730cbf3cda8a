//! Personal API tokens: one row each, in a store of their own.
//!
//! [`Tokens`] creates, finds and revokes tokens, also when another process did it in the store. What they have in common with
//! sessions is [`Credentials`](crate::store::Credentials). A script holds an [`ApiToken`] of 256 random bits; the
//! [`TokenStore`] holds its hash and nothing that grants access. The encrypted keys that sign JWTs are kept beside them
//! (`keys`).
//!
//! This room never asks the directory, never decides what a person may see, and cannot decrypt the keys. A store that
//! cannot be read is a [`StoreError`](crate::store::StoreError), never "there is no such token".

mod create;
mod keys;
mod postgres;
mod record;
mod secret;
mod service;
mod sqlite;
mod store;
mod token;

pub use create::CreateTokenError;
pub use keys::{SealedSigningKey, SigningKeyStore};
pub use record::TokenRecord;
pub use secret::{ApiToken, InvalidApiToken, TOKEN_PREFIX};
pub use service::Tokens;
pub use store::{TokenInsert, TokenStore};
pub use token::{InvalidTokenName, NewToken, Token, TokenLookup, TokenName};

#[cfg(test)]
mod tests;
