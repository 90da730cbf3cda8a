use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedMutexGuard, Semaphore, SemaphorePermit};

/// How many steps of one server may be under way at the same time: fewer than the pool has connections.
const MAX_STEPS: usize = 8;

/// How many of them may begin attempts. The others are left to attempts that were admitted: however many strangers come, what
/// has ended is settled.
const MAX_BEGINNINGS: usize = 6;

/// The turns of a server's steps. Those that begin attempts for one name come one after the other, so that whoever tries one name
/// again and again takes one connection of the pool, and not all, and makes nobody else wait.
pub(super) struct Turns {
    /// A lock for each name that has steps.
    of_names: Mutex<HashMap<u64, Arc<tokio::sync::Mutex<()>>>>,
    beginnings: Semaphore,
    steps: Semaphore,
}

/// A turn: until it is dropped, no other attempt for the same name begins.
pub(super) struct StepTurn<'a> {
    _step: Option<SemaphorePermit<'a>>,
    _beginning: Option<BeginningTurn<'a>>,
}

/// The part of a turn that only an attempt which begins needs.
struct BeginningTurn<'a> {
    _beginning: Option<SemaphorePermit<'a>>,
    _name: OwnedMutexGuard<()>,
    _place: TurnPlace<'a>,
}

/// A place in the line of a name. The last to leave it takes the line away.
struct TurnPlace<'a> {
    turns: &'a Turns,
    name: u64,
    line: Arc<tokio::sync::Mutex<()>>,
}

impl Default for Turns {
    fn default() -> Self {
        let [beginnings, steps] = [MAX_BEGINNINGS, MAX_STEPS].map(Semaphore::new);
        Self { of_names: Mutex::default(), beginnings, steps }
    }
}

impl Turns {
    /// Waits until an attempt for this name may begin: for the name's turn, and for those of other names.
    pub(super) async fn begin(&self, name: u64) -> StepTurn<'_> {
        let line = Arc::clone(self.lock().entry(name).or_default());
        let place = TurnPlace { turns: self, name, line: Arc::clone(&line) };
        let name = line.lock_owned().await;
        // It is never closed.
        let beginning = self.beginnings.acquire().await.ok();
        StepTurn { _beginning: Some(BeginningTurn { _beginning: beginning, _name: name, _place: place }), ..self.go_on().await }
    }

    /// Waits until an attempt that was admitted may go on, or end: those are few, and pass by all that begin.
    pub(super) async fn go_on(&self) -> StepTurn<'_> {
        StepTurn { _step: self.steps.acquire().await.ok(), _beginning: None }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<tokio::sync::Mutex<()>>>> {
        // Whole at every moment.
        self.of_names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TurnPlace<'_> {
    fn drop(&mut self) {
        let mut lines = self.turns.lock();
        // The map's and this one: who comes now makes another line.
        if Arc::strong_count(&self.line) == 2 {
            lines.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_name_begins_one_attempt_at_a_time_and_keeps_nobody_else_waiting() {
        let turns = Turns::default();
        let first = turns.begin(1).await;
        let mut second = std::pin::pin!(turns.begin(1));
        assert!(futures::poll!(second.as_mut()).is_pending());
        let others: Vec<_> = futures::future::join_all((2..7).map(|name| turns.begin(name))).await;
        let mut one_more = std::pin::pin!(turns.begin(7));
        assert!(futures::poll!(one_more.as_mut()).is_pending(), "as many begin as may");
        drop((first, others));
        drop(futures::join!(second, one_more));
        assert!(turns.lock().is_empty(), "nothing is kept of names");
        let held = turns.begin(1).await;
        {
            let mut given_up = std::pin::pin!(turns.begin(1));
            assert!(futures::poll!(given_up.as_mut()).is_pending());
        }
        drop(held);
        assert!(turns.lock().is_empty());
    }

    #[tokio::test]
    async fn what_was_admitted_passes_by_all_that_begin() {
        let turns = Turns::default();
        let begun: Vec<_> = futures::future::join_all((0..6).map(|name| turns.begin(name))).await;
        let mut waiting = std::pin::pin!(futures::future::join_all((0..20).map(|name| turns.begin(name))));
        assert!(futures::poll!(waiting.as_mut()).is_pending());
        let mut admitted = std::pin::pin!(async { drop(turns.go_on().await) });
        assert!(futures::poll!(admitted.as_mut()).is_ready(), "of the same names, too");
        drop(begun);
        assert_eq!(turns.lock().len(), 20);
    }
}
