use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedMutexGuard, Semaphore, SemaphorePermit};

/// How many steps of one server may be under way at the same time: fewer than the pool has connections.
const MAX_STEPS: usize = 8;

/// The turns of a server's steps. Those of one name come one after the other, so that whoever tries one name again and again takes
/// one connection of the pool, and not all, and makes nobody else wait.
pub(super) struct Turns {
    /// A lock for each name that has steps.
    of_names: Mutex<HashMap<u64, Arc<tokio::sync::Mutex<()>>>>,
    steps: Semaphore,
}

/// A turn: until it is dropped, no other step of the same name begins.
pub(super) struct StepTurn<'a> {
    _step: Option<SemaphorePermit<'a>>,
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
        Self { of_names: Mutex::default(), steps: Semaphore::new(MAX_STEPS) }
    }
}

impl Turns {
    /// Waits for the name's turn, and then until a step may begin.
    pub(super) async fn take(&self, name: u64) -> StepTurn<'_> {
        let line = Arc::clone(self.lock().entry(name).or_default());
        let place = TurnPlace { turns: self, name, line: Arc::clone(&line) };
        let name = line.lock_owned().await;
        // It is never closed.
        let step = self.steps.acquire().await.ok();
        StepTurn { _step: step, _name: name, _place: place }
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
    async fn one_name_has_one_step_at_a_time_and_keeps_nobody_else_waiting() {
        let turns = Turns::default();
        let first = turns.take(1).await;
        let mut second = std::pin::pin!(turns.take(1));
        assert!(futures::poll!(second.as_mut()).is_pending());
        let others: Vec<_> = futures::future::join_all((2..9).map(|name| turns.take(name))).await;
        let mut one_more = std::pin::pin!(turns.take(9));
        assert!(futures::poll!(one_more.as_mut()).is_pending(), "there are as many steps as there may be");
        drop((first, others));
        drop(futures::join!(second, one_more));
        assert!(turns.lock().is_empty(), "nothing is kept of names");
        let held = turns.take(1).await;
        {
            let mut given_up = std::pin::pin!(turns.take(1));
            assert!(futures::poll!(given_up.as_mut()).is_pending());
        }
        drop(held);
        assert!(turns.lock().is_empty());
    }
}
