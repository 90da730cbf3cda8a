use std::sync::Arc;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Object, Pool, PoolError, QueueMode, RecycleError, RecycleResult, Timeouts};
use tokio::time::{Instant, timeout, timeout_at};

use super::connection::{SqlConnection, SqlDialer, SqlFailure};
use super::failure::{not_connected, timed_out};
use super::rows::SqlRows;
use super::statement::SqlStatement;
use crate::sources::SourceError;
use crate::store::RunningConnection;

/// How much longer than the server itself a statement is waited for: it says what went wrong, if it is there.
const GRACE: Duration = Duration::from_millis(500);

/// How long a connection may take to say that it is there: one that answers does at once, and a new one is quicker than a dead one.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// The longest life of a connection, so that nothing that leaks in a server leaks for ever, and the load finds its way to one
/// that came back.
const MAX_LIFETIME: Duration = Duration::from_mins(30);

/// A database, with a pool of connections. Nothing is connected before it is asked.
pub(super) struct SqlDatabase {
    pool: Pool<SqlConnectionManager>,
    name: String,
    timeout: Duration,
}

/// The maker of connections, and the judge of which may be used again.
struct SqlConnectionManager(Arc<dyn SqlDialer>);

impl SqlDatabase {
    /// The database of that name, in error messages.
    pub(super) fn new(dialer: Arc<dyn SqlDialer>, name: String, connections: usize, timeout: Duration) -> Self {
        #[expect(clippy::expect_used, reason = "a pool lacks nothing but its runtime, which is given")]
        let pool = Pool::builder(SqlConnectionManager(dialer))
            .max_size(connections)
            // The connection used last comes first, so that those beyond the need grow old and go.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .build()
            .expect("a pool with a runtime");
        Self { pool, name, timeout }
    }

    /// Executes a statement.
    ///
    /// # Errors
    /// [`SourceError`] when there is no connection, or the database's error.
    pub(super) async fn fetch(&self, statement: &SqlStatement, values: &[String]) -> Result<SqlRows, SourceError> {
        let deadline = Instant::now() + self.timeout + GRACE;
        let mut running = RunningConnection::new(self.acquire(deadline).await?);
        let Some(connection) = running.get() else { return Err(timed_out(&self.name, self.timeout)) };
        let failure = match timeout_at(deadline, connection.fetch(statement, values)).await {
            Ok(Ok(rows)) => {
                drop(running.take());
                return Ok(rows);
            }
            Ok(Err(failure)) => failure,
            Err(_elapsed) => SqlFailure::from(timed_out(&self.name, self.timeout)),
        };
        if failure.is_reusable {
            drop(running.take());
        }
        Err(failure.error)
    }

    async fn acquire(&self, deadline: Instant) -> Result<Object<SqlConnectionManager>, SourceError> {
        let timeouts = Timeouts { wait: Some(self.timeout), ..Timeouts::new() };
        match timeout_at(deadline, self.pool.timeout_get(&timeouts)).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(PoolError::Backend(error))) => Err(error),
            Ok(Err(PoolError::Timeout(_))) => {
                let connections = self.pool.status().max_size;
                let remedy = "let queries be quicker or rarer, or raise `connections`";
                Err(SourceError::TimedOut(format!("all {connections} connections to {} are in use; {remedy}", self.name)))
            }
            Ok(Err(other)) => Err(SourceError::Broken(format!("{}: {other}", self.name))),
            Err(_elapsed) => Err(not_connected(&self.name, self.timeout)),
        }
    }
}

impl Manager for SqlConnectionManager {
    type Type = Box<dyn SqlConnection>;
    type Error = SourceError;

    async fn create(&self) -> Result<Box<dyn SqlConnection>, SourceError> {
        self.0.connect().await
    }

    async fn recycle(&self, connection: &mut Box<dyn SqlConnection>, metrics: &Metrics) -> RecycleResult<SourceError> {
        if metrics.age() > MAX_LIFETIME {
            return Err(RecycleError::message("it has served its time"));
        }
        match timeout(PING_TIMEOUT, connection.is_usable()).await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(RecycleError::message("nobody is there any more")),
        }
    }
}
