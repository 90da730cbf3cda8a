use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Object, PoolError, QueueMode, RecycleError, RecycleResult, Timeouts};
use tokio::sync::Mutex;
use tokio::task::coop::has_budget_remaining;
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::{Instant, timeout, timeout_at};

use super::fault::{OperationFault, OperationKind, result_code};
use super::ldap_connection::LdapConnection;
use super::root_dse;
use super::servers::ServerSet;
use super::service_bind::{counts_as_wrong_password, judge_service_bind};
use crate::config::ServiceAccount;
use crate::domain::{Clock, Timestamp};
use crate::telemetry::PoolSize;

/// The longest time a connection may be idle: Active Directory cuts idle ones after 15 minutes (`MaxConnIdleTime`),
/// firewalls often after five or ten, and without a word.
const MAX_IDLE: Duration = Duration::from_mins(4);

/// The longest life of a connection, so that the load finds its way back to a preferred server, and nothing that leaks
/// in a server leaks for ever.
const MAX_LIFETIME: Duration = Duration::from_hours(1);

/// The most operations of one connection, so that whatever a server keeps of them is let go of.
const MAX_OPERATIONS: u32 = 5_000;

/// The idle time after which a connection is pinged before use: a firewall may have forgotten it without a word, and a
/// password can be sent only once.
const PING_AFTER_IDLE: Duration = Duration::from_secs(2);

/// The wait after the service account's password was refused: longer than any usual lockout policy looks back, so that
/// each try is the only one in its time.
const WRONG_PASSWORD_BACKOFF: Duration = Duration::from_mins(31);

/// The wait after the service account was refused for another reason (locked, disabled, expired): such a try counts for
/// nothing.
const REFUSAL_BACKOFF: Duration = Duration::from_mins(1);

/// A pool of open connections for one purpose.
pub(in crate::directory) struct ConnectionPool {
    inner: deadpool::managed::Pool<ConnectionManager>,
    clock: Arc<dyn Clock>,
}

/// A connection taken from a pool. Dropped, it goes back, if it is still usable.
pub(in crate::directory) type PooledConnection = Object<ConnectionManager>;

/// The pool's manager: makes connections, and says which may be used again.
pub(in crate::directory) struct ConnectionManager {
    servers: Arc<ServerSet>,
    purpose: PoolPurpose,
    clock: Arc<dyn Clock>,
    /// Locked while the service account binds: were its password wrong, a crowd that binds at once would lock it.
    service_bind: Mutex<ServiceBindState>,
    /// The last use of the freshest connection that turned out to be dead: those used no later are dead as well. In
    /// milliseconds, as [`Timestamp`]s are.
    dead_since: AtomicI64,
}

/// The purpose of a pool's connections, which decides as whom they are bound.
pub(in crate::directory) enum PoolPurpose {
    /// For searches: bound as the service account, or anonymous, and never as anybody else.
    Search(Option<ServiceAccount>),
    /// For binds with people's passwords: each use begins with a bind.
    Bind,
}

/// A pool's connection, with the times that decide how long it stays.
pub(in crate::directory) struct PoolEntry {
    connection: LdapConnection,
    created: Timestamp,
    last_used: Timestamp,
    uses: u32,
}

/// The state of the service account's binds.
#[derive(Default)]
struct ServiceBindState {
    /// The account with a password that was written into its file since the start.
    corrected: Option<ServiceAccount>,
    refusal: Option<ServiceBindRefusal>,
}

/// A refusal of the service account, which is not tried again before `until`, unless its file has another password.
struct ServiceBindRefusal {
    until: Timestamp,
    fault: OperationFault,
}

impl ConnectionPool {
    /// A pool of at most `size` connections.
    pub(in crate::directory) fn new(size: usize, servers: Arc<ServerSet>, purpose: PoolPurpose, clock: Arc<dyn Clock>) -> Self {
        let manager = ConnectionManager {
            servers,
            purpose,
            clock: Arc::clone(&clock),
            service_bind: Mutex::default(),
            dead_since: AtomicI64::new(i64::MIN),
        };
        // The connection used last comes first, so that those beyond the need grow idle and go.
        #[expect(clippy::expect_used, reason = "a pool lacks nothing but its runtime, which is given")]
        let inner = deadpool::managed::Pool::builder(manager)
            .max_size(size)
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .build()
            .expect("a pool with a runtime");
        Self { inner, clock }
    }

