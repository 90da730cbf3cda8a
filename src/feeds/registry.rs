use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use crate::bus::{Bus, Topic, TopicUse};
use crate::domain::{Clock, History, Holder, Timestamp};
use crate::history::HistoryArchive;
use crate::panels::Past;
use crate::telemetry::FeedsState;

use super::executor::QueryExecutor;
use super::feed::{Feed, FeedParts};
use super::feed_archive::{FeedArchive, FeedsArchive};
use super::key::FeedKey;
use super::recorded_feed::RecordedFeed;
use super::report::FeedReport;
use super::retained::RetainedAnswers;
use super::shared_fetches::SharedFetches;
use super::source_gate::SourceGates;
use super::state::FeedState;
use super::subscription::FeedSubscription;
use super::trouble::FeedTrouble;

/// All running feeds: one per distinct query and interval, however many watch.
pub struct Feeds {
    executor: Arc<dyn QueryExecutor>,
    clock: Arc<dyn Clock>,
    running: Mutex<HashMap<FeedKey, Weak<Feed>>>,
    retained: Arc<Mutex<RetainedAnswers>>,
    gates: SourceGates,
    fetches: SharedFetches,
    bus: Option<Bus>,
    archive: Option<FeedsArchive>,
}

impl Feeds {
    /// No feeds yet; those to come have their queries executed by `executor`.
    pub fn new(executor: Arc<dyn QueryExecutor>, clock: Arc<dyn Clock>) -> Self {
        let gates = SourceGates::new(Arc::clone(&clock));
        let fetches = SharedFetches::new(Arc::clone(&executor), Arc::clone(&clock));
        Self { executor, clock, running: Mutex::default(), retained: Arc::default(), gates, fetches, bus: None, archive: None }
    }

    /// These feeds, of which each query is executed once for all nodes on the bus.
    #[must_use]
    pub fn with_bus(self, bus: Bus) -> Self {
        let (gates, fetches) = (self.gates.with_bus(bus.clone()), self.fetches.with_bus(bus.clone()));
        Self { gates, fetches, bus: Some(bus), ..self }
    }

    /// These feeds, whose numbers are kept in the archive where somebody [records](Self::record) them.
    #[must_use]
    pub fn with_archive(self, archive: FeedsArchive) -> Self {
        Self { archive: Some(archive), ..self }
    }

    /// Keeps the feeds of these queries running and their numbers in the archive, each for as long as it says. Without an archive
    /// there are none.
    pub fn record(&self, keys: impl IntoIterator<Item = (FeedKey, Past, Duration)>) -> Vec<RecordedFeed> {
        let Some(archive) = &self.archive else { return Vec::new() };
        let record = |(key, past, keep): (FeedKey, Past, Duration)| {
            // First, so that the first answer is kept, too.
            let writer = archive.archive.register(&key.query, key.every, keep);
            let subscriptions = self.subscribe_all([(key, past)], &Arc::default(), &Holder::Program);
            Some(RecordedFeed::new(subscriptions.into_iter().next()?, writer))
        };
        keys.into_iter().filter_map(record).collect()
    }

    /// Subscribes `holder` to the feeds of these queries: `answered` is notified at every answer of any of them. Feeds that do not run
    /// yet are started, all at the same moment.
    pub fn subscribe_all(
        &self,
        keys: impl IntoIterator<Item = (FeedKey, Past)>,
        answered: &Arc<Notify>,
        holder: &Holder,
    ) -> Vec<FeedSubscription> {
        let now = self.clock.now();
        let subscribe = |(key, past)| {
            let feed = self.get_or_start(key, past, now, holder);
            FeedSubscription::new(feed, Arc::clone(answered), past, holder.clone())
        };
        keys.into_iter().map(subscribe).collect()
    }

