use std::io;
use std::path::PathBuf;

use super::move_target::MoveTarget;
use crate::server::StartError;
use crate::store::StoreError;

/// Why a store was not moved. Each text names the remedy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MoveError {
    /// The settings, the state folder or a store cannot be used.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A store failed in the middle.
    #[error("{0}; start the same command again, and it goes on where it was")]
    Store(#[from] StoreError),
    /// The settings name no database.
    #[error("the settings name no database: write its URL as `url` (or `url_file`) under [default.store]")]
    NoDatabase,
    /// There is no secret key, neither in the settings nor in the state folder.
    #[error(
        "there is no secret key, without which nothing that the servers have encrypted can be read: write theirs as `secret_key` \
         in the settings, or copy the file `secret_key` of their state folder into this one"
    )]
    NoSecretKey,
    /// What is encrypted in the source was encrypted with another secret key.
    #[error(
        "the second factors in the store that is moved do not open with this secret key: write the one that the servers had as \
         `secret_key` in the settings, or copy the file `secret_key` of their state folder into this one"
    )]
    OtherSecretKey,
    /// A server uses the database: the name of its machine.
    #[error("a server on {0} uses the database: stop all of them first; one that was killed counts as running for ten seconds")]
    ServerRuns(String),
    /// Another move left its target incomplete.
    #[error("`move-store --to {0}` was interrupted, and what it was to copy is not all there: start that again first")]
    OtherDirection(&'static str),
    /// Another move from the database or into it is not over.
    #[error(
        "another move of what is in this database is under way, or was interrupted: let it end, or start it again with the state \
         folder that it was started with; to give it up, empty what it was to fill, and execute `DELETE FROM store_moves` in the \
         database"
    )]
    OtherMove,
    /// The target has rows that this move did not bring.
    #[error("the target has rows of another origin in {table} ({rows}): {}", remedy(*target))]
    NotEmpty {
        /// The table.
        table: &'static str,
        /// How many there are.
        rows: u64,
        /// The target.
        target: MoveTarget,
    },
    /// The file in the state folder that tells of the move.
    #[error("{} cannot be used: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
}

/// The way to an empty target.
fn remedy(target: MoveTarget) -> &'static str {
    match target {
        MoveTarget::Postgres => "name an empty database, or drop the tables of this one",
        MoveTarget::Embedded => "move the files that end in .db, .db-wal and .db-shm out of the state folder",
    }
}
