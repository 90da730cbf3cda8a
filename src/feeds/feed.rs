use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::{FutureExt, StreamExt};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::domain::{BoundQuery, Clock, Holder, Reading, Series, SourceName, TimeRange};
use crate::sources::{ReadingStream, SourceError, Sources};

use super::key::FeedKey;
use super::retained::RetainedAnswers;
use super::source_gate::{QueryPermit, SourceGate};
use super::state::FeedState;

/// Executes the feeds' queries: the sources, or a test's stand-in.
#[async_trait]
pub trait QueryExecutor: Send + Sync + 'static {
    /// Executes the query once, with a timeout of its own.
    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError>;

    /// Executes the query once for the holder that the feed is counted under.
    async fn execute_for(&self, query: &BoundQuery, _holder: &Holder) -> Result<Reading, SourceError> {
        self.execute(query).await
    }

    /// Executes the query over a span of the past; `None` where the source cannot tell it.
    async fn execute_range(&self, _query: &BoundQuery, _range: TimeRange) -> Result<Option<Series>, SourceError> {
        Ok(None)
    }

    /// Subscribes to the readings of the query, where its source pushes them.
    fn subscribe(&self, _query: &BoundQuery) -> Option<ReadingStream> {
        None
    }

    /// How many queries a second the source is asked at most; `None` where that does not matter.
    fn rate(&self, _source: &SourceName) -> Option<u32> {
        None
    }
}

#[async_trait]
impl QueryExecutor for Sources {
    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        Sources::execute(self, query).await
    }

    async fn execute_for(&self, query: &BoundQuery, holder: &Holder) -> Result<Reading, SourceError> {
        Sources::execute_for(self, query, holder).await
    }

    async fn execute_range(&self, query: &BoundQuery, range: TimeRange) -> Result<Option<Series>, SourceError> {
        Sources::execute_range(self, query, range).await
    }

    fn subscribe(&self, query: &BoundQuery) -> Option<ReadingStream> {
        Sources::subscribe(self, query)
    }

    fn rate(&self, source: &SourceName) -> Option<u32> {
        Sources::rate(self, source)
    }
}

/// The background task that executes one distinct query again and again, or listens to what its source pushes. It stops when
/// the last `Arc` of it is dropped, and its last answer is retained.
pub(super) struct Feed {
    key: FeedKey,
    state: Arc<Mutex<FeedState>>,
    /// The holder that its queries are counted under.
    holder: watch::Sender<Holder>,
    clock: Arc<dyn Clock>,
    retained: Arc<Mutex<RetainedAnswers>>,
    _task: AbortOnDropHandle<()>,
}

/// The pieces that a feed works with.
pub(super) struct FeedParts {
    pub(super) executor: Arc<dyn QueryExecutor>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) retained: Arc<Mutex<RetainedAnswers>>,
    /// The gate of its source, if that has a rate.
    pub(super) gate: Option<Arc<SourceGate>>,
}

impl Feed {
    /// Starts a feed that executes its query when the `state` says that it is due, and then at multiples of its interval after.
    pub(super) fn start(key: FeedKey, state: FeedState, holder: Holder, parts: FeedParts) -> Self {
        let FeedParts { executor, clock, retained, gate } = parts;
        let state = Arc::new(Mutex::new(state));
        let holder = watch::Sender::new(holder);
        let task = FeedTask {
            key: key.clone(),
            executor,
            clock: Arc::clone(&clock),
            gate,
            holder: holder.subscribe(),
            state: Arc::clone(&state),
        };
        Self { key, state, holder, clock, retained, _task: AbortOnDropHandle::new(tokio::spawn(task.run())) }
    }

    /// Counts its queries under whom its subscribers are now counted under, also the one that waits for its turn.
    pub(super) fn holders_changed(&self) {
        let Some(holder) = self.state().holder().cloned() else { return };
        self.holder.send_if_modified(|current| {
            let has_changed = *current != holder;
            *current = holder;
            has_changed
        });
    }

    /// The current state.
    pub(super) fn state(&self) -> MutexGuard<'_, FeedState> {
        lock(&self.state)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if let Some(last) = self.state().take_last_answer() {
            let (key, holder, now) = (self.key.clone(), self.holder.borrow().clone(), self.clock.now());
            self.retained.lock().unwrap_or_else(PoisonError::into_inner).insert(key, last, holder, now);
        }
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
    gate: Option<Arc<SourceGate>>,
    holder: watch::Receiver<Holder>,
    state: Arc<Mutex<FeedState>>,
}

impl FeedTask {
    /// Listens to a source that pushes, and asks any other again and again.
    async fn run(mut self) {
        if lock(&self.state).has_answer() {
            self.sleep_until_due().await;
        }
        loop {
            if let Err(error) = catch_panic(self.run_round()).await {
                lock(&self.state).set_pushed(false);
                self.record(Err(error));
            }
            self.sleep_until_due().await;
        }
    }

    async fn sleep_until_due(&self) {
        let due = lock(&self.state).due();
        self.clock.sleep_until(due).await;
    }

    /// Waits for its turn at the source, as the holder that it has at the time.
    async fn pass_gate(&mut self) -> Option<QueryPermit> {
        let gate = Arc::clone(self.gate.as_ref()?);
        loop {
            let holder = self.holder.borrow_and_update().clone();
            let is_first = !lock(&self.state).has_answer();
            tokio::select! {
                permit = gate.pass(&holder, is_first) => return Some(permit),
                // The sender is gone only when this task is, too.
                Ok(()) = self.holder.changed() => (),
            }
        }
    }

    /// Listens until the stream ends, or asks once.
    async fn run_round(&mut self) {
        let _permit = self.pass_gate().await;
        self.fill_history().await;
        if let Some(readings) = self.executor.subscribe(&self.key.query) {
            self.listen(readings).await;
        } else {
            let holder = self.holder.borrow().clone();
            let answer = self.executor.execute_for(&self.key.query, &holder).await;
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
