use std::time::Duration;

use async_trait::async_trait;

use super::rows::{RowLimits, SqlRows};
use super::statement::SqlStatement;
use crate::sources::SourceError;

/// The way to one database.
#[async_trait]
pub(super) trait SqlDialer: Send + Sync {
    /// Makes a connection.
    ///
    /// # Errors
    /// [`SourceError`] when there is none.
    async fn connect(&self) -> Result<Box<dyn SqlConnection>, SourceError>;
}

/// A connection to a database, on which no row can be written. What else functions do there is for the user's privileges to
/// prevent: end others' sessions, read files.
#[async_trait]
pub(super) trait SqlConnection: Send {
    /// Executes a statement in a transaction that reads only, and rolls back.
    ///
    /// # Errors
    /// [`SqlFailure`]: the database's error, or that there are more rows than allowed.
    async fn fetch(&mut self, statement: &SqlStatement, values: &[String]) -> Result<SqlRows, SqlFailure>;

    /// Whether it still leads to the database.
    async fn is_usable(&mut self) -> bool;
}

/// Why a statement gave no rows.
#[derive(Debug)]
pub(super) struct SqlFailure {
    pub(super) error: SourceError,
    /// Whether the connection can be used again.
    pub(super) is_reusable: bool,
}

/// The limits of statements.
#[derive(Clone, Copy, Debug)]
pub(super) struct SqlLimits {
    pub(super) timeout: Duration,
    pub(super) rows: RowLimits,
}

impl From<SourceError> for SqlFailure {
    /// The failure after which a connection is in no state to be used.
    fn from(error: SourceError) -> Self {
        Self { error, is_reusable: false }
    }
}
