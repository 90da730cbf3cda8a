use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions, Connection, Executor as _, Row as _};
use tokio::time::{sleep, timeout};

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

/// The maker of connections to a database, and the judge of which may be used again. It has the password, and no `Debug`.
pub(super) struct PostgresConnectionManager {
    /// For each host.
    options: Vec<PgConnectOptions>,
    /// The host that was the primary last.
    primary: AtomicUsize,
    pub(super) connect_timeout: Duration,
    pub(super) statement_timeout: Duration,
    last_failure: Mutex<Option<(Instant, PostgresFailure)>>,
    /// When a connection was last found dead.
    last_death: Mutex<Option<Instant>>,
}

impl PostgresConnectionManager {
    pub(super) fn new(url: &PostgresUrl, settings: &StoreSettings, usage: ConnectionUse) -> Self {
        let statement_timeout = match usage {
            ConnectionUse::Migrations => MIGRATION_TIMEOUT,
            ConnectionUse::Direct | ConnectionUse::Pooled => settings.statement_timeout,
        };
        let options = url.hosts.iter().map(|host| {
            let options = postgres_options(url, host, settings.ca_file.as_deref());
            let options = settings.client_certificate_file.iter().fold(options, PgConnectOptions::ssl_client_cert);
            let options = settings.client_key_file.iter().fold(options, PgConnectOptions::ssl_client_key);
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
            primary: AtomicUsize::new(0),
            connect_timeout: settings.connect_timeout,
            statement_timeout,
            last_failure: Mutex::default(),
            last_death: Mutex::default(),
        }
    }

    /// Connects to the primary: the first server that can be written to. Returns how, too, for what connects by itself.
    ///
    /// The servers are tried in turn, from the last primary on. One that does not answer keeps the next waiting for its part of the
    /// time alone, so that all have been tried when the time is over.
    pub(super) async fn connect(&self) -> Result<(PgConnection, &PgConnectOptions), PostgresFailure> {
        let (hosts, first) = (self.options.len(), self.primary.load(Ordering::Relaxed));
        let part = self.connect_timeout / u32::try_from(hosts).unwrap_or(u32::MAX).max(1);
        let mut waiting = (0..hosts).map(|number| (first + number) % hosts);
        let (mut connecting, mut failure) = (FuturesUnordered::new(), None);
        let in_turn = async {
            loop {
                if let Some(host) = waiting.next() {
                    connecting.push(async move { (host, self.connect_to(&self.options[host]).await) });
                } else if connecting.is_empty() {
                    return None;
                }
                let has_next = waiting.len() > 0;
                tokio::select! {
                    Some((host, connected)) = connecting.next() => match connected {
                        Ok(connection) => return Some((host, connection)),
                        // A replica tells more than a server that does not answer.
                        Err(found) if failure.is_none() || found == PostgresFailure::ReadOnly => failure = Some(found),
                        Err(_) => {}
                    },
                    () = sleep(part), if has_next => {}
                }
            }
        };
        let connected = timeout(self.connect_timeout, in_turn).await;
        if let Ok(Some((host, connection))) = connected {
            self.primary.store(host, Ordering::Relaxed);
            return Ok((connection, &self.options[host]));
        }
        let timed_out = || match connected {
            Err(_elapsed) => PostgresFailure::ConnectTimedOut(self.connect_timeout),
            Ok(_) => PostgresFailure::Unreachable("no host is named".to_owned()),
        };
        Err(failure.unwrap_or_else(timed_out))
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

    /// Those that were idle at that time are not asked one by one: each would cost a ping's time.
    fn last_death(&self) -> MutexGuard<'_, Option<Instant>> {
        self.last_death.lock().unwrap_or_else(PoisonError::into_inner)
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
        let used_at = metrics.recycled.unwrap_or(metrics.created);
        if self.last_death().is_some_and(|died_at| used_at < died_at) {
            return Err(RecycleError::message("others of its time are dead"));
        }
        if let Ok(Ok(())) = timeout(PING_TIMEOUT, connection.ping()).await {
            return Ok(());
        }
        *self.last_death() = Some(Instant::now());
        Err(RecycleError::message("nobody was there any more"))
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
