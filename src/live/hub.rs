use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::watch;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::bus::{BusKey, TopicName, TopicUse};
use crate::config::LiveSettings;
use crate::domain::{Clock, Holder, InputValues, PageSlug, PersonId};
use crate::feeds::{FeedKey, Feeds, RecordedFeed};
use crate::pages::{InputChoice, OpenPage, Page, PageStore};
use crate::sources::Sources;
use crate::telemetry::{LiveMetrics, LiveState};

use super::batcher;
use super::capacity::CapacityExceeded;
use super::channel::{Channel, ChannelEnd};
use super::channel_feeds::ChannelFeeds;
use super::channel_shares::{self, HeldChannel};
use super::connection_limiter::{ConnectionLimiter, ConnectionPermit, PermitHolder};
use super::rendition::RenditionBudget;
use super::subscription::{RunningChannel, Subscribers, Subscription};
use super::writer_shards::WriterShards;
use super::ws_connection::WsConnection;

/// All running channels, and their live connections.
pub struct Hub {
    inner: Arc<HubInner>,
}

struct HubInner {
    sources: Arc<Sources>,
    feeds: Feeds,
    settings: LiveSettings,
    clock: Arc<dyn Clock>,
    channels: Mutex<HashMap<ChannelKey, ChannelEntry>>,
    holdings: Arc<AtomicU64>,
    rendition_budget: RenditionBudget,
    limiter: ConnectionLimiter,
    connections: TaskTracker,
    metrics: Arc<LiveMetrics>,
}

/// The page, its revision and the input values of a channel: when the page's file changes, viewers move to another channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ChannelKey {
    slug: PageSlug,
    revision: String,
    values: InputValues,
}

/// A channel, and the task that publishes its batches.
struct ChannelEntry {
    running: Arc<RunningChannel>,
    _task: AbortOnDropHandle<()>,
}

