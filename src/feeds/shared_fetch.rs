use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::backoff;
use super::executor::QueryExecutor;
use super::size_limited_map::SizeLimitedMap;
use super::source_gate::QueryPermit;
use crate::domain::{Clock, SourceName, Timestamp};
use crate::sources::{DocumentRequest, SourceDocument, SourceError};

/// A source, and a request to it. Feeds with equal ones share a fetch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FetchKey {
    pub(super) source: SourceName,
    pub(super) request: DocumentRequest,
}

/// The requests whose last answers are kept, by the size of their documents.
pub(super) type RetainedDocuments = SizeLimitedMap<FetchKey, Arc<SharedFetch>>;

/// A request that feeds share. It is sent when one of them is due and has no fresh answer, and its answer is good for all of
/// them, so that what they show belongs together.
pub(super) struct SharedFetch {
    key: FetchKey,
    executor: Arc<dyn QueryExecutor>,
    clock: Arc<dyn Clock>,
    /// Weak, since they hold this.
    retained: Weak<Mutex<RetainedDocuments>>,
    state: watch::Sender<FetchState>,
}

/// The last answer to a request, and the one that is on its way.
#[derive(Default)]
pub(super) struct FetchState {
    /// How many answers there were.
    count: u64,
    last: Option<FetchAnswer>,
    in_flight: Option<AbortOnDropHandle<()>>,
    /// How many failures there were since the last document.
    failures: u32,
}

/// An answer to a request.
#[derive(Clone, Debug)]
pub(super) struct FetchAnswer {
    pub(super) result: Result<SourceDocument, SourceError>,
    /// When it came.
    pub(super) taken_at: Timestamp,
    /// From when on it counts as new: when the feed was due that had the request sent. So feeds that share it stay together.
    pub(super) beat: Timestamp,
}

/// The answer that a feed has to a request.
pub(super) enum Availability {
    /// One that is new enough.
    Fresh(FetchAnswer),
    /// One that is on its way.
    InFlight,
    /// None: the request has to be sent.
    Stale,
}

impl SharedFetch {
    pub(super) fn new(
        key: FetchKey,
        executor: Arc<dyn QueryExecutor>,
        clock: Arc<dyn Clock>,
        retained: Weak<Mutex<RetainedDocuments>>,
    ) -> Self {
        Self { key, executor, clock, retained, state: watch::Sender::default() }
    }

    /// A receiver that is notified when a request is sent or answered.
    pub(super) fn subscribe(&self) -> watch::Receiver<FetchState> {
        self.state.subscribe()
    }

    /// How many answers there were.
    pub(super) fn answer_count(&self) -> u64 {
        self.state.borrow().count
    }

    /// The answer for a feed with the interval `every` that began to look after `seen` answers: one that came since then is fresh
    /// to it, however long it took.
    pub(super) fn availability(&self, every: Duration, seen: u64) -> Availability {
        let state = self.state.borrow();
        let good_for = if state.failures == 0 { every } else { backoff::after_failures(every, state.failures) };
        let now = self.clock.now();
        // One from the time to come is of a clock that was set back.
        let is_fresh = |answer: &&FetchAnswer| state.count > seen || (answer.beat <= now && now < answer.beat + good_for);
        match state.last.as_ref().filter(is_fresh) {
            // Also while another is on its way: who waited for this one must not wait for that.
            Some(answer) => Availability::Fresh(answer.clone()),
            None if state.in_flight.is_some() => Availability::InFlight,
            None => Availability::Stale,
        }
    }

    /// Sends the request for a feed that is `due` every so often, unless another did so since there were `seen` answers. It is not
    /// given up with that feed, as others may wait for it.
    pub(super) fn start(self: &Arc<Self>, due: Timestamp, every: Duration, seen: u64, permit: Option<QueryPermit>) {
        self.state.send_if_modified(|state| {
            if state.in_flight.is_some() || state.count > seen {
                return false;
            }
            let now = self.clock.now();
            let beat = if due + every < now { now } else { due.min(now) };
            let (fetch, executor) = (Arc::downgrade(self), Arc::clone(&self.executor));
            let key = self.key.clone();
            let task = tokio::spawn(async move {
                let result = send(&*executor, &key).await;
                drop(permit);
                if let Some(fetch) = fetch.upgrade() {
                    fetch.publish(result, beat);
                }
            });
            state.in_flight = Some(AbortOnDropHandle::new(task));
            true
        });
    }

    /// Forgets the last answer, whose document takes room that others need.
    pub(super) fn forget(&self) {
        self.state.send_if_modified(|state| {
            state.last = None;
            false
        });
    }

    fn publish(self: Arc<Self>, result: Result<SourceDocument, SourceError>, beat: Timestamp) {
        let size = result.as_ref().map_or(0, |document| document.text().len());
        let taken_at = self.clock.now();
        self.state.send_modify(|state| {
            state.failures = if result.is_ok() { 0 } else { state.failures.saturating_add(1) };
            state.count += 1;
            state.last = Some(FetchAnswer { result, taken_at, beat });
            state.in_flight = None;
        });
        if let Some(retained) = self.retained.upgrade() {
            let key = self.key.clone();
            let displaced = retained.lock().unwrap_or_else(PoisonError::into_inner).insert(key, self, size);
            for fetch in displaced {
                fetch.forget();
            }
        }
    }
}

/// Sends the request. A panic of the source, which is in the log, is an error of it.
async fn send(executor: &dyn QueryExecutor, key: &FetchKey) -> Result<SourceDocument, SourceError> {
    let broken = || SourceError::Broken("the source broke while it was asked".to_owned());
    let documents = executor.documents(&key.source).ok_or_else(broken)?;
    AssertUnwindSafe(documents.fetch(&key.request)).catch_unwind().await.map_err(|_| broken())?
}
