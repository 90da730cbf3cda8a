use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Object, Pool, PoolError, QueueMode, Timeouts};
use sqlx::Connection as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::time::timeout;

use super::PostgresFailure;
use super::connection_manager::{ConnectionUse, PostgresConnectionManager, begin_statement};
use crate::config::StoreSettings;
use crate::store::{StoreError, StoreKind};

/// A PostgreSQL database, with one pool of connections for all rooms. Cheap to clone; the clones are one. Nothing is connected
/// before it is used.
#[derive(Clone)]
pub struct PostgresDatabase {
    inner: Arc<DatabaseInner>,
}

struct DatabaseInner {
    /// The URL without its password.
    name: String,
    pool: Pool<PostgresConnectionManager>,
    usage: ConnectionUse,
    begin: String,
    direct: PostgresConnectionManager,
    migrations: PostgresConnectionManager,
}

impl PostgresDatabase {
    /// The kind of the database as a whole.
    pub(super) const KIND: StoreKind = StoreKind { name: "store", if_recreated: "it is empty" };

    /// The database of the settings; `None` when they name none.
    #[expect(clippy::missing_panics_doc, reason = "it does not")]
    pub fn from_settings(settings: &StoreSettings) -> Option<Self> {
        let url = settings.url.as_ref()?;
        let (usage, direct_url) = match &settings.direct_url {
            Some(direct_url) => (ConnectionUse::Pooled, direct_url),
            None => (ConnectionUse::Direct, url),
        };
        let manager = PostgresConnectionManager::new(url, settings, usage);
        #[expect(clippy::expect_used, reason = "a pool lacks nothing but its runtime, which is given")]
        let pool = Pool::builder(manager)
            .max_size(settings.connections)
            // The connection used last comes first, so that those beyond the need grow old and go.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .build()
            .expect("a pool with a runtime");
        Some(Self {
            inner: Arc::new(DatabaseInner {
                name: url.to_string(),
                pool,
                usage,
                begin: begin_statement(usage, settings.statement_timeout),
                direct: PostgresConnectionManager::new(direct_url, settings, ConnectionUse::Direct),
                migrations: PostgresConnectionManager::new(direct_url, settings, ConnectionUse::Migrations),
            }),
        })
    }

    /// Runs the migrations that are new, which servers that start together do one after another.
    pub(super) async fn migrate(&self, migrations: &Migrator) -> Result<(), PostgresFailure> {
        let manager = &self.inner.migrations;
        let failed = |error: &sqlx::Error| PostgresFailure::of_statement(error, manager.statement_timeout);
        let (mut connection, _) = manager.connect().await?;
        // The lock is the session's: whatever happens, it ends with the connection.
        let run = timeout(manager.statement_timeout, migrations.run_direct(None, &mut connection, false)).await;
        let result = match run {
            Ok(Ok(())) => Ok(()),
            Ok(Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _))) => Err(failed(&error)),
            Ok(Err(other)) => Err(PostgresFailure::OtherVersion(other.to_string())),
            Err(_elapsed) => Err(PostgresFailure::StatementTimedOut(manager.statement_timeout)),
        };
        // Migrations are written; how the connection ends does not matter.
        drop(connection.close().await);
        result
    }

    /// A listener to a channel of `NOTIFY`, connected to the primary, past any pooler.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be reached, or does not answer in time.
    pub async fn listener(&self, channel: &str) -> Result<PgListener, StoreError> {
        let manager = &self.inner.direct;
        let (connection, options) = manager.connect().await.map_err(|failure| self.error(Self::KIND, failure))?;
        let options = options.clone();
        drop(connection);
        let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None).connect_lazy_with(options);
        let listen = async {
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.ignore_pool_close_event(true);
            listener.eager_reconnect(false);
            listener.listen(channel).await?;
            Ok(listener)
        };
        // It connects, too, before it makes its statement.
        let limit = manager.connect_timeout + manager.statement_timeout;
        let failure = match timeout(limit, listen).await {
            Ok(Ok(listener)) => return Ok(listener),
            Ok(Err(error)) => PostgresFailure::of_connecting(&error, limit),
            Err(_elapsed) => PostgresFailure::StatementTimedOut(limit),
        };
        Err(self.error(Self::KIND, failure))
    }

    /// Closes all connections, when the program stops. Every later statement fails.
    pub fn close(&self) {
        self.inner.pool.close();
    }

    /// Takes a connection from the pool: an idle one that answers, or a new one.
    pub(super) async fn acquire(&self) -> Result<Object<PostgresConnectionManager>, PostgresFailure> {
        let pool = &self.inner.pool;
        let timeouts = Timeouts { wait: Some(pool.manager().statement_timeout), ..Timeouts::new() };
        match pool.timeout_get(&timeouts).await {
            Ok(connection) => Ok(connection),
            Err(PoolError::Backend(failure)) => Err(failure),
            Err(PoolError::Timeout(_)) => Err(PostgresFailure::PoolExhausted(pool.status().max_size)),
            Err(PoolError::Closed) => Err(PostgresFailure::Closed),
            Err(other) => Err(PostgresFailure::Other(other.to_string())),
        }
    }

    /// Drops the idle connections, when one of them turned out to lead to nowhere.
    pub(super) fn drop_idle(&self) {
        drop(self.inner.pool.retain(|_, _| false));
    }

    /// The maker of connections past any pooler.
    pub(super) fn direct(&self) -> &PostgresConnectionManager {
        &self.inner.direct
    }

    /// Whether each statement needs a transaction, and must not leave anything in its session.
    pub(super) fn is_pooled(&self) -> bool {
        self.inner.usage == ConnectionUse::Pooled
    }

    /// The statement that begins a transaction.
    pub(super) fn begin_statement(&self) -> &str {
        &self.inner.begin
    }

    /// How long a statement may take.
    pub(super) fn statement_timeout(&self) -> Duration {
        self.inner.pool.manager().statement_timeout
    }

    /// The error of a failure.
    pub(super) fn error(&self, kind: StoreKind, failure: PostgresFailure) -> StoreError {
        StoreError::Postgres { kind, database: self.inner.name.clone(), failure }
    }
}

impl fmt::Debug for PostgresDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresDatabase").field(&self.inner.name).finish()
    }
}
