use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::bus::{Role, Topic};
use crate::domain::{Clock, Holder, Reading, TimeRange, Timestamp};
use crate::sources::{ReadingStream, SourceError, StreamedReading};

use super::executor::QueryExecutor;
use super::feed_archive::FeedArchive;
use super::feed_topic::FeedTopic;
use super::key::FeedKey;
use super::retained::RetainedAnswers;
use super::shared_fetch::{Availability, FetchAnswer, SharedFetch};
use super::source_gate::{QueryPermit, SourceGate};
use super::state::{AnswerTimes, FeedState};

/// How long a feed waits for what was kept of its past before it asks for the present: the archive may be away.
const PAST_WAIT: Duration = Duration::from_millis(500);

/// The background task that executes one distinct query again and again, or listens to what its source pushes. It stops when
/// the last `Arc` of it is dropped, and its last answer is retained.
pub(super) struct Feed {
    key: FeedKey,
    state: Arc<Mutex<FeedState>>,
    /// The holder that its queries are counted under.
    holder: watch::Sender<Holder>,
    clock: Arc<dyn Clock>,
    retained: Arc<Mutex<RetainedAnswers>>,
    /// Its topic on the bus, if there is one for it.
    topic: Option<Arc<Topic>>,
    _task: AbortOnDropHandle<()>,
}

/// The pieces that a feed works with.
pub(super) struct FeedParts {
    pub(super) executor: Arc<dyn QueryExecutor>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) retained: Arc<Mutex<RetainedAnswers>>,
    /// The gate of its source, if that has a rate.
    pub(super) gate: Option<Arc<SourceGate>>,
    /// The fetch of the document that its query picks from, if it does, or why there is none.
    pub(super) fetch: Result<Option<Arc<SharedFetch>>, SourceError>,
    /// The topic of its query, where several nodes share what it is answered. Documents have topics of their own.
    pub(super) topic: Option<Topic>,
    /// The archive of what it is answered, where there is one.
    pub(super) archive: Option<FeedArchive>,
}

