use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::config::ServerAddress;
use crate::directory::connection::fault::{OperationFault, OperationKind};
use crate::domain::{Clock, Timestamp};
use crate::telemetry::DirectoryMetrics;

/// The delay before a server that is down is probed again, doubled each time …
const FIRST_PROBE_DELAY: Duration = Duration::from_secs(1);

/// … up to this: the longest time a server is idle that has come back.
const MAX_PROBE_INTERVAL: Duration = Duration::from_secs(30);

/// The number of operations in a row without an answer after which a server that answers probes is taken out of
/// rotation.
const MAX_TIMEOUTS: u32 = 3;

/// One server of a directory, and whether it answers.
pub(in crate::directory) struct DirectoryServer {
    pub(in crate::directory) address: ServerAddress,
    context: ServerContext,
    health: watch::Sender<ServerHealth>,
    /// The probe under way, for all who wait for it.
    probe: Mutex<Option<SharedProbe>>,
    /// The number of operations in a row that it did not answer in time.
    timeouts: AtomicU32,
    /// Whether it has refused the service account.
    refuses_service: AtomicBool,
    /// The task that probes it while it is down.
    recovery: Mutex<Option<AbortOnDropHandle<()>>>,
}

type SharedProbe = Shared<BoxFuture<'static, Result<(), OperationFault>>>;

/// The health of a server.
#[derive(Clone, Debug, Default)]
struct ServerHealth {
    /// The number of its outages so far: connections from before are of no use.
    outage_count: u64,
    outage: Option<ServerOutage>,
}

/// An outage of a server: since when it does not answer, and why.
#[derive(Clone, Debug)]
pub(in crate::directory) struct ServerOutage {
    pub(in crate::directory) since: Timestamp,
    pub(in crate::directory) reason: Arc<str>,
}

/// The way to find out whether a server is there, for [`DirectoryServer`].
#[async_trait]
pub(in crate::directory) trait ServerProbe: Send + Sync {
    /// Asks the server something over a new connection.
    ///
    /// # Errors
    /// The reason why it does not answer.
    async fn probe(&self, address: &ServerAddress) -> Result<(), OperationFault>;
}

/// The parts that all servers of a directory share.
#[derive(Clone)]
pub(in crate::directory) struct ServerContext {
    pub(in crate::directory) probe: Arc<dyn ServerProbe>,
    pub(in crate::directory) clock: Arc<dyn Clock>,
    pub(in crate::directory) dial_timeout: Duration,
    pub(in crate::directory) metrics: DirectoryMetrics,
}

impl DirectoryServer {
    pub(in crate::directory) fn new(address: ServerAddress, context: ServerContext) -> Self {
        let health = watch::Sender::new(ServerHealth::default());
        context.metrics.server_up(&address.to_string(), true);
        Self {
            address,
            context,
            health,
            probe: Mutex::default(),
            timeouts: AtomicU32::new(0),
            refuses_service: AtomicBool::new(false),
            recovery: Mutex::default(),
        }
    }

    /// Since when and why it is down; `None` while it answers, as far as anybody knows.
    pub(in crate::directory) fn outage(&self) -> Option<ServerOutage> {
        self.health.borrow().outage.clone()
    }

    pub(in crate::directory) fn is_up(&self) -> bool {
        self.health.borrow().outage.is_none()
    }

    /// The number of its outages so far.
    pub(in crate::directory) fn outage_count(&self) -> u64 {
        self.health.borrow().outage_count
    }

    /// Resolves when its number of outages is no longer `outages`: when it goes down, or has since.
    pub(in crate::directory) async fn wait_for_outage(&self, outages: u64) {
        // The sender lives in `self`, which this borrows: it cannot be gone.
        let _ = self.health.subscribe().wait_for(|health| health.outage_count != outages).await;
    }

    /// The time to wait for an answer before the server is probed.
    pub(in crate::directory) fn probe_delay(&self) -> Duration {
        self.context.dial_timeout / 4
    }

    /// Probes the server, together with everybody who does now, and records the result.
    ///
    /// # Errors
    /// The reason why it does not answer.
    pub(in crate::directory) async fn probe(self: &Arc<Self>) -> Result<(), OperationFault> {
        self.share_probe().0.await
    }

