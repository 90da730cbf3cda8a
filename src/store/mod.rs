//! The state that must outlast a restart: in SQLite files, or in a PostgreSQL database.
//!
//! A [`SqliteStore`] is one file with its migrations applied, readable by its owner alone; a [`PostgresStore`] is one room's
//! tables in a [`PostgresDatabase`], which several servers share. The rooms above keep their own tables in either. A store that
//! cannot be read is a [`StoreError`], never an empty answer. Secrets in it are encrypted with an [`AeadCipher`]. A
//! [`WritableProbe`] tells whether the folder of the files takes anything more.
//!
//! Sessions and API tokens are [`Credentials`] in a [`CredentialStore`], which rest on a person. Live connections depend on
//! them: a [`RowWatch`] receives the events of one row at once, as a [`Notifier`] brings them; the [`WatchRegistry`] checks all
//! rows that are watched, with one query for many.

mod aead;
mod credentials;
mod error;
mod fence;
mod notifier;
mod postgres;
mod random;
mod row_status;
mod row_watch;
mod running_connection;
mod sqlite;
pub mod transfer;
mod watch_registry;
mod writable_probe;

pub use aead::{AeadCipher, SealingKey};
pub use credentials::{
    CredentialRecord, CredentialStore, Credentials, EndSelection, PeopleBatch, PostgresCredentials, PostgresRecord,
    SqliteCredentials, SqliteRecord,
};
pub use error::{StoreError, StoreKind};
pub use fence::Fence;
pub use notifier::{LocalNotifier, NewsListener, Notifier, RowNews};
pub use postgres::{PostgresDatabase, PostgresFailure, PostgresNews, PostgresStore, PostgresTransaction, postgres_options};
pub use random::{fill_randomly, random_uuid};
pub use row_status::{RowId, RowStatus};
pub use row_watch::{RowEvent, RowWatch};
pub use running_connection::RunningConnection;
pub use sqlite::SqliteStore;
pub use watch_registry::{WatchRegistry, WatchedStore};
pub use writable_probe::WritableProbe;

#[cfg(test)]
pub(crate) mod tests;