    /// Takes a connection, waiting until `deadline`: an idle one, or a new one to the first server that answers.
    ///
    /// # Errors
    /// When there is none before the deadline. Nothing but the service account's password was sent.
    pub(in crate::directory) async fn acquire(&self, deadline: Instant) -> Result<PooledConnection, OperationFault> {
        let status = self.inner.status();
        let is_full = status.size >= status.max_size && status.available == 0;
        let timeouts = Timeouts { wait: Some(deadline.saturating_duration_since(Instant::now())), ..Timeouts::new() };
        let fault = |reason: String| Err(OperationFault::connection_failed(OperationKind::Dial, reason));
        match timeout_at(deadline, Box::pin(self.inner.timeout_get(&timeouts))).await {
            Ok(Ok(mut pooled)) => {
                pooled.connection.set_deadline(deadline);
                Ok(pooled)
            }
            Ok(Err(PoolError::Backend(fault))) => Err(fault),
            _ if is_full => fault(format!("all {} connections are in use (connections)", status.max_size)),
            Ok(Err(_)) => fault("no connection became free in time (connections)".to_owned()),
            Err(_elapsed) => fault(self.inner.manager().reason_for_none()),
        }
    }

    /// Closes connections that are idle for too long, old, or dead. To be called now and then.
    pub(in crate::directory) fn remove_stale(&self) {
        let now = self.clock.now();
        drop(self.inner.retain(|entry, _| entry.is_reusable(now)));
    }

    /// Whether the service account was refused the last time that it was to bind. While it does, nobody knows.
    pub(in crate::directory) fn is_refused(&self) -> bool {
        self.inner.manager().service_bind.try_lock().is_ok_and(|state| state.refusal.is_some())
    }

    /// The numbers of open connections, of idle ones among them, and of callers that wait for one.
    pub(in crate::directory) fn size(&self) -> PoolSize {
        let status = self.inner.status();
        PoolSize { open: status.size, idle: status.available, waiting: status.waiting }
    }
}

impl Manager for ConnectionManager {
    type Type = PoolEntry;
    type Error = OperationFault;

    // Seldom-used futures are boxed: every use of a connection would move them about otherwise.
    async fn create(&self) -> Result<PoolEntry, OperationFault> {
        let mut connection = Box::pin(self.servers.dial()).await?;
        if let PoolPurpose::Search(Some(account)) = &self.purpose {
            Box::pin(self.bind_service_account(&mut connection, account)).await?;
        }
        let now = self.clock.now();
        Ok(PoolEntry { connection, created: now, last_used: now, uses: 1 })
    }

    async fn recycle(&self, entry: &mut PoolEntry, _: &Metrics) -> RecycleResult<OperationFault> {
        // Whoever used it last had a deadline of their own.
        entry.connection.clear_deadline();
        // A task that has used up its time is not told what a server said meanwhile.
        if !has_budget_remaining() {
            yield_now().await;
        }
        let now = self.clock.now();
        if !entry.is_reusable(now) {
            return Err(RecycleError::message("it has served its time"));
        }
        if entry.last_used.as_millis() <= self.dead_since.load(Ordering::Relaxed) {
            return Err(RecycleError::message("another as old was dead"));
        }
        if now.since(entry.last_used) >= PING_AFTER_IDLE {
            Box::pin(self.ping(entry)).await?;
        }
        entry.last_used = now;
        entry.uses += 1;
        Ok(())
    }
}

impl ConnectionManager {
    /// Pings the server. A living one answers at once; a dead connection is not waited for.
    async fn ping(&self, entry: &mut PoolEntry) -> RecycleResult<OperationFault> {
        let wait = entry.connection.server().map_or(PING_AFTER_IDLE, |server| server.probe_delay());
        let answer = timeout(wait, root_dse::ping(&mut entry.connection)).await;
        if matches!(answer, Ok(Ok(()))) {
            return Ok(());
        }
        self.dead_since.fetch_max(entry.last_used.as_millis(), Ordering::Relaxed);
        Err(RecycleError::message("nobody was there any more"))
    }