    /// Probes the server as it is *now*: the failure of a probe that had begun before is not believed.
    ///
    /// # Errors
    /// The reason why it does not answer.
    pub(in crate::directory) async fn fresh_probe(self: &Arc<Self>) -> Result<(), OperationFault> {
        let (probe, joined) = self.share_probe();
        let answer = probe.await;
        if joined && answer.is_err() { self.probe().await } else { answer }
    }

    /// The probe under way, or one that begins; and whether it was under way.
    fn share_probe(self: &Arc<Self>) -> (SharedProbe, bool) {
        let mut under_way = self.probe.lock().unwrap_or_else(PoisonError::into_inner);
        match &*under_way {
            Some(probe) if probe.peek().is_none() => (probe.clone(), true),
            _ => (under_way.insert(self.start_probe()).clone(), false),
        }
    }

    /// Marks the server as down. Its connections are of no more use. Logged once, until it is up again.
    pub(in crate::directory) fn mark_down(self: &Arc<Self>, reason: &str) {
        self.take_out_of_rotation(reason, 1, FIRST_PROBE_DELAY);
    }

    /// Marks the server as overloaded: others are asked for a while. Operations under way on it may end.
    pub(in crate::directory) fn mark_overloaded(self: &Arc<Self>, reason: &str) {
        self.take_out_of_rotation(reason, 0, MAX_PROBE_INTERVAL);
    }

    /// Records an answer.
    pub(in crate::directory) fn record_answer(&self) {
        self.timeouts.store(0, Ordering::Relaxed);
    }

    /// Records an operation that it did not answer in time, though it is there.
    pub(in crate::directory) fn record_timeout(self: &Arc<Self>, reason: &str) {
        if self.timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_TIMEOUTS {
            self.mark_overloaded(reason);
        }
    }

    /// Records whether the service account could bind: a server that refuses it answers nobody who signs in.
    pub(in crate::directory) fn record_service_bind(&self, is_accepted: bool) {
        self.refuses_service.store(!is_accepted, Ordering::Relaxed);
        self.publish_up();
    }

    /// Sets its metric.
    fn publish_up(&self) {
        let is_of_use = self.is_up() && !self.refuses_service.load(Ordering::Relaxed);
        self.context.metrics.server_up(&self.address.to_string(), is_of_use);
    }

    fn take_out_of_rotation(self: &Arc<Self>, reason: &str, outages: u64, probe_after: Duration) {
        let since = self.context.clock.now();
        let went_down = self.health.send_if_modified(|health| {
            if health.outage.is_some() {
                return false;
            }
            health.outage_count += outages;
            health.outage = Some(ServerOutage { since, reason: reason.into() });
            true
        });
        if went_down {
            self.publish_up();
            tracing::warn!(server = %self.address, reason, "a directory server is down: it is tried again in the background");
            let recovery = AbortOnDropHandle::new(tokio::spawn(probe_until_up(Arc::downgrade(self), probe_after)));
            *self.recovery.lock().unwrap_or_else(PoisonError::into_inner) = Some(recovery);
        }
    }

    fn start_probe(self: &Arc<Self>) -> SharedProbe {
        let server = Arc::clone(self);
        let asked = async move {
            let answer = server.context.probe.probe(&server.address).await;
            match &answer {
                Ok(()) => server.mark_up(),
                Err(fault) => server.mark_down(fault.reason().unwrap_or_default()),
            }
            answer
        };
        let lost =
            |_panic| Err(OperationFault::connection_failed(OperationKind::Dial, "the question whether it is there broke down"));
        let probe = AssertUnwindSafe(asked).catch_unwind().map(move |answer| answer.unwrap_or_else(lost)).boxed().shared();
        // Driven to its end even when nobody waits any more: an answer that was never heard must not be given later.
        tokio::spawn(probe.clone());
        probe
    }

    fn mark_up(&self) {
        let came_up = self.health.send_if_modified(|health| health.outage.take().is_some());
        if came_up {
            self.publish_up();
            tracing::info!(server = %self.address, "a directory server is back");
        }
    }
}

/// Probes a server until it is up.
async fn probe_until_up(server: std::sync::Weak<DirectoryServer>, mut wait: Duration) {
    loop {
        let Some(clock) = server.upgrade().map(|server| Arc::clone(&server.context.clock)) else { return };
        clock.sleep(wait).await;
        let Some(server) = server.upgrade() else { return };
        // The result is recorded with the server.
        let _ = server.fresh_probe().await;
        if server.is_up() {
            return;
        }
        wait = (wait * 2).min(MAX_PROBE_INTERVAL);
    }
}
