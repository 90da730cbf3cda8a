//! Files of our own: what must last over a restart, in SQLite.
//!
//! A [`Store`] is one file with its tables brought up to date, made for its owner alone. The rooms above keep their own
//! file each and their own tables in it; this room knows none of them. A store that cannot be read is a [`StoreError`],
//! never an empty answer. What is secret in it is closed with a [`Seal`].
//!
//! Live connections hang on rows, a session's or a token's. A [`Watch`] hears what becomes of one, at once; [`Watchers`] look
//! after all that are watched, with one question for many.

mod aead;
mod error;
mod open;
mod random;
mod row_watch;
mod watch_registry;
mod write_connection;

pub use aead::{AeadCipher, SealingKey};
pub use error::StoreError;
pub use open::{Store, StoreKind};
pub use random::fill_randomly;
pub use row_watch::{RowEvent, RowWatch};
pub use watch_registry::{RowStatus, WatchRegistry, WatchedStore};
pub use write_connection::WriteConnectionGuard;
