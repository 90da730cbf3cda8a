use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::FromRow;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::query::{Query, QueryAs};

use super::{PostgresDatabase, PostgresFailure, PostgresTransaction};
use crate::store::{StoreError, StoreKind};

/// The tables of one room in a PostgreSQL database. Cheap to clone; the clones are one store.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    database: PostgresDatabase,
    kind: StoreKind,
    /// Whether it has been closed, for all its clones.
    closed: Arc<AtomicBool>,
}

impl PostgresStore {
    /// Opens the store of a room, which has a table of migrations of its own, and runs those that are new. Servers that start
    /// together wait for each other.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be used, or was written by another version.
    pub async fn open(
        database: &PostgresDatabase,
        kind: StoreKind,
        room: &str,
        mut migrations: Migrator,
    ) -> Result<Self, StoreError> {
        migrations.dangerous_set_table_name(format!("_migrations_{room}"));
        database.migrate(&migrations).await.map_err(|failure| database.error(kind, failure))?;
        Ok(Self { database: database.clone(), kind, closed: Arc::default() })
    }

    /// Begins a transaction (READ COMMITTED).
    ///
    /// # Errors
    /// [`StoreError`] when there is no connection.
    pub async fn begin(&self) -> Result<PostgresTransaction, StoreError> {
        self.connect(true).await
    }

    /// Executes a statement, and returns the number of rows that it wrote.
    ///
    /// # Errors
    /// [`StoreError`] when it fails.
    pub async fn execute(&self, statement: Query<'_, Postgres, PgArguments>) -> Result<u64, StoreError> {
        let mut connection = self.statement().await?;
        let written = connection.execute(statement).await?;
        connection.commit().await?;
        Ok(written)
    }

    /// All rows of a query.
    ///
    /// # Errors
    /// [`StoreError`] when it fails.
    pub async fn fetch_all<R: for<'r> FromRow<'r, PgRow> + Send + Unpin>(
        &self,
        query: QueryAs<'_, Postgres, R, PgArguments>,
    ) -> Result<Vec<R>, StoreError> {
        let mut connection = self.statement().await?;
        let rows = connection.fetch_all(query).await?;
        connection.commit().await?;
        Ok(rows)
    }

    /// The first row of a query, if there is any.
    ///
    /// # Errors
    /// [`StoreError`] when it fails.
    pub async fn fetch_optional<R: for<'r> FromRow<'r, PgRow> + Send + Unpin>(
        &self,
        query: QueryAs<'_, Postgres, R, PgArguments>,
    ) -> Result<Option<R>, StoreError> {
        let mut connection = self.statement().await?;
        let row = connection.fetch_optional(query).await?;
        connection.commit().await?;
        Ok(row)
    }

    /// The one row of a query.
    ///
    /// # Errors
    /// [`StoreError`] when it fails, or there is none.
    pub async fn fetch_one<R: for<'r> FromRow<'r, PgRow> + Send + Unpin>(
        &self,
        query: QueryAs<'_, Postgres, R, PgArguments>,
    ) -> Result<R, StoreError> {
        self.fetch_optional(query).await?.ok_or_else(|| self.query_failed(&sqlx::Error::RowNotFound))
    }

    /// The [`StoreError`] of a failed query.
    pub fn query_failed(&self, error: &sqlx::Error) -> StoreError {
        self.error(PostgresFailure::of_statement(error, self.database.statement_timeout()))
    }

    /// The error of an operation that failed for `reason`.
    pub fn failed(&self, reason: &impl ToString) -> StoreError {
        self.error(PostgresFailure::Other(reason.to_string()))
    }

    /// The error of a row that makes no sense, for `reason`.
    pub fn damaged(&self, reason: &impl ToString) -> StoreError {
        self.error(PostgresFailure::Damaged(reason.to_string()))
    }

    /// Closes the store: every later statement of its room fails. The database's other rooms go on.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    fn error(&self, failure: PostgresFailure) -> StoreError {
        self.database.error(self.kind, failure)
    }

    /// A connection for one statement, which is a transaction where a pooler is in between.
    async fn statement(&self) -> Result<PostgresTransaction, StoreError> {
        self.connect(self.database.is_pooled()).await
    }

    async fn connect(&self, in_transaction: bool) -> Result<PostgresTransaction, StoreError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(self.error(PostgresFailure::Closed));
        }
        PostgresTransaction::begin(&self.database, self.kind, in_transaction).await.map_err(|failure| self.error(failure))
    }
}