    fn get_or_start(&self, key: FeedKey, past: Past, now: Timestamp, holder: &Holder) -> Arc<Feed> {
        let mut running = self.running();
        if let Some(feed) = running.get(&key).and_then(Weak::upgrade) {
            return feed;
        }
        running.retain(|_, feed| feed.strong_count() > 0);
        // A page that is saved with another interval keeps its past: the longest there is.
        let same_query = running.iter().filter(|(other, _)| other.query == key.query).filter_map(|(_, other)| other.upgrade());
        let with_past = same_query.filter_map(|other| {
            let oldest = other.state().history().oldest()?;
            Some((oldest, other))
        });
        let longest = with_past.min_by_key(|(oldest, _)| *oldest);
        let history =
            longest.map_or_else(History::default, |(_, other)| other.state().history().clone()).at_interval(key.every);
        let mut state = FeedState::new(now, history, past);
        let last = self.retained.lock().unwrap_or_else(PoisonError::into_inner).take(&key, now);
        if let Some(last) = last {
            state.resume(last);
        }
        let gate = self.executor.rate(&key.query.source).map(|rate| self.gates.gate(&key.query.source, rate));
        let fetch = self.fetches.fetch(&key.query);
        // What is wrong with a query, each node finds out by itself.
        let topic = if matches!(fetch, Ok(None)) { self.topic(&key) } else { None };
        let archive = self.archive.clone().map(|archive| FeedArchive::new(archive, &key));
        let parts = FeedParts {
            executor: Arc::clone(&self.executor),
            clock: Arc::clone(&self.clock),
            retained: Arc::clone(&self.retained),
            gate,
            fetch,
            topic,
            archive,
        };
        let feed = Feed::start(key.clone(), state, holder.clone(), parts);
        let feed = Arc::new(feed);
        running.insert(key, Arc::downgrade(&feed));
        feed
    }

    fn topic(&self, key: &FeedKey) -> Option<Topic> {
        let bus = self.bus.as_ref()?;
        let FeedKey { query, every } = key;
        let source = (query.source.to_string(), self.executor.fingerprint(&query.source));
        let name = bus.key().topic(&("feed", source, &query.text, &query.bindings, every.as_millis()));
        Some(bus.join(name, TopicUse::Continuous))
    }

    /// All running feeds, for the admin page.
    pub fn report(&self) -> Vec<FeedReport> {
        let running = self.running();
        let mut report: Vec<_> = running
            .iter()
            .filter_map(|(key, feed)| {
                let feed = feed.upgrade()?;
                let state = feed.state();
                Some(FeedReport {
                    source: key.query.source.to_string(),
                    query: key.query.text.clone(),
                    every: key.every,
                    role: feed.role(),
                    watchers: Arc::strong_count(&feed) - 1,
                    last_ok: state.last_ok(),
                    trouble: state.trouble().map(FeedTrouble::for_admins),
                })
            })
            .collect();
        report.sort_by(|a, b| (&a.source, &a.query).cmp(&(&b.source, &b.query)));
        report
    }

    /// The archive of what they are answered, if there is one.
    pub fn archive(&self) -> Option<&HistoryArchive> {
        self.archive.as_ref().map(|archive| &archive.archive)
    }

    /// The bus on which nodes share them, if there is one.
    pub fn bus(&self) -> Option<&Bus> {
        self.bus.as_ref()
    }

    /// The state of each source's feeds, by the source's name.
    pub fn state_by_source(&self) -> Vec<(String, FeedsState)> {
        let now = self.clock.now();
        let mut sources: BTreeMap<String, FeedsState> = BTreeMap::new();
        for feed in self.report() {
            let state = sources.entry(feed.source).or_default();
            state.running += 1;
            state.failing += usize::from(feed.trouble.is_some());
            state.oldest_reading = feed.last_ok.map_or(state.oldest_reading, |at| state.oldest_reading.max(now.since(at)));
        }
        sources.into_iter().collect()
    }

    fn running(&self) -> MutexGuard<'_, HashMap<FeedKey, Weak<Feed>>> {
        // The map is whole at every moment, so a panic elsewhere while it was held does no harm.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
