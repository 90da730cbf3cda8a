use std::time::Duration;

use deadpool::managed::Object;
use sqlx::postgres::{PgArguments, PgConnection, PgRow, Postgres};
use sqlx::query::{Query, QueryAs};
use sqlx::{AssertSqlSafe, Executor as _, FromRow};
use tokio::time::timeout;

use super::connection_manager::PostgresConnectionManager;
use super::{PostgresDatabase, PostgresFailure};
use crate::store::{RunningConnection, StoreError, StoreKind};

/// How much longer than the server itself a statement is waited for: it says what went wrong, if it is there.
const GRACE: Duration = Duration::from_secs(1);

/// A transaction, or a connection for one statement. Dropped without a commit or a rollback, its connection is closed, which
/// rolls back.
#[must_use]
pub struct PostgresTransaction {
    database: PostgresDatabase,
    kind: StoreKind,
    /// `None` once it is in no state to be used.
    connection: Option<Object<PostgresConnectionManager>>,
    in_transaction: bool,
}

impl PostgresTransaction {
    /// Takes a connection, and begins a transaction on it where one is wanted.
    pub(super) async fn begin(
        database: &PostgresDatabase,
        kind: StoreKind,
        in_transaction: bool,
    ) -> Result<Self, PostgresFailure> {
        match Self::begin_once(database, kind, in_transaction).await {
            // A pooler's connection answered, and the server behind it is gone. Nothing has been done yet.
            Err(failure) if failure.is_of_connection() => Self::begin_once(database, kind, in_transaction).await,
            begun => begun,
        }
    }

    async fn begin_once(database: &PostgresDatabase, kind: StoreKind, in_transaction: bool) -> Result<Self, PostgresFailure> {
        let connection = database.acquire().await?;
        let mut begun = Self { database: database.clone(), kind, connection: Some(connection), in_transaction };
        if in_transaction {
            let begin = database.begin_statement().to_owned();
            begun.run(async |connection: &mut PgConnection| connection.execute(AssertSqlSafe(begin)).await).await?;
        }
        Ok(begun)
    }

    /// Executes a statement, and returns the number of rows that it wrote.
    ///
    /// # Errors
    /// [`StoreError`] when it fails: all that was done is rolled back.
    pub async fn execute(&mut self, statement: Query<'_, Postgres, PgArguments>) -> Result<u64, StoreError> {
        let statement = statement.persistent(self.is_preparing());
        let done = self.run(async |connection: &mut PgConnection| statement.execute(connection).await).await;
        done.map(|done| done.rows_affected()).map_err(|failure| self.error(failure))
    }

    /// All rows of a query.
    ///
    /// # Errors
    /// [`StoreError`] when it fails: all that was done is rolled back.
    pub async fn fetch_all<R: for<'r> FromRow<'r, PgRow> + Send + Unpin>(
        &mut self,
        query: QueryAs<'_, Postgres, R, PgArguments>,
    ) -> Result<Vec<R>, StoreError> {
        let query = query.persistent(self.is_preparing());
        let rows = self.run(async |connection: &mut PgConnection| query.fetch_all(connection).await).await;
        rows.map_err(|failure| self.error(failure))
    }

    /// The first row of a query, if there is any.
    ///
    /// # Errors
    /// [`StoreError`] when it fails: all that was done is rolled back.
    pub async fn fetch_optional<R: for<'r> FromRow<'r, PgRow> + Send + Unpin>(
        &mut self,
        query: QueryAs<'_, Postgres, R, PgArguments>,
    ) -> Result<Option<R>, StoreError> {
        let query = query.persistent(self.is_preparing());
        let row = self.run(async |connection: &mut PgConnection| query.fetch_optional(connection).await).await;
        row.map_err(|failure| self.error(failure))
    }

    /// The one row of a query.
    ///
    /// # Errors
    /// [`StoreError`] when it fails, or there is none: all that was done is rolled back.
    pub async fn fetch_one<R: for<'r> FromRow<'r, PgRow> + Send + Unpin>(
        &mut self,
        query: QueryAs<'_, Postgres, R, PgArguments>,
    ) -> Result<R, StoreError> {
        let query = query.persistent(self.is_preparing());
        let row = self.run(async |connection: &mut PgConnection| query.fetch_one(connection).await).await;
        row.map_err(|failure| self.error(failure))
    }

    /// Commits.
    ///
    /// # Errors
    /// [`StoreError`] when it was not written, or nobody knows.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        self.finish("COMMIT").await
    }

    /// Rolls back, and gives the connection back for others.
    ///
    /// # Errors
    /// [`StoreError`] when the connection is lost, which rolls back too.
    pub async fn rollback(mut self) -> Result<(), StoreError> {
        self.finish("ROLLBACK").await
    }

    async fn finish(&mut self, statement: &'static str) -> Result<(), StoreError> {
        if self.in_transaction {
            let ended = self.run(async |connection: &mut PgConnection| connection.execute(statement).await).await;
            ended.map_err(|failure| self.error(failure))?;
        }
        // It goes back to the pool.
        drop(self.connection.take());
        Ok(())
    }

    fn error(&self, failure: PostgresFailure) -> StoreError {
        self.database.error(self.kind, failure)
    }

    /// Whether statements stay prepared in the session.
    fn is_preparing(&self) -> bool {
        !self.database.is_pooled()
    }

    /// Runs a statement within its time. After a failure nothing more can be run.
    async fn run<T>(
        &mut self,
        statement: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, PostgresFailure> {
        let Some(connection) = self.connection.take() else {
            return Err(PostgresFailure::Other("a statement failed before in the same transaction".to_owned()));
        };
        let mut running = RunningConnection::new(connection);
        let limit = self.database.statement_timeout();
        let run = async {
            let connection = running.get().ok_or(sqlx::Error::PoolClosed)?;
            statement(connection).await
        };
        let failure = match timeout(limit + GRACE, run).await {
            Ok(Ok(answer)) => {
                self.connection = running.take();
                return Ok(answer);
            }
            Ok(Err(error)) => PostgresFailure::of_statement(&error, limit),
            Err(_elapsed) => PostgresFailure::StatementTimedOut(limit),
        };
        if failure.is_of_connection() {
            self.database.drop_idle();
        }
        Err(failure)
    }
}

impl Drop for PostgresTransaction {
    fn drop(&mut self) {
        // The pool would give it to others with the transaction still open.
        drop(self.connection.take().map(Object::take));
    }
}
