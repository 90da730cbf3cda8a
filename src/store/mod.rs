//! SQLite files for the state that must outlast a restart.
//!
//! A [`Store`] is one file with its migrations applied, readable by its owner alone. The rooms above keep their own
//! file each and their own tables in it; this room knows none of them. A store that cannot be read is a [`StoreError`],
//! never an empty answer. Secrets in it are encrypted with an [`AeadCipher`].
//!
//! Live connections depend on rows, a session's or a token's. A [`RowWatch`] receives the events of one at once; the
//! [`WatchRegistry`] checks all rows that are watched, with one query for many.

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
pub use watch_registry::{RowId, RowStatus, WatchRegistry, WatchedStore};
pub use write_connection::WriteConnectionGuard;
