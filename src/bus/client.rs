use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::connection::BusDialer;
use super::entry::{Role, TopicUse};
use super::error::BusError;
use super::key::{BusKey, TopicName};
use super::scripts::RATE;
use super::session::{self, BusSession};
use super::shared::{BusShared, BusState, lock};
use super::topic::Topic;
use crate::config::BusAddress;
use crate::domain::Clock;
use crate::store::{StoreError, fill_randomly};
use crate::telemetry::BusMetrics;

/// The waits between attempts to connect, which double up to the second: many nodes try, and boards do well meanwhile.
const MIN_RETRY: Duration = Duration::from_millis(250);
const MAX_RETRY: Duration = Duration::from_secs(2);

/// How long a connection has to last until the next one is tried at once: a server that takes connections and drops them is not
/// to be asked four times a second by every node.
const LASTING: Duration = Duration::from_secs(5);

/// The microseconds of a second.
const SECOND_MICROS: u64 = 1_000_000;

/// How long a node that stops waits until it has given its leases back. They lapse anyway.
const LEAVE_TIMEOUT: Duration = Duration::from_millis(500);

/// This node's part in the bus of its cluster. Clones share it; it ends with the last.
#[derive(Clone)]
pub struct Bus {
    shared: Arc<BusShared>,
    _task: Arc<AbortOnDropHandle<()>>,
}

impl Bus {
    /// Begins to connect to the bus at `address`, which certificates of `ca_file` vouch for, and does so again whenever the connection ends.
    ///
    /// # Errors
    /// [`BusError::Trust`] where its certificates cannot be read.
    pub fn start(
        address: &BusAddress,
        ca_file: Option<&Path>,
        key: BusKey,
        clock: Arc<dyn Clock>,
        metrics: BusMetrics,
    ) -> Result<Self, BusError> {
        let dialer = BusDialer::new(address, ca_file)?;
        let holder = new_holder().map_err(|error| BusError::Trust(error.to_string()))?;
        let shared = Arc::new(BusShared::new(key, holder, clock, metrics));
        let task = AbortOnDropHandle::new(tokio::spawn(stay_connected(dialer, Arc::clone(&shared))));
        Ok(Self { shared, _task: Arc::new(task) })
    }

    /// Connects once, to see whether that works.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn probe(address: &BusAddress, ca_file: Option<&Path>) -> Result<(), BusError> {
        let mut connections = BusDialer::new(address, ca_file)?.dial().await?;
        session::probe(&mut connections).await
    }

    /// The cluster's key, by which topics are named.
    pub fn key(&self) -> &BusKey {
        &self.shared.context.key
    }

    /// Joins a topic.
    pub fn join(&self, name: TopicName, topic_use: TopicUse) -> Topic {
        Topic::new(self.shared.join(name, topic_use), Arc::clone(&self.shared))
    }

    /// Waits until what has that name may happen once more: `rate` times a second on all nodes together, and a second's worth at
    /// once. Without a bus, or an answer of it, it does not wait.
    pub async fn wait_for_rate(&self, name: &TopicName, rate: u32) {
        let commands = lock(&self.shared.commands).clone();
        let Some(mut commands) = commands else { return };
        let interval = SECOND_MICROS / u64::from(rate.max(1));
        let wait = RATE.key(name.rate()).arg(interval).arg(SECOND_MICROS).invoke_async::<u64>(&mut commands).await;
        match wait.unwrap_or_default() {
            0 => (),
            wait => self.shared.context.clock.sleep(Duration::from_micros(wait)).await,
        }
    }

    /// Whether there is a bus.
    pub fn state(&self) -> BusState {
        self.shared.state.borrow().clone()
    }

    /// A receiver that is told when that changes.
    pub fn subscribe(&self) -> watch::Receiver<BusState> {
        self.shared.state.subscribe()
    }

    /// Gives all leases back, so that other nodes go on at once. For a node that stops.
    pub async fn leave_all(&self) {
        let settled = self.shared.membership_settled.notified();
        self.shared.topics().iter().for_each(|topic| self.shared.leave(topic));
        if self.state() == BusState::Up {
            // Real time, as everything between this node and the bus.
            let _ = tokio::time::timeout(LEAVE_TIMEOUT, settled).await;
        }
    }

    /// Sets the metrics that are read from the current state.
    pub fn update_metrics(&self) {
        let topics = self.shared.topics();
        let count = |is_so: fn(Role) -> bool| topics.iter().filter(|topic| is_so(topic.progress().role)).count();
        let leading = count(|role| matches!(role, Role::Leading(_)));
        self.shared.context.metrics.set_topics(leading, count(|role| role == Role::Following));
    }
}

/// Connects, again and again.
async fn stay_connected(dialer: BusDialer, shared: Arc<BusShared>) {
    let mut retry = MIN_RETRY;
    loop {
        let error = match dialer.dial().await {
            Ok(connections) => {
                let began = Instant::now();
                let error = BusSession::run(connections, &shared).await;
                if began.elapsed() >= LASTING {
                    retry = MIN_RETRY;
                }
                error
            }
            Err(error) => error,
        };
        if !matches!(&*shared.state.borrow(), BusState::Down(before) if *before == error) {
            tracing::warn!(%error, "the bus is lost: this node executes its queries itself until it is back");
        }
        shared.set_state(BusState::Down(error));
        // Real time: the bus is outside, and nobody's clock but its own moves it.
        tokio::time::sleep(retry).await;
        retry = (retry * 2).min(MAX_RETRY);
    }
}

fn new_holder() -> Result<String, StoreError> {
    let mut bytes = [0; 16];
    fill_randomly(&mut bytes)?;
    Ok(hex::encode(bytes))
}