impl Hub {
    /// A hub without channels.
    pub fn new(
        sources: Arc<Sources>,
        feeds: Feeds,
        settings: LiveSettings,
        clock: Arc<dyn Clock>,
        metrics: LiveMetrics,
    ) -> Self {
        let metrics = Arc::new(metrics);
        let limiter = ConnectionLimiter::new(&settings);
        let inner = HubInner {
            sources,
            feeds,
            settings,
            clock,
            channels: Mutex::default(),
            holdings: Arc::default(),
            rendition_budget: RenditionBudget::default(),
            limiter,
            connections: TaskTracker::new(),
            metrics,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Subscribes `holder` to the channel of this page and choice of inputs, and starts it if need be.
    ///
    /// # Errors
    /// [`CapacityExceeded::Channels`] when one channel more would be too many, or more than the holder's share.
    pub fn subscribe(&self, page: &OpenPage, choice: &InputChoice, holder: &Holder) -> Result<Subscription, CapacityExceeded> {
        self.inner.subscribe(page.page(), choice, holder)
    }

    /// A permit for one more live connection.
    ///
    /// # Errors
    /// [`CapacityExceeded`] when a limit on connections is reached.
    pub fn acquire_permit(
        &self,
        holder: PermitHolder,
        person: Option<&PersonId>,
    ) -> Result<ConnectionPermit, CapacityExceeded> {
        self.inner.limiter.acquire(holder, person)
    }

    /// Spawns the task of a live connection, apart from the request that it came from. [`Self::drain`] waits for it.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.inner.connections.spawn(task);
    }

    /// Waits until every live connection is closed, or for `timeout`.
    pub async fn drain(&self, timeout: Duration) {
        self.inner.connections.close();
        // Real time: whoever stops the server waits in real time. Clients that do not close are cut off with the process.
        let _ = tokio::time::timeout(timeout, self.inner.connections.wait()).await;
    }

    /// The number of live connections.
    pub fn viewers(&self) -> usize {
        self.inner.limiter.viewers()
    }

    /// The current state of the live channels, for the metrics and the admin page.
    pub fn state(&self) -> LiveState {
        let mut state = LiveState { feeds: self.inner.feeds.state_by_source(), ..LiveState::default() };
        let channels: Vec<_> = {
            let channels = self.inner.lock_channels();
            for (key, entry) in &*channels {
                *state.viewers.entry(key.slug.to_string()).or_default() += entry.running.subscribers.borrow().viewers();
            }
            channels.values().map(|entry| Arc::clone(&entry.running)).collect()
        };
        state.channels = channels.len();
        for (lag, is_full) in channels.iter().flat_map(|running| running.shards.filter_map(WsConnection::lag)) {
            state.lags.push(lag);
            state.stalled += usize::from(is_full);
        }
        state.lags.sort_unstable();
        state
    }

    /// Sets the metrics that are read from the current state.
    pub fn update_metrics(&self) {
        self.inner.metrics.set_state(&self.state());
        if let Some(bus) = self.inner.feeds.bus() {
            bus.update_metrics();
        }
    }

    /// Starts the channels of every page with `keep`, and the feeds of the panels whose numbers are kept, and returns what keeps them
    /// running.
    pub fn subscribe_kept_pages(&self, page_store: &PageStore) -> KeptPages {
        let mut kept = KeptPages::default();
        let pages = page_store.pages().into_iter();
        for page in pages.filter(|page| page.keep || page.recorded_panels().next().is_some()) {
            for choice in page.choices() {
                if page.keep {
                    let channel = self.inner.subscribe(&page, &choice, &Holder::Program);
                    let channel = channel.inspect_err(|error| tracing::warn!(page = %page.slug, crowded = %error, "not kept"));
                    kept.channels.extend(channel);
                }
                kept.recorded.extend(self.inner.record(&page, &choice));
            }
        }
        kept
    }

    /// The running feeds, for the admin page.
    pub fn feeds(&self) -> &Feeds {
        &self.inner.feeds
    }

    /// The settings of the live channels.
    pub fn settings(&self) -> &LiveSettings {
        &self.inner.settings
    }

    /// The number of running channels.
    pub fn channels(&self) -> usize {
        self.inner.lock_channels().len()
    }
}

/// The channels and feeds of pages with `keep`, which run for as long as this lives.
#[derive(Default)]
pub struct KeptPages {
    /// The channels of those that run as a whole.
    pub(super) channels: Vec<Subscription>,
    /// The feeds whose numbers are kept.
    recorded: Vec<RecordedFeed>,
}

impl HubInner {
    /// Has the numbers kept of the panels of this page that say so.
    fn record(&self, page: &Page, choice: &InputChoice) -> Vec<RecordedFeed> {
        let keys = page.recorded_panels().map(|(panel, source, keep)| {
            let query = self.sources.bind(&source.source, &source.query, &choice.bindings);
            (FeedKey { query, every: source.every }, panel.past(), keep)
        });
        self.feeds.record(keys)
    }

    fn subscribe(
        self: &Arc<Self>,
        page: &Arc<Page>,
        choice: &InputChoice,
        holder: &Holder,
    ) -> Result<Subscription, CapacityExceeded> {
        let key = ChannelKey { slug: page.slug.clone(), revision: page.revision().to_owned(), values: choice.values.clone() };
        let mut channels = self.lock_channels();
        if let Some(ChannelEntry { running, .. }) = channels.get(&key) {
            return Ok(Subscription::new(Arc::clone(running), holder.clone()));
        }
        make_room(&mut channels, &key, holder)?;
        let running = Arc::new(self.start_channel(page, choice, holder, &key));
        let subscription = Subscription::new(Arc::clone(&running), holder.clone());
        let task = tokio::spawn({
            let (hub, key) = (Arc::clone(self), key.clone());
            let (channel, subscribers) = (Arc::clone(&running.channel), running.subscribers.subscribe());
            async move {
                let batching = AssertUnwindSafe(batcher::run(&channel, hub.settings.batch_interval, &*hub.clock));
                tokio::select! {
                    Err(_) = batching.catch_unwind() => {
                        // The panic is in the log. Who reconnects gets a new channel, and finds no dead board.
                        remove_channel(&mut hub.lock_channels(), &key, &channel);
                        channel.end(ChannelEnd::Broken);
                    }
                    () = hub.wait_until_abandoned(&key, &channel, subscribers) => (),
                }
            }
        });
        channels.insert(key, ChannelEntry { running, _task: AbortOnDropHandle::new(task) });
        Ok(subscription)
    }