    /// Binds as the service account, one connection at a time.
    ///
    /// # Errors
    /// The refusal; for a while, one from before, since every operation would otherwise try the account, and lock it. What its
    /// file has in place of a refused password is tried at once.
    async fn bind_service_account(
        &self,
        connection: &mut LdapConnection,
        account: &ServiceAccount,
    ) -> Result<(), OperationFault> {
        let mut state = self.service_bind.lock().await;
        if let Some(ServiceBindRefusal { until, fault }) = &state.refusal {
            let (until, fault) = (*until, fault.clone());
            let corrected = corrected_account(state.corrected.as_ref().unwrap_or(account)).await;
            if corrected.is_none() && self.clock.now() < until {
                return Err(fault);
            }
            state.corrected = corrected.or(state.corrected.take());
        }
        let judged = self.try_service_bind(connection, account, &mut state).await;
        if judged.is_ok() || state.refusal.is_none() {
            return judged;
        }
        match corrected_account(state.corrected.as_ref().unwrap_or(account)).await {
            Some(corrected) => {
                state.corrected = Some(corrected);
                self.try_service_bind(connection, account, &mut state).await
            }
            None => judged,
        }
    }

    /// Binds once, and keeps what came of it.
    async fn try_service_bind(
        &self,
        connection: &mut LdapConnection,
        account: &ServiceAccount,
        state: &mut ServiceBindState,
    ) -> Result<(), OperationFault> {
        let ServiceAccount { name, password, .. } = state.corrected.as_ref().unwrap_or(account);
        let result = connection.bind(OperationKind::ServiceBind, name, password, None).await;
        let judged = result.and_then(|result| judge_service_bind(&result));
        let judged = judged.map_err(|fault| match connection.server() {
            Some(server) => fault.at_server(&server.address),
            None => fault,
        });
        match &judged {
            Ok(()) => state.refusal = None,
            Err(fault) if fault.result_code == Some(result_code::INVALID_CREDENTIALS) => {
                let wait = if counts_as_wrong_password(fault) { WRONG_PASSWORD_BACKOFF } else { REFUSAL_BACKOFF };
                state.refusal = Some(ServiceBindRefusal { until: self.clock.now() + wait, fault: fault.clone() });
            }
            Err(_) => return judged,
        }
        // They are replicas of one directory: what one says of the account, all do.
        self.servers.known().iter().for_each(|server| server.record_service_bind(judged.is_ok()));
        judged
    }

    /// The reason why there is no connection yet, from what is known of the servers.
    fn reason_for_none(&self) -> String {
        let servers = self.servers.known();
        let known: Vec<String> = servers
            .iter()
            .map(|server| match server.outage() {
                Some(outage) => format!("{}: {}", server.address, outage.reason),
                None => format!("{}: no answer within the time for a question (operation_timeout)", server.address),
            })
            .collect();
        if known.is_empty() { "DNS did not name a server in time".to_owned() } else { known.join("; ") }
    }
}

/// The account with the password that its file has now, if that is another one.
async fn corrected_account(account: &ServiceAccount) -> Option<ServiceAccount> {
    let before = account.clone();
    // A file may lie on another machine.
    let now = spawn_blocking(move || before.reread()).await.ok()?;
    (now.password.expose() != account.password.expose()).then_some(now)
}

impl PoolEntry {
    /// Whether this is its first use.
    pub(super) fn is_first_use(&self) -> bool {
        self.uses == 1
    }

    fn is_reusable(&self, now: Timestamp) -> bool {
        self.connection.is_usable()
            && self.connection.operation_count() < MAX_OPERATIONS
            && now.since(self.last_used) < MAX_IDLE
            && now.since(self.created) < MAX_LIFETIME
    }
}

impl std::ops::Deref for PoolEntry {
    type Target = LdapConnection;

    fn deref(&self) -> &LdapConnection {
        &self.connection
    }
}

impl std::ops::DerefMut for PoolEntry {
    fn deref_mut(&mut self) -> &mut LdapConnection {
        &mut self.connection
    }
}
