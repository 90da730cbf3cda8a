use std::future::{Future, pending};

use tokio::sync::watch;

use crate::store::Fence;

/// Whether this node does the work of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// Another node does it, or nobody knows.
    NotHeld,
    /// This node did it last, as far as it knows, and could not renew it in time: another may do it by now.
    Lapsed,
    /// This node does it, with the fence that its writes carry; `None` where there is no other node.
    Held(Option<Fence>),
}

impl LeaseState {
    /// Whether this node does the work.
    fn is_held(self) -> bool {
        matches!(self, Self::Held(_))
    }
}

/// A piece of work that one node does for all, while it holds the lease. Cheap to clone; the clones are one.
#[derive(Clone, Debug)]
pub struct Lease(watch::Receiver<LeaseState>);

impl Lease {
    /// The lease of a server that has no others beside it: it is always held.
    pub fn always_held() -> Self {
        Self(watch::Sender::new(LeaseState::Held(None)).subscribe())
    }

    /// The lease of a test, which stays in that state.
    #[cfg(test)]
    pub fn in_state(state: LeaseState) -> Self {
        Self(watch::Sender::new(state).subscribe())
    }

    pub(super) fn of(state: &watch::Sender<LeaseState>) -> Self {
        Self(state.subscribe())
    }

    /// Its state now.
    pub fn state(&self) -> LeaseState {
        *self.0.borrow()
    }

    /// Whether this node holds it.
    pub fn is_held(&self) -> bool {
        self.state().is_held()
    }

    /// Whether this node holds it, or did so last as far as it knows: for work that two may rather do at once than none.
    pub fn is_held_or_lapsed(&self) -> bool {
        self.state() != LeaseState::NotHeld
    }

    /// Runs `work` from the start whenever this node begins to hold the lease, and drops it as soon as it holds it no longer.
    /// Returns when the work does.
    pub async fn run_while_held<W: Future<Output = ()>>(&self, mut work: impl FnMut() -> W) {
        let mut states = self.0.clone();
        loop {
            let state = *states.borrow_and_update();
            if !state.is_held() {
                other_than(&mut states, state).await;
                continue;
            }
            tokio::select! {
                biased;
                () = other_than(&mut states, state) => (),
                () = work() => return,
            }
        }
    }
}

/// Resolves when the state is another.
async fn other_than(states: &mut watch::Receiver<LeaseState>, state: LeaseState) {
    // Whoever kept it is gone with the server: it stays as it is.
    if states.wait_for(|now| *now != state).await.is_err() {
        pending::<()>().await;
    }
}
