use std::path::PathBuf;

use super::PostgresFailure;

/// The kind of a store, in the words of its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreKind {
    /// Its name: "session store".
    pub name: &'static str,
    /// The consequence of starting over with an empty file: "everybody signs in again".
    pub if_recreated: &'static str,
}

/// A store's failure. It is never the answer "there is no such thing".
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The file could not be made, opened or locked.
    #[error(
        "the {} {} cannot be opened: {reason}; its folder must be on a local disk with free space and belong to the \
         account this program runs under (setting 'state')",
        kind.name, path.display()
    )]
    Open {
        /// The kind of store.
        kind: StoreKind,
        /// The file.
        path: PathBuf,
        /// The cause, for the log.
        reason: String,
    },
    /// The file is there and is not a sound store.
    #[error(
        "the {} {} is damaged: {reason}; stop the program and move the file away together with its '-wal' and '-shm' \
         neighbours: a new one is made, and {}",
        kind.name, path.display(), kind.if_recreated
    )]
    Damaged {
        /// The kind of store.
        kind: StoreKind,
        /// The file.
        path: PathBuf,
        /// The damage, for the log.
        reason: String,
    },
    /// The file was written by another version of the program.
    #[error(
        "the {} {} was written by another version of this program ({reason}); start that version, or stop and move the \
         file away: a new one is made, and {}",
        kind.name, path.display(), kind.if_recreated
    )]
    OtherVersion {
        /// The kind of store.
        kind: StoreKind,
        /// The file.
        path: PathBuf,
        /// The migration that does not fit, for the log.
        reason: String,
    },
    /// The store was open, and a query failed.
    #[error("the {} {} cannot be used: {reason}; look at its disk's free space and health", kind.name, path.display())]
    Query {
        /// The kind of store.
        kind: StoreKind,
        /// The file.
        path: PathBuf,
        /// SQLite's message, for the log. It names no values.
        reason: String,
    },
    /// A PostgreSQL database cannot be used.
    #[error("the {} in {database} cannot be used: {failure}", kind.name)]
    Postgres {
        /// The kind of store.
        kind: StoreKind,
        /// The URL of the database, without a password.
        database: String,
        /// What is wrong, and the remedy.
        failure: PostgresFailure,
    },
    /// A secret could not be hashed, or compared with its hash.
    #[error("a secret cannot be hashed: {0}; look at the machine's free memory, and whether the store was edited by hand")]
    Hashing(String),
    /// The system's random generator gave nothing.
    #[error("the system's random generator does not answer: {0}; nothing secret can be made without it")]
    NoRandomness(String),
}

impl StoreError {
    /// Whether the store cannot be asked for now, which says nothing about what is in it.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Postgres { failure, .. } if failure.is_outage())
    }
}
