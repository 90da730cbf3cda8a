use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::{Lease, LeaseState, NodeId};
use crate::domain::Clock;
use crate::store::{Fence, StoreError};

/// Where leases are held. Each method is one statement, so that several nodes may call it at the same time.
#[async_trait]
pub trait LeaseStore: Send + Sync {
    /// Renews those of these leases that `holder` holds, and takes those that nobody holds any more, for `term` from now on. Returns
    /// what it holds then, with their numbers.
    async fn hold(&self, leases: &[&'static str], holder: NodeId, term: Duration) -> Result<Vec<(String, i64)>, StoreError>;

    /// Gives up what `holder` holds: others may take it at once.
    async fn release(&self, holder: NodeId) -> Result<(), StoreError>;
}

/// How long leases last.
#[derive(Clone, Copy, Debug)]
pub struct LeaseTerms {
    /// From one renewal on: after a node's death its work waits for so long.
    pub term: Duration,
    /// The interval of renewals, and of tries for what others hold.
    pub renewal: Duration,
}

impl Default for LeaseTerms {
    /// Two renewals may fail before a lease is lost, and what a dead node held is taken over within 8 s.
    fn default() -> Self {
        Self { term: Duration::from_secs(6), renewal: Duration::from_secs(2) }
    }
}

/// Holds leases for this node, as far as no other does, and tells whoever does their work.
///
/// A lease ends here before it ends in the store: its time begins here before the store is asked, and there after. Both are told
/// by lengths, not by what clocks show.
pub struct LeaseKeeper {
    store: Arc<dyn LeaseStore>,
    holder: NodeId,
    terms: LeaseTerms,
    clock: Arc<dyn Clock>,
    leases: Vec<(&'static str, watch::Sender<LeaseState>)>,
}

/// The end of what is held, if nothing more is done.
type Lapse<'a> = Option<Pin<Box<dyn Future<Output = ()> + Send + 'a>>>;

impl LeaseKeeper {
    /// A keeper of the leases with these names, which holds none yet.
    pub fn new(
        store: Arc<dyn LeaseStore>,
        holder: NodeId,
        terms: LeaseTerms,
        clock: Arc<dyn Clock>,
        names: &[&'static str],
    ) -> Self {
        let leases = names.iter().map(|name| (*name, watch::Sender::new(LeaseState::NotHeld))).collect();
        Self { store, holder, terms, clock, leases }
    }

    /// The lease of this name; one that is never held, if it keeps none of that name.
    pub fn lease(&self, name: &str) -> Lease {
        let kept = self.leases.iter().find(|(kept, _)| *kept == name);
        kept.map_or_else(|| Lease::of(&watch::Sender::new(LeaseState::NotHeld)), |(_, state)| Lease::of(state))
    }

    /// Renews and takes leases, for as long as it is polled.
    pub async fn run(&self) {
        let names: Vec<&'static str> = self.leases.iter().map(|(name, _)| *name).collect();
        let mut lapse: Lapse<'_> = None;
        let mut has_failed = false;
        loop {
            let next_lapse = self.clock.sleep(self.terms.term);
            let held = tokio::select! {
                held = self.store.hold(&names, self.holder, self.terms.term) => held,
                () = lapsed(&mut lapse) => {
                    self.set_lapsed();
                    continue;
                }
            };
            match held {
                Ok(held) => {
                    self.set_held(&held);
                    (lapse, has_failed) = (Some(next_lapse), false);
                }
                Err(error) => {
                    if !std::mem::replace(&mut has_failed, true) {
                        tracing::warn!(%error, "this node cannot say whether it goes on with the work that one does for all");
                    }
                }
            }
            let next = self.clock.sleep(self.terms.renewal);
            tokio::pin!(next);
            loop {
                tokio::select! {
                    () = &mut next => break,
                    () = lapsed(&mut lapse) => self.set_lapsed(),
                }
            }
        }
    }

    /// Gives up all leases, when the server stops.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked: they end by themselves then.
    pub async fn release(&self) -> Result<(), StoreError> {
        self.set_held(&[]);
        self.store.release(self.holder).await
    }

    fn set_held(&self, held: &[(String, i64)]) {
        for (lease, state) in &self.leases {
            let number = held.iter().find(|(name, _)| name == lease).map(|(_, number)| *number);
            let now = number.map_or(LeaseState::NotHeld, |number| LeaseState::Held(Some(Fence { lease, number })));
            state.send_if_modified(|before| std::mem::replace(before, now) != now);
        }
    }

    /// What was held is no more, and nobody knows whether another holds it.
    fn set_lapsed(&self) {
        for (_, state) in &self.leases {
            state.send_if_modified(|state| {
                let was_held = matches!(state, LeaseState::Held(_));
                if was_held {
                    *state = LeaseState::Lapsed;
                }
                was_held
            });
        }
    }
}

/// Resolves once, when the time is over.
async fn lapsed(lapse: &mut Lapse<'_>) {
    match lapse {
        Some(over) => over.await,
        None => pending().await,
    }
    *lapse = None;
}
