//! SQLite files for the state that must outlast a restart.
//!
//! A [`Store`] is one file with its migrations applied, readable by its owner alone. The rooms above keep their own
//! file each and their own tables in it. A store that cannot be read is a [`StoreError`],
//! never an empty answer. Secrets in it are encrypted with an [`AeadCipher`]. A [`WritableProbe`] tells whether its folder takes
//! anything more.
//!
//! Sessions and API tokens are [`Credentials`] in a [`CredentialStore`], which rest on a person. Live connections depend on
//! them: a [`RowWatch`] receives the events of one row at once, as a [`Notifier`] brings them; the [`WatchRegistry`] checks all
//! rows that are watched, with one query for many.

mod aead;
mod credentials;
mod error;
mod fence;
mod notifier;
mod open;
mod random;
mod row_status;
mod row_watch;
mod watch_registry;
mod writable_probe;
mod write_connection;

pub use aead::{AeadCipher, SealingKey};
pub use credentials::{
    CredentialRecord, CredentialStore, Credentials, EndSelection, PeopleBatch, SqliteCredentials, SqliteRecord,
};
pub use error::{StoreError, StoreKind};
pub use fence::Fence;
pub use notifier::{LocalNotifier, NewsListener, Notifier, RowNews};
pub use open::Store;
pub use random::fill_randomly;
pub use row_status::{RowId, RowStatus};
pub use row_watch::{RowEvent, RowWatch};
pub use watch_registry::{WatchRegistry, WatchedStore};
pub use writable_probe::WritableProbe;
pub use write_connection::WriteConnectionGuard;

#[cfg(test)]
pub(crate) mod tests;