impl Feed {
    /// Starts a feed that executes its query when the `state` says that it is due, and then at multiples of its interval after.
    pub(super) fn start(key: FeedKey, state: FeedState, holder: Holder, parts: FeedParts) -> Self {
        let FeedParts { executor, clock, retained, gate, fetch, topic, archive } = parts;
        let topic = topic.map(Arc::new);
        let of_document = fetch.as_ref().ok().and_then(|fetch| fetch.as_ref()?.join());
        let state = Arc::new(Mutex::new(state));
        let holder = watch::Sender::new(holder);
        let task = FeedTask {
            key: key.clone(),
            executor,
            clock: Arc::clone(&clock),
            gate,
            fetch,
            holder: holder.subscribe(),
            state: Arc::clone(&state),
            topic: topic.clone().map(FeedTopic::new),
            archive,
            restored: Duration::ZERO,
            restoring: None,
            _of_document: of_document,
        };
        Self { key, state, holder, clock, retained, topic, _task: AbortOnDropHandle::new(tokio::spawn(task.run())) }
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

    /// The part of this node in it; `None` where nodes do not share it.
    pub(super) fn role(&self) -> Option<Role> {
        self.topic.as_ref().map(|topic| topic.role())
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
    fetch: Result<Option<Arc<SharedFetch>>, SourceError>,
    holder: watch::Receiver<Holder>,
    state: Arc<Mutex<FeedState>>,
    topic: Option<FeedTopic>,
    archive: Option<FeedArchive>,
    /// How much of what was kept of the past was asked for.
    restored: Duration,
    /// The reading of the past that comes late.
    restoring: Option<AbortOnDropHandle<()>>,
    /// The topic of its document, which the node is in for as long as a feed needs it.
    _of_document: Option<Arc<Topic>>,
}

impl FeedTask {
    /// Listens to a source that pushes, and asks any other again and again.
    async fn run(mut self) {
        // Also where another node executes the query, or it is not due yet.
        let window = lock(&self.state).missing_past();
        self.restore_history(window).await;
        if lock(&self.state).has_answer() || self.topic.is_some() {
            self.wait_for_turn().await;
        }
        loop {
            if let Err(error) = catch_panic(self.run_round()).await {
                lock(&self.state).set_pushed(false);
                self.record_now(Err(error));
            }
            self.wait_for_turn().await;
        }
    }

    /// Waits until the query is due, and this node's to execute. What another was answered meanwhile is recorded.
    async fn wait_for_turn(&mut self) {
        loop {
            let due = match &mut self.topic {
                None => Some(lock(&self.state).due()),
                Some(topic) => topic.follow(&self.key, &self.state, self.clock.now()),
            };
            let turn = async {
                match due {
                    Some(due) => self.clock.sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            let Some(topic) = &self.topic else { return turn.await };
            tokio::select! {
                biased;
                () = topic.changed() => (),
                () = turn => return,
            }
        }
    }

    /// Waits for its turn at the source, as the holder that it has at the time; `is_first` where nobody asked the same before.
    async fn pass_gate(&mut self, is_first: bool) -> Option<QueryPermit> {
        let gate = Arc::clone(self.gate.as_ref()?);
        loop {
            let holder = self.holder.borrow_and_update().clone();
            tokio::select! {
                permit = gate.pass(&holder, is_first) => return Some(permit),
                // The sender is gone only when this task is, too.
                Ok(()) = self.holder.changed() => (),
            }
        }
    }

    /// Picks from the document, listens until the stream ends, or asks once.
    async fn run_round(&mut self) {
        match self.fetch.clone() {
            Err(error) => return self.record_now(Err(error)),
            Ok(Some(fetch)) => {
                self.fill_history().await;
                return self.pick(&fetch).await;
            }
            Ok(None) => (),
        }
        let is_first = !lock(&self.state).has_answer();
        let permit = self.pass_gate(is_first).await;
        if let Some(permit) = &permit {
            permit.wait_for_rate().await;
        }
        self.fill_history().await;
        if let Some(readings) = self.executor.subscribe(&self.key.query, &self.holder) {
            self.listen(readings).await;
        } else {
            let answer = self.executor.execute(&self.key.query).await;
            self.record_now(answer);
        }
    }

    /// Picks a reading from the newest document.
    async fn pick(&mut self, fetch: &Arc<SharedFetch>) {
        let FetchAnswer { result, taken_at, beat } = self.fetch_document(fetch).await;
        let executor = Arc::clone(&self.executor);
        let Some(documents) = executor.documents(&self.key.query.source) else { return };
        let answer = match result {
            Ok(document) => {
                let holder = self.holder.borrow().clone();
                catch_panic(documents.pick(&self.key.query, &document, &holder)).await.flatten()
            }
            Err(error) => Err(error),
        };
        self.archive(taken_at, &answer, None);
        let times = AnswerTimes { now: self.clock.now(), taken_at, beat: Some(beat), not_before: documents.not_before() };
        lock(&self.state).record(&self.key, answer, times);
    }

    /// The newest document: the last one while it is fresh, the one that is on its way, or a new one. Of the feeds that wait for
    /// their turn at the source, the first has it sent for all of them.
    async fn fetch_document(&mut self, fetch: &Arc<SharedFetch>) -> FetchAnswer {
        let (due, every) = (lock(&self.state).due(), self.key.every);
        let mut changes = fetch.subscribe();
        let seen = fetch.answer_count();
        loop {
            changes.mark_unchanged();
            match fetch.availability(every, seen) {
                Availability::Fresh(answer) => return answer,
                // The sender is a field of the fetch.
                Availability::InFlight => drop(changes.changed().await),
                Availability::Stale => tokio::select! {
                    permit = self.pass_gate(seen == 0) => fetch.start(due, every, seen, permit),
                    _ = changes.changed() => (),
                },
            }
        }
    }

    /// Adds the past that the history lacks: the source's own where it can tell it, otherwise what was kept of it.
    async fn fill_history(&mut self) {
        let missing = lock(&self.state).take_missing_past();
        let needs_to_know = self.archive.as_ref().is_some_and(FeedArchive::needs_to_know);
        let Some(window) = missing.or_else(|| needs_to_know.then_some(self.key.every)) else { return };
        let range = TimeRange::ending_at(self.clock.now(), window).with_step(self.key.every);
        let told = catch_panic(self.executor.execute_range(&self.key.query, range)).await.flatten();
        self.archive.iter_mut().for_each(|archive| archive.set_tells_past(!matches!(told, Ok(None))));
        match told {
            Ok(Some(series)) => lock(&self.state).fill_history(&series),
            Ok(None) => self.restore_history(missing).await,
            Err(error) => {
                // People hear of it when the source is asked for the present.
                tracing::debug!(source = %self.key.query.source, %error, "the source did not tell its past");
                lock(&self.state).forget_asked_past();
            }
        }
    }

    /// Adds what was kept of the last `window` to the history, once: now where it comes soon, otherwise when it is there.
    async fn restore_history(&mut self, window: Option<Duration>) {
        let Some((archive, window)) = self.archive.as_ref().zip(window.filter(|window| *window > self.restored)) else {
            return;
        };
        self.restored = window;
        let reading = archive.read(self.clock.now(), window);
        let (state, every, clock) = (Arc::clone(&self.state), self.key.every, Arc::clone(&self.clock));
        let mut restoring = AbortOnDropHandle::new(tokio::spawn(async move {
            if let Some(past) = reading.await {
                lock(&state).restore_history(&past, every, clock.now());
            }
        }));
        let is_late = tokio::select! {
            biased;
            _ = &mut restoring => false,
            () = self.clock.sleep(PAST_WAIT) => true,
        };
        if is_late {
            // One of a shorter window is not needed any more.
            drop(self.restoring.replace(restoring));
        }
    }

    /// Has an answer of that moment kept, if this node is the one that does.
    fn archive(&mut self, at: Timestamp, answer: &Result<Reading, SourceError>, role: Option<Role>) {
        if let Some(archive) = &mut self.archive {
            let is_pushed = lock(&self.state).is_pushed();
            archive.record(at, answer.as_ref(), role, is_pushed);
        }
    }

    /// Records what the source pushes, until its stream ends.
    async fn listen(&mut self, mut readings: ReadingStream) {
        lock(&self.state).set_pushed(true);
        loop {
            let answer = tokio::select! {
                biased;
                () = turn_is_over(self.topic.as_ref()) => return,
                answer = readings.next() => answer,
            };
            let Some(StreamedReading { taken_at, result }) = answer else { break };
            self.record(result, taken_at);
            // A stream that always has another reading must not keep a thread for itself.
            tokio::task::consume_budget().await;
        }
        lock(&self.state).set_pushed(false);
        self.record_now(Err(SourceError::Unreachable("the source has stopped sending".to_owned())));
    }

    /// Records an answer of this moment, and tells it to the other nodes.
    fn record_now(&mut self, answer: Result<Reading, SourceError>) {
        self.record(answer, self.clock.now());
    }

    /// Records an answer that was taken then, and tells it to the other nodes.
    fn record(&mut self, answer: Result<Reading, SourceError>, taken_at: Timestamp) {
        let times = AnswerTimes { taken_at, ..self.clock.now().into() };
        if let Some(topic) = &mut self.topic
            && !topic.share(&answer, &self.key, times, &lock(&self.state))
        {
            return;
        }
        let role = self.topic.as_ref().map(FeedTopic::role);
        self.archive(times.taken_at, &answer, role);
        lock(&self.state).record(&self.key, answer, times);
    }
}

/// Resolves when it is another node's to listen to the source.
async fn turn_is_over(topic: Option<&FeedTopic>) {
    match topic {
        Some(topic) => topic.turn_is_over().await,
        None => std::future::pending().await,
    }
}

/// The result of work that a source does; a panic, which is in the log, is an error of the source's.
async fn catch_panic<T>(work: impl Future<Output = T>) -> Result<T, SourceError> {
    let broken = |_| SourceError::Broken("the source broke while it was asked".to_owned());
    AssertUnwindSafe(work).catch_unwind().await.map_err(broken)
}