    fn start_channel(&self, page: &Arc<Page>, choice: &InputChoice, holder: &Holder, key: &ChannelKey) -> RunningChannel {
        let metrics = || Arc::clone(&self.metrics);
        let feeds = ChannelFeeds::subscribe(page, &choice.bindings, &self.sources, &self.feeds, holder);
        let budget = self.rendition_budget.clone();
        let topic = self.feeds.bus().map(|bus| bus.join(self.topic(key, page, bus.key()), TopicUse::Agreed));
        let channel = Channel::new(page, &choice.bindings, (feeds, topic), &self.settings, metrics(), budget);
        let channel = Arc::new(channel);
        let shards = WriterShards::new(channel.head(), self.settings.heartbeat, metrics(), Arc::clone(&self.clock));
        let holdings = Arc::clone(&self.holdings);
        let held_since = holdings.fetch_add(1, Ordering::Relaxed);
        let subscribers = watch::Sender::new(Subscribers::counted_under(holder.clone(), held_since));
        RunningChannel { channel, shards: Arc::new(shards), subscribers, holdings }
    }

    /// The name of a channel's topic on the bus: of what its viewers see, and where that comes from.
    fn topic(&self, key: &ChannelKey, page: &Page, bus_key: &BusKey) -> TopicName {
        let values: Vec<_> = key.values.iter().map(|(name, value)| (name.as_str(), value)).collect();
        let sources = page.panels.iter().filter_map(|panel| panel.source.as_ref());
        let sources: Vec<_> = sources.map(|source| self.sources.fingerprint(&source.source)).collect();
        bus_key.topic(&("channel", &key.slug, &key.revision, values, sources))
    }

    /// Resolves once the channel has had no subscriber for the grace time, and is removed.
    async fn wait_until_abandoned(
        &self,
        key: &ChannelKey,
        channel: &Arc<Channel>,
        mut subscribers: watch::Receiver<Subscribers>,
    ) {
        loop {
            // An error means that every sender is gone, the map's own too: then nobody can come back either.
            if subscribers.wait_for(Subscribers::is_empty).await.is_err() {
                return;
            }
            tokio::select! {
                () = self.clock.sleep(self.settings.grace) => (),
                _ = subscribers.wait_for(|subscribers| !subscribers.is_empty()) => continue,
            }
            let mut channels = self.lock_channels();
            // Subscribing takes this same lock: nobody can subscribe between the check and the removal.
            if subscribers.borrow().is_empty() {
                remove_channel(&mut channels, key, channel);
                return;
            }
        }
    }

    fn lock_channels(&self) -> MutexGuard<'_, HashMap<ChannelKey, ChannelEntry>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room for one more channel: where there is none, by ending those that have to give way. Their viewers are told.
fn make_room(
    channels: &mut HashMap<ChannelKey, ChannelEntry>,
    wanted: &ChannelKey,
    holder: &Holder,
) -> Result<(), CapacityExceeded> {
    let held = channels.iter().enumerate().map(|(id, (key, entry))| held_channel(id, key, entry));
    let displaced = channel_shares::find_displaced(held.collect(), &wanted.slug, holder)?;
    let keys = channels.keys().enumerate().filter(|(id, _)| displaced.contains(id)).map(|(_, key)| key.clone());
    for ended in keys.collect::<Vec<_>>().iter().filter_map(|key| channels.remove(key)) {
        ended.running.channel.end(ChannelEnd::Displaced);
    }
    Ok(())
}

fn held_channel<'a>(id: usize, key: &'a ChannelKey, entry: &ChannelEntry) -> HeldChannel<'a> {
    let subscribers = entry.running.subscribers.borrow();
    HeldChannel {
        id,
        page: &key.slug,
        holder: subscribers.holder().clone(),
        held_since: subscribers.held_since(),
        users: subscribers.holders(),
    }
}

/// Removes a channel, but not another one that has replaced it under the same key.
fn remove_channel(channels: &mut HashMap<ChannelKey, ChannelEntry>, key: &ChannelKey, channel: &Arc<Channel>) {
    if channels.get(key).is_some_and(|entry| Arc::ptr_eq(&entry.running.channel, channel)) {
        channels.remove(key);
    }
}
