use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::{FutureExt, StreamExt};
use tokio_util::task::AbortOnDropHandle;

use crate::domain::{BoundQuery, Clock, History, Reading, Series, TimeRange, Timestamp};
use crate::panels::Past;
use crate::sources::{ReadingStream, SourceError, Sources};

use super::key::FeedKey;
use super::state::FeedState;

/// Executes the feeds' queries: the sources, or a test's stand-in.
#[async_trait]
pub trait QueryExecutor: Send + Sync + 'static {
    /// Executes the query once, with a timeout of its own.
    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError>;

    /// Executes the query over a span of the past; `None` where the source cannot tell it.
    async fn execute_range(&self, _query: &BoundQuery, _range: TimeRange) -> Result<Option<Series>, SourceError> {
        Ok(None)
    }

    /// Subscribes to the readings of the query, where its source pushes them.
    fn subscribe(&self, _query: &BoundQuery) -> Option<ReadingStream> {
        None
    }
}

#[async_trait]
impl QueryExecutor for Sources {
    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        Sources::execute(self, query).await
    }

    async fn execute_range(&self, query: &BoundQuery, range: TimeRange) -> Result<Option<Series>, SourceError> {
        Sources::execute_range(self, query, range).await
    }

    fn subscribe(&self, query: &BoundQuery) -> Option<ReadingStream> {
        Sources::subscribe(self, query)
    }
}

/// The background task that executes one distinct query again and again, or listens to what its source pushes. It stops when
/// the last `Arc` of it is dropped.
pub(super) struct Feed {
    state: Arc<Mutex<FeedState>>,
    _task: AbortOnDropHandle<()>,
}

impl Feed {
    /// Starts a feed that executes its query at once, and then at multiples of its interval after `first_due`. It goes on
    /// with a `history`, and asks for what that lacks of a `past`.
    pub(super) fn start(
        key: FeedKey,
        first_due: Timestamp,
        history: History,
        past: Past,
        executor: Arc<dyn QueryExecutor>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let state = Arc::new(Mutex::new(FeedState::new(first_due, history, past)));
        let task = FeedTask { key, executor, clock, state: Arc::clone(&state) };
        Self { state, _task: AbortOnDropHandle::new(tokio::spawn(task.run())) }
    }

    /// The current state.
    pub(super) fn state(&self) -> MutexGuard<'_, FeedState> {
        lock(&self.state)
    }
}

fn lock(state: &Mutex<FeedState>) -> MutexGuard<'_, FeedState> {
    // A panic costs one round of the feed, and the next reading sets its parts anew.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The task of a feed.
struct FeedTask {
    key: FeedKey,
    executor: Arc<dyn QueryExecutor>,
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<FeedState>>,
}

impl FeedTask {
    /// Listens to a source that pushes, and asks any other again and again.
    async fn run(self) {
        loop {
            if let Err(error) = catch_panic(self.run_round()).await {
                lock(&self.state).set_pushed(false);
                self.record(Err(error));
            }
            let due = lock(&self.state).due();
            self.clock.sleep_until(due).await;
        }
    }

    /// Listens until the stream ends, or asks once.
    async fn run_round(&self) {
        self.fill_history().await;
        if let Some(readings) = self.executor.subscribe(&self.key.query) {
            self.listen(readings).await;
        } else {
            let answer = self.executor.execute(&self.key.query).await;
            self.record(answer);
        }
    }

    /// Asks for the past that the history lacks, where the source can tell it.
    async fn fill_history(&self) {
        let Some(window) = lock(&self.state).take_missing_past() else { return };
        let range = TimeRange::ending_at(self.clock.now(), window).with_step(self.key.every);
        match catch_panic(self.executor.execute_range(&self.key.query, range)).await.flatten() {
            Ok(Some(series)) => lock(&self.state).fill_history(&series),
            Ok(None) => (),
            Err(error) => {
                // People hear of it when the source is asked for the present.
                tracing::debug!(source = %self.key.query.source, %error, "the source did not tell its past");
                lock(&self.state).forget_asked_past();
            }
        }
    }

    /// Records what the source pushes, until its stream ends.
    async fn listen(&self, mut readings: ReadingStream) {
        lock(&self.state).set_pushed(true);
        while let Some(answer) = readings.next().await {
            self.record(answer);
            // A stream that always has another reading must not keep a thread for itself.
            tokio::task::consume_budget().await;
        }
        lock(&self.state).set_pushed(false);
        self.record(Err(SourceError::Unreachable("the source has stopped sending".to_owned())));
    }

    fn record(&self, answer: Result<Reading, SourceError>) {
        lock(&self.state).record(&self.key, answer, self.clock.now());
    }
}

/// The result of work that a source does; a panic, which is in the log, is an error of the source's.
async fn catch_panic<T>(work: impl Future<Output = T>) -> Result<T, SourceError> {
    let broken = |_| SourceError::Broken("the source broke while it was asked".to_owned());
    AssertUnwindSafe(work).catch_unwind().await.map_err(broken)
}
