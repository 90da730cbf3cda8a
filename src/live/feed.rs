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

/// Whoever answers the feeds' queries.
#[async_trait]
pub trait Answers: Send + Sync + 'static {
    /// Asks once, and gives up by itself after a while.
    async fn ask(&self, query: &BoundQuery) -> Result<Reading, SourceError>;
}

#[async_trait]
impl Answers for Sources {
    async fn ask(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        Sources::ask(self, query).await
    }
}

/// What is asked, and how often. Equal keys are one feed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FeedKey {
    pub(super) query: BoundQuery,
    pub(super) every: Duration,
}

/// What a feed knows: the last good reading, and why there is none newer.
#[derive(Clone, Debug)]
pub(super) struct FeedState {
    pub(super) reading: Option<(Timestamp, Arc<Reading>)>,
    /// How many readings there were: tells one from the next even when the machine's clock is set back.
    pub(super) readings: u64,
    pub(super) trouble: Option<PanelTrouble>,
    /// When the query is asked next. When that is over, an answer is on its way.
    pub(super) due: Timestamp,
    /// How many answers there were, good or not.
    pub(super) answers: u64,
    /// How many failures there were since the last reading.
    failures: u32,
}

/// The background task that asks one distinct query again and again. It stops when the last of its watchers lets go.
pub(super) struct Feed {
    known: Arc<Known>,
    _task: AbortOnDropHandle<()>,
}

/// What a feed knows, and who wants to hear when that is something new.
struct Known {
    state: Mutex<FeedState>,
    bells: Mutex<Vec<Weak<Notify>>>,
}

/// A feed, as the admin page shows it.
#[derive(Clone, Debug)]
pub struct FeedReport {
    /// The source's name.
    pub source: String,
    /// The query as its author wrote it.
    pub query: String,
    /// How often it is asked.
    pub every: Duration,
    /// How many panels of how many channels hang on it.
    pub watchers: usize,
    /// When it last had an answer.
    pub last_ok: Option<Timestamp>,
    /// Why it has none newer.
    pub trouble: Option<String>,
}

impl Feed {
    /// Begins at once, and asks by a beat that began at `began`.
    pub(super) fn start(key: FeedKey, began: Timestamp, answers: Arc<dyn Answers>, clock: Arc<dyn Clock>) -> Self {
        let state = FeedState { reading: None, readings: 0, trouble: None, due: began, answers: 0, failures: 0 };
        let known = Arc::new(Known { state: Mutex::new(state), bells: Mutex::default() });
        let task = tokio::spawn(ask_for_ever(key, answers, clock, Arc::clone(&known)));
        Self { known, _task: AbortOnDropHandle::new(task) }
    }

    /// Has the bell rung at every answer, for as long as somebody has it.
    pub(super) fn rings(&self, bell: &Arc<Notify>) {
        let mut bells = self.known.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.retain(|bell| bell.strong_count() > 0);
        bells.push(Arc::downgrade(bell));
    }

    /// What it knows now.
    pub(super) fn state(&self) -> MutexGuard<'_, FeedState> {
        self.known.state()
    }
}

impl Known {
    /// Takes in what was answered `now`, tells who wants to hear of it, and says when to ask again.
    fn take(&self, key: &FeedKey, answer: Result<Reading, SourceError>, now: Timestamp) -> Timestamp {
        let mut state = self.state();
        state.answers += 1;
        match answer {
            Ok(reading) => {
                let failures = std::mem::take(&mut state.failures);
                if failures > 0 {
                    tracing::info!(source = %key.query.source, failures, "the source answers again");
                }
                state.readings += 1;
                (state.reading, state.trouble) = (Some((now, Arc::new(reading))), None);
                state.due = next(state.due, key.every, now);
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
        let bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.iter().filter_map(Weak::upgrade).for_each(|bell| bell.notify_one());
        due
    }

    fn state(&self) -> MutexGuard<'_, FeedState> {
        // Its parts are set one by one, by calls that cannot panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ask_for_ever(key: FeedKey, answers: Arc<dyn Answers>, clock: Arc<dyn Clock>, known: Arc<Known>) {
    loop {
        let answer = AssertUnwindSafe(answers.ask(&key.query)).catch_unwind().await;
        let answer = answer.unwrap_or_else(|_| Err(SourceError("the source broke while it was asked".to_owned())));
        let due = known.take(&key, answer, clock.now());
        clock.sleep_until(due).await;
    }
}

/// When a query is asked that was `due` and answered `now`: by a beat, so that feeds which began together, as those of one page do,
/// go on together and are told together. A beat that the answer has missed, or that lies too far off since the clock was
/// set back, begins anew.
fn next(due: Timestamp, wait: Duration, now: Timestamp) -> Timestamp {
    (due + wait).clamp(now, now + wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_asked_by_a_beat_however_long_the_answers_take() {
        let at = |millis: i64| Timestamp::from_millis(1_795_309_126_976 + millis);
        let second = Duration::from_secs(1);
        assert_eq!(next(at(0), second, at(30)), at(1_000));
        assert_eq!(next(at(1_000), second, at(1_970)), at(2_000));
        assert_eq!(next(at(0), second, at(1_200)), at(1_200), "at once, when the answer took longer than that");
        assert_eq!(next(at(0), second, at(-86_400_000)), at(-86_399_000), "the clock was set back");
    }
}
