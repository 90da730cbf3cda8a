use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions, Connection, Executor as _, Row as _};
use tokio::time::timeout;

use super::PostgresFailure;
use crate::config::{PostgresHost, PostgresUrl, StoreSettings};

/// The longest life of a connection, so that nothing that leaks in a server leaks for ever, and the load finds its way to a
/// server that came back.
const MAX_LIFETIME: Duration = Duration::from_mins(30);

/// How long a ping may take: a living server answers at once, and a new connection is quicker than a dead one.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a transaction may wait for its own server: one that died in the middle must not hold its locks.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);

/// How long after a failure nobody else waits for a connection: a server that does not answer must not cost each request its
/// timeout.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// How connections are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionUse {
    /// For statements, to the server itself: settings of the session hold, and statements stay prepared.
    Direct,
    /// For statements, through a pooler, which gives each transaction another session.
    Pooled,
    /// For migrations, which may take longer than statements.
    Migrations,
}

/// How long migrations, and waiting for others', may take.
const MIGRATION_TIMEOUT: Duration = Duration::from_mins(5);

/// The maker of connections to a database, and the judge of which may be used again.
#[derive(Debug)]
pub(super) struct PostgresConnectionManager {
    /// For each host.
    options: Vec<PgConnectOptions>,
    connect_timeout: Duration,
    pub(super) statement_timeout: Duration,
    last_failure: Mutex<Option<(Instant, PostgresFailure)>>,
}

impl PostgresConnectionManager {
    pub(super) fn new(url: &PostgresUrl, settings: &StoreSettings, usage: ConnectionUse) -> Self {
        let statement_timeout = match usage {
            ConnectionUse::Migrations => MIGRATION_TIMEOUT,
            ConnectionUse::Direct | ConnectionUse::Pooled => settings.statement_timeout,
        };
        let options = url.hosts.iter().map(|host| {
            let options = postgres_options(url, host, settings.ca_file.as_deref());
            match usage {
                ConnectionUse::Pooled => options.statement_cache_capacity(0),
                ConnectionUse::Direct | ConnectionUse::Migrations => options.options([
                    ("statement_timeout", statement_timeout.as_millis().to_string()),
                    ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION.as_millis().to_string()),
                ]),
            }
        });
        Self {
            options: options.collect(),
            connect_timeout: settings.connect_timeout,
            statement_timeout,
            last_failure: Mutex::default(),
        }
    }

    /// Connects to the primary: the first server that can be written to. Returns how, too, for what connects by itself.
    pub(super) async fn connect(&self) -> Result<(PgConnection, &PgConnectOptions), PostgresFailure> {
        let mut failure = None;
        for options in &self.options {
            match timeout(self.connect_timeout, self.connect_to(options)).await {
                Ok(Ok(connection)) => return Ok((connection, options)),
                // A replica tells more than a server that does not answer.
                Ok(Err(found)) if failure.is_none() || found == PostgresFailure::ReadOnly => failure = Some(found),
                Err(_) if failure.is_none() => failure = Some(PostgresFailure::ConnectTimedOut(self.connect_timeout)),
                Ok(Err(_)) | Err(_) => {}
            }
        }
        Err(failure.unwrap_or_else(|| PostgresFailure::Unreachable("no host is named".to_owned())))
    }

    async fn connect_to(&self, options: &PgConnectOptions) -> Result<PgConnection, PostgresFailure> {
        let mut connection =
            options.connect().await.map_err(|error| PostgresFailure::of_connecting(&error, self.statement_timeout))?;
        let answer = connection.fetch_one("SHOW transaction_read_only").await;
        let answer = answer.and_then(|row| row.try_get::<String, _>(0));
        match answer.map_err(|error| PostgresFailure::of_statement(&error, self.statement_timeout))?.as_str() {
            "off" => Ok(connection),
            _ => Err(PostgresFailure::ReadOnly),
        }
    }
}

impl PostgresConnectionManager {
    /// The failure of a moment ago.
    fn recent_failure(&self) -> Option<PostgresFailure> {
        let failed = self.last_failure();
        failed.as_ref().filter(|(at, _)| at.elapsed() < RETRY_INTERVAL).map(|(_, failure)| failure.clone())
    }

    fn last_failure(&self) -> MutexGuard<'_, Option<(Instant, PostgresFailure)>> {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Manager for PostgresConnectionManager {
    type Type = PgConnection;
    type Error = PostgresFailure;

    async fn create(&self) -> Result<PgConnection, PostgresFailure> {
        if let Some(failure) = self.recent_failure() {
            return Err(failure);
        }
        let connected = Box::pin(self.connect()).await.map(|(connection, _)| connection);
        connected.inspect_err(|failure| *self.last_failure() = Some((Instant::now(), failure.clone())))
    }

    async fn recycle(&self, connection: &mut PgConnection, metrics: &Metrics) -> RecycleResult<PostgresFailure> {
        if metrics.age() > MAX_LIFETIME {
            return Err(RecycleError::message("it has served its time"));
        }
        match timeout(PING_TIMEOUT, connection.ping()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(RecycleError::message("nobody was there any more")),
        }
    }
}

/// How a host of a URL is connected to; `ca_file` has the authorities to trust instead of the system's.
pub fn postgres_options(url: &PostgresUrl, host: &PostgresHost, ca_file: Option<&Path>) -> PgConnectOptions {
    let options = PgConnectOptions::new_without_pgpass()
        .username(&url.user)
        .database(&url.database)
        .application_name(&url.application_name)
        .ssl_mode(if url.tls { PgSslMode::VerifyFull } else { PgSslMode::Disable })
        // PgBouncer refuses it, and there are no fractions here.
        .extra_float_digits(None)
        .disable_statement_logging();
    let options = match host {
        PostgresHost::Tcp(host, port) => options.host(host).port(*port),
        PostgresHost::Socket(folder, port) => options.socket(folder).port(*port),
    };
    let options = ca_file.into_iter().fold(options, PgConnectOptions::ssl_root_cert);
    url.password.iter().fold(options, |options, password| options.password(password.expose()))
}

/// The statement that begins a transaction, with the limits that a session of a pooler's has not.
pub(super) fn begin_statement(usage: ConnectionUse, statement_timeout: Duration) -> String {
    match usage {
        ConnectionUse::Pooled => format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = {}; SET LOCAL idle_in_transaction_session_timeout = {}",
            statement_timeout.as_millis(),
            IDLE_IN_TRANSACTION.as_millis()
        ),
        ConnectionUse::Direct | ConnectionUse::Migrations => "BEGIN ISOLATION LEVEL READ COMMITTED".to_owned(),
    }
}
