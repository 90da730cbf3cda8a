use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use tokio_util::task::AbortOnDropHandle;

use crate::domain::{BoundQuery, Clock, History, Reading, Timestamp};
use crate::sources::{SourceError, Sources};

use super::state::FeedState;

/// Executes the feeds' queries: the sources, or a test's stand-in.
#[async_trait]
pub trait QueryExecutor: Send + Sync + 'static {
    /// Executes the query once, with a timeout of its own.
    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError>;
}

#[async_trait]
impl QueryExecutor for Sources {
    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        Sources::execute(self, query).await
    }
}

/// A query and its interval. Equal keys share one feed.
///
/// The interval is part of it: it says how often an author wants the source to be asked, and how often a panel moves. A panel
/// that asks every minute is not to move every second because another page is open that does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FeedKey {
    /// The query, with the inputs' values bound to it.
    pub query: BoundQuery,
    /// How often it is executed.
    pub every: Duration,
}

/// The background task that executes one distinct query again and again. It stops when the last `Arc` of it is dropped.
pub(super) struct Feed {
    state: Arc<Mutex<FeedState>>,
    _task: AbortOnDropHandle<()>,
}

impl Feed {
    /// Starts a feed that executes its query at once, and then at multiples of its interval after `first_due`. It goes on
    /// with a `history`.
    pub(super) fn start(
        key: FeedKey,
        first_due: Timestamp,
        history: History,
        executor: Arc<dyn QueryExecutor>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let state = Arc::new(Mutex::new(FeedState::new(first_due, history)));
        let task = tokio::spawn(poll_forever(key, executor, clock, Arc::clone(&state)));
        Self { state, _task: AbortOnDropHandle::new(task) }
    }

    /// The current state.
    pub(super) fn state(&self) -> MutexGuard<'_, FeedState> {
        lock(&self.state)
    }
}

fn lock(state: &Mutex<FeedState>) -> MutexGuard<'_, FeedState> {
    // Its parts are set one by one, by calls that cannot panic.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn poll_forever(key: FeedKey, executor: Arc<dyn QueryExecutor>, clock: Arc<dyn Clock>, state: Arc<Mutex<FeedState>>) {
    loop {
        let answer = AssertUnwindSafe(executor.execute(&key.query)).catch_unwind().await;
        let answer = answer.unwrap_or_else(|_| Err(SourceError::Broken("the source broke while it was asked".to_owned())));
        let due = lock(&state).record(&key, answer, clock.now());
        clock.sleep_until(due).await;
    }
}
