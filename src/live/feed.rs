use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::domain::{BoundQuery, Clock, Reading, Timestamp};
use crate::panels::Trouble;
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
#[derive(Clone, Debug, Default)]
pub(super) struct FeedState {
    pub(super) reading: Option<(Timestamp, Arc<Reading>)>,
    /// How many readings there were: tells one from the next even when the machine's clock is set back.
    pub(super) readings: u64,
    pub(super) trouble: Option<Trouble>,
}

/// The background task that asks one distinct query again and again. It stops when the last of its watchers lets go.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) state: watch::Receiver<FeedState>,
    _task: AbortOnDropHandle<()>,
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
    pub(super) fn start(key: FeedKey, answers: Arc<dyn Answers>, clock: Arc<dyn Clock>) -> Self {
        let (sender, state) = watch::channel(FeedState::default());
        let task = tokio::spawn(ask_for_ever(key, answers, clock, sender));
        Self { state, _task: AbortOnDropHandle::new(task) }
    }
}

async fn ask_for_ever(key: FeedKey, answers: Arc<dyn Answers>, clock: Arc<dyn Clock>, state: watch::Sender<FeedState>) {
    let mut failures = 0;
    loop {
        let asked_at = clock.now();
        let answer = AssertUnwindSafe(answers.ask(&key.query)).catch_unwind().await;
        let answer = answer.unwrap_or_else(|_| Err(SourceError("the source broke while it was asked".to_owned())));
        let now = clock.now();
        let wait = match answer {
            Ok(reading) => {
                if failures > 0 {
                    tracing::info!(source = %key.query.source, failures, "the source answers again");
                }
                failures = 0;
                state.send_modify(|state| {
                    let readings = state.readings + 1;
                    *state = FeedState { reading: Some((now, Arc::new(reading))), readings, trouble: None };
                });
                key.every
            }
            Err(error) => {
                failures += 1;
                let wait = backoff::after_failures(key.every, failures);
                if failures == 1 {
                    tracing::warn!(source = %key.query.source, query = key.query.text, %error, "the source gave no reading");
                }
                state.send_modify(|state| {
                    let since = state.trouble.as_ref().map_or(now, |trouble| trouble.since);
                    state.trouble = Some(Trouble { reason: error.to_string(), since, retry_at: now + wait });
                });
                wait
            }
        };
        clock.sleep(wait.saturating_sub(now.since(asked_at))).await;
    }
}
