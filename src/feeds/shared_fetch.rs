use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::backoff;
use super::executor::QueryExecutor;
use super::message::DocumentMessage;
use super::size_limited_map::SizeLimitedMap;
use super::source_gate::QueryPermit;
use crate::bus::{Bus, BusEntry, Retention, Role, Topic, TopicUse, Turn};
use crate::domain::{Clock, SourceName, Timestamp};
use crate::sources::{DocumentRequest, SourceDocument, SourceError};

/// How long a document is kept on the bus after it is due: who comes then has it sent anew.
const KEPT_AFTER_DUE: Duration = Duration::from_secs(10);

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
    bus: Option<Bus>,
    /// Its topic on the bus, while a feed needs it.
    topic: Mutex<Weak<Topic>>,
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
        bus: Option<Bus>,
    ) -> Self {
        Self { key, executor, clock, retained, state: watch::Sender::default(), bus, topic: Mutex::default() }
    }

    /// Its topic on the bus, which the node is in until the last feed drops it.
    pub(super) fn join(&self) -> Option<Arc<Topic>> {
        let bus = self.bus.as_ref()?;
        let mut topic = self.topic.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(joined) = topic.upgrade() {
            return Some(joined);
        }
        let settings = self.executor.fingerprint(&self.key.source);
        let name = bus.key().topic(&("document", self.key.source.to_string(), settings, self.key.request.as_str()));
        let joined = Arc::new(bus.join(name, TopicUse::OnDemand));
        *topic = Arc::downgrade(&joined);
        Some(joined)
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
    pub(super) fn availability(self: &Arc<Self>, every: Duration, seen: u64) -> Availability {
        self.receive();
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
            let (key, topic) = (self.key.clone(), self.topic());
            let task = tokio::spawn(async move {
                let turn = match &topic {
                    Some(topic) => match wait_for_turn(topic, &fetch, every).await {
                        Some(turn) => Some(turn),
                        None => return,
                    },
                    None => None,
                };
                if let Some(permit) = &permit {
                    permit.wait_for_rate().await;
                }
                let result = send(&*executor, &key).await;
                drop(permit);
                if let Some(fetch) = fetch.upgrade() {
                    let now = fetch.clock.now();
                    if let Some(turn) = turn {
                        let beat_before = u64::try_from(now.since(beat).as_millis()).unwrap_or_default();
                        let retention = Retention { entries: 1, length: every + KEPT_AFTER_DUE };
                        turn.end_with(now, &DocumentMessage::encode(beat_before, &result), retention);
                    }
                    fetch.publish(FetchAnswer { result, taken_at: now, beat }, true);
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

    /// Takes what other nodes were answered. Returns whether one of them was answered just now.
    fn receive(self: &Arc<Self>) -> bool {
        let Some(topic) = self.topic() else { return false };
        let mut has_new = false;
        while let Some(BusEntry { at, text, is_past }) = topic.next_entry() {
            let Some(DocumentMessage { beat_before, result }) = DocumentMessage::decode(&text) else { continue };
            let is_older = |last: &FetchAnswer| at <= last.taken_at && last.taken_at <= self.clock.now();
            // While the bus was gone, both were answered. One from the time to come is of a clock that was set back.
            if self.state.borrow().last.as_ref().is_some_and(is_older) {
                continue;
            }
            let (result, beat) = (result.map(SourceDocument::new), at - Duration::from_millis(beat_before));
            Arc::clone(self).publish(FetchAnswer { result, taken_at: at, beat }, !is_past);
            has_new |= !is_past;
        }
        has_new
    }

    fn topic(&self) -> Option<Arc<Topic>> {
        self.topic.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }

    /// Whether there is an answer that a feed with this interval takes for new.
    fn has_fresh(&self, every: Duration) -> bool {
        let now = self.clock.now();
        self.state.borrow().last.as_ref().is_some_and(|last| last.beat <= now && now < last.beat + every)
    }

    /// Publishes an answer; one that `is_new` is new to all who wait, however long it took.
    fn publish(self: Arc<Self>, answer: FetchAnswer, is_new: bool) {
        let size = answer.result.as_ref().map_or(0, |document| document.text().len());
        self.state.send_modify(|state| {
            state.failures = if answer.result.is_ok() { 0 } else { state.failures.saturating_add(1) };
            state.last = Some(answer);
            if is_new {
                state.count += 1;
                state.in_flight = None;
            }
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

/// Waits until it is this node's turn to send the request; `None` where another has, and its answer is here.
async fn wait_for_turn(topic: &Arc<Topic>, fetch: &Weak<SharedFetch>, every: Duration) -> Option<Turn> {
    let turn = topic.want();
    loop {
        if let Some(fetch) = fetch.upgrade()
            && (fetch.receive() || fetch.has_fresh(every))
        {
            fetch.state.send_modify(|state| state.in_flight = None);
            return None;
        }
        if matches!(topic.role(), Role::Leading(_) | Role::Alone) {
            return Some(turn);
        }
        topic.changed().await;
    }
}

/// Sends the request. A panic of the source, which is in the log, is an error of it.
async fn send(executor: &dyn QueryExecutor, key: &FetchKey) -> Result<SourceDocument, SourceError> {
    let broken = || SourceError::Broken("the source broke while it was asked".to_owned());
    let documents = executor.documents(&key.source).ok_or_else(broken)?;
    AssertUnwindSafe(documents.fetch(&key.request)).catch_unwind().await.map_err(|_| broken())?
}
