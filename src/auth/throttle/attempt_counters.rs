use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::{Notify, futures::Notified, watch};

use super::account_attempts::RESERVED_FOR;
use super::account_counters::AccountCounters;
use super::failure_counters::FailureCounters;
use super::network_counters::NetworkCounters;
use super::settlement::Settlement;
use super::store::{AccountScope, ThrottleStore};
use crate::domain::{Clock, Timestamp};
use crate::store::StoreError;

/// The pause before a settlement that failed is tried again; every further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The counters that attempts are reserved in and settled by: the store's of accounts, and this server's own of networks.
pub(super) struct AttemptCounters {
    clock: Arc<dyn Clock>,
    pub(super) store: Arc<dyn ThrottleStore>,
    networks: Mutex<NetworkCounters>,
    /// Wakes those who wait when an attempt has ended.
    attempt_ended: Notify,
    settlements: watch::Sender<Settlements>,
}

/// The numbers of attempts that were ever to be settled.
#[derive(Default)]
struct Settlements {
    begun: u64,
    ended: u64,
}

impl AttemptCounters {
    pub(super) fn new(clock: Arc<dyn Clock>, store: Arc<dyn ThrottleStore>) -> Self {
        Self {
            clock,
            store,
            networks: Mutex::new(NetworkCounters::new()),
            attempt_ended: Notify::new(),
            settlements: watch::Sender::default(),
        }
    }

    /// Decides something over the counters of these accounts, as one atomic step. When this fails, what was decided may not hold.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub(super) async fn step(
        &self,
        scope: &AccountScope,
        mut decide: impl FnMut(&mut FailureCounters<'_>, Timestamp) + Send,
    ) -> Result<(), StoreError> {
        let decide = &mut |accounts: &mut AccountCounters, now: Timestamp| {
            let mut networks = self.networks();
            decide(&mut FailureCounters { accounts, networks: &mut networks, local_now: self.clock.now() }, now);
        };
        self.store.step(scope, decide).await
    }

    /// Settles an attempt: before this returns, where the store is at hand, and else in a task, so that nobody who goes away keeps
    /// it from being settled. A store that cannot be asked is asked again, until it counts the attempt as failed by itself, as
    /// nobody has settled it.
    pub(super) fn settle(self: &Arc<Self>, settlement: Settlement) {
        settlement.update_networks(&mut self.networks(), self.clock.now());
        self.settlements.send_modify(|settlements| settlements.begun += 1);
        let counters = Arc::clone(self);
        let mut settling = Box::pin(async move {
            let settled = counters.step(&settlement.scope(), |counters, now| settlement.apply(counters, now)).await;
            counters.settlements.send_modify(|settlements| settlements.ended += 1);
            counters.attempt_ended.notify_waiters();
            if let Err(error) = settled {
                counters.settle_again(&settlement, error).await;
            }
        });
        if (&mut settling).now_or_never().is_none() {
            tokio::spawn(settling);
        }
    }

    async fn settle_again(&self, settlement: &Settlement, mut error: StoreError) {
        let (mut pause, deadline) = (FIRST_PAUSE, self.clock.now() + RESERVED_FOR);
        while self.clock.now() + pause < deadline {
            self.clock.sleep(pause).await;
            pause *= 2;
            let settled = self.step(&settlement.scope(), |counters, now| settlement.apply_again(counters, now)).await;
            match settled {
                Ok(()) => return self.attempt_ended.notify_waiters(),
                Err(failed) => error = failed,
            }
        }
        tracing::error!(%error, "the outcome of a sign-in could not be recorded: it counts as a failed one");
    }

    /// Resolves when the next attempt has ended here.
    pub(super) fn attempt_ended(&self) -> Notified<'_> {
        self.attempt_ended.notified()
    }

    /// Waits until as many attempts are settled as were to be when this was called, and writes down what has changed; with `all`,
    /// also what may wait for others.
    pub(super) async fn flush(&self, all: bool) {
        let begun = self.settlements.borrow().begun;
        // The sender lives in `self`: it cannot be gone.
        let _ = self.settlements.subscribe().wait_for(|settlements| settlements.ended >= begun).await;
        self.store.flush(all).await;
    }

    /// Takes in what was released since, by this process or another; whether there was anything.
    pub(super) async fn apply_releases(&self) -> bool {
        let released = self.store.take_releases().await.unwrap_or_else(|error| {
            tracing::error!(%error, "it could not be read which failed sign-ins were released by hand");
            Vec::new()
        });
        let mut networks = self.networks();
        for account in &released {
            networks.release(*account);
        }
        !released.is_empty()
    }

    /// Locks the counters of networks. A panic elsewhere leaves them whole: at worst one attempt is counted that was not made.
    pub(super) fn networks(&self) -> MutexGuard<'_, NetworkCounters> {
        self.networks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
