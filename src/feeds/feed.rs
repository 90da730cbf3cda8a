use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use crate::domain::{BoundQuery, Clock, Reading, Timestamp};
use crate::panels::PanelTrouble;
use crate::sources::{SourceError, Sources};

use super::backoff;

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

/// The state of a feed: the last good reading, and why there is none newer.
#[derive(Debug)]
pub struct FeedState {
    /// The last good reading, and when it was taken.
    pub reading: Option<(Timestamp, Reading)>,
    /// How many readings there were: tells one from the next even when the machine's clock is set back.
    pub reading_count: u64,
    /// Why there is no newer reading.
    pub trouble: Option<PanelTrouble>,
    /// When the query is executed next. When that has passed, an answer is on its way.
    pub due: Timestamp,
    /// How many failures there were since the last reading.
    failures: u32,
}

/// The background task that executes one distinct query again and again. It stops when the last `Arc` of it is dropped.
pub(super) struct Feed {
    shared: Arc<FeedShared>,
    _task: AbortOnDropHandle<()>,
}

/// A feed's state and its subscribers, shared with its task.
struct FeedShared {
    state: Mutex<FeedState>,
    subscribers: Mutex<Vec<Weak<Notify>>>,
}

impl Feed {
    /// Starts a feed that executes its query at once, and then at multiples of its interval after `first_due`.
    pub(super) fn start(key: FeedKey, first_due: Timestamp, executor: Arc<dyn QueryExecutor>, clock: Arc<dyn Clock>) -> Self {
        let state = FeedState { reading: None, reading_count: 0, trouble: None, due: first_due, failures: 0 };
        let shared = Arc::new(FeedShared { state: Mutex::new(state), subscribers: Mutex::default() });
        let task = tokio::spawn(poll_forever(key, executor, clock, Arc::clone(&shared)));
        Self { shared, _task: AbortOnDropHandle::new(task) }
    }

    /// Notifies `subscriber` at every answer, for as long as somebody else holds it.
    pub(super) fn subscribe(&self, subscriber: &Arc<Notify>) {
        let mut subscribers = self.shared.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|subscriber| subscriber.strong_count() > 0);
        subscribers.push(Arc::downgrade(subscriber));
    }

    /// The current state.
    pub(super) fn state(&self) -> MutexGuard<'_, FeedState> {
        self.shared.state()
    }
}

impl FeedShared {
    /// Records the answer that came `now`, notifies the subscribers, and returns when to execute the query again.
    fn record(&self, key: &FeedKey, answer: Result<Reading, SourceError>, now: Timestamp) -> Timestamp {
        let mut state = self.state();
        match answer {
            Ok(reading) => {
                let failures = std::mem::take(&mut state.failures);
                if failures > 0 {
                    tracing::info!(source = %key.query.source, failures, "the source answers again");
                }
                state.reading_count += 1;
                (state.reading, state.trouble) = (Some((now, reading)), None);
                state.due = next_due(state.due, key.every, now);
            }
            Err(error) => {
                state.failures += 1;
                if state.failures == 1 {
                    tracing::warn!(source = %key.query.source, query = key.query.text, %error, "the source gave no reading");
                }
                state.due = now + backoff::after_failures(key.every, state.failures);
                let since = state.trouble.as_ref().map_or(now, |trouble| trouble.since);
                state.trouble = Some(PanelTrouble { reason: error.to_string(), since, retry_at: state.due });
            }
        }
        let due = state.due;
        drop(state);
        let subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.iter().filter_map(Weak::upgrade).for_each(|subscriber| subscriber.notify_one());
        due
    }

    fn state(&self) -> MutexGuard<'_, FeedState> {
        // Its parts are set one by one, by calls that cannot panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn poll_forever(key: FeedKey, executor: Arc<dyn QueryExecutor>, clock: Arc<dyn Clock>, shared: Arc<FeedShared>) {
    loop {
        let answer = AssertUnwindSafe(executor.execute(&key.query)).catch_unwind().await;
        let answer = answer.unwrap_or_else(|_| Err(SourceError::Broken("the source broke while it was asked".to_owned())));
        let due = shared.record(&key, answer, clock.now());
        clock.sleep_until(due).await;
    }
}

/// When a query that was `due` and was answered `now` is due next. The interval counts from due time to due time, so that
/// feeds which began together, as those of one page do, stay together and share batches. When the answer took longer than the
/// interval, or the clock was set back, it counts from `now`.
fn next_due(due: Timestamp, period: Duration, now: Timestamp) -> Timestamp {
    (due + period).clamp(now, now + period)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_executed_at_fixed_intervals_however_long_the_answers_take() {
        let at = |millis: i64| Timestamp::from_millis(1_795_309_126_976 + millis);
        let second = Duration::from_secs(1);
        assert_eq!(next_due(at(0), second, at(30)), at(1_000));
        assert_eq!(next_due(at(1_000), second, at(1_970)), at(2_000));
        assert_eq!(next_due(at(0), second, at(1_200)), at(1_200), "at once, when the answer took longer than that");
        assert_eq!(next_due(at(0), second, at(-86_400_000)), at(-86_399_000), "the clock was set back");
    }
}
