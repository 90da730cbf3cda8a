use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::watch;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::config::LiveSettings;
use crate::domain::{Clock, InputValues, PageSlug, PersonId};
use crate::feeds::Feeds;
use crate::pages::{InputChoice, OpenPage, Page, PageStore};
use crate::sources::Sources;
use crate::telemetry::{LiveMetrics, LiveState};

use super::batcher;
use super::capacity::CapacityExceeded;
use super::channel::Channel;
use super::channel_feeds::ChannelFeeds;
use super::connection_limiter::{ConnectionLimiter, ConnectionPermit, PermitHolder};
use super::subscription::{RunningChannel, SubscriberCounts, Subscription};
use super::writer_shards::WriterShards;
use super::ws_connection::WsConnection;

/// The limit on channels: each costs a task, its feeds and a ring, and a page with many inputs has as many as an anonymous visitor
/// cares to ask for.
const MAX_CHANNELS: usize = 1_000;

/// A page's greatest share of the channels, so that all the inputs of one page leave room for the others.
const MAX_CHANNELS_PER_PAGE: usize = 250;

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
        let (channels, connections) = (Mutex::default(), TaskTracker::new());
        Self { inner: Arc::new(HubInner { sources, feeds, settings, clock, channels, limiter, connections, metrics }) }
    }

    /// Subscribes to the channel of this page and choice of inputs, and starts it if need be.
    ///
    /// # Errors
    /// [`CapacityExceeded::Channels`] when one channel more would be too many.
    pub fn subscribe(&self, page: &OpenPage, choice: &InputChoice) -> Result<Subscription, CapacityExceeded> {
        self.inner.subscribe(page.page(), choice)
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
                *state.viewers.entry(key.slug.to_string()).or_default() += entry.running.counts.borrow().viewers;
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
    }

    /// Starts the channels of every page with `keep = true`, and returns the subscriptions that keep them running.
    pub fn subscribe_kept_pages(&self, page_store: &PageStore) -> Vec<Subscription> {
        let pages = page_store.pages().into_iter().filter(|page| page.keep);
        pages
            .flat_map(|page| page.choices().into_iter().map(move |choice| (Arc::clone(&page), choice)))
            .filter_map(|(page, choice)| {
                self.inner
                    .subscribe(&page, &choice)
                    .inspect_err(|error| tracing::warn!(page = %page.slug, crowded = %error, "not kept"))
                    .ok()
            })
            .collect()
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

impl HubInner {
    fn subscribe(self: &Arc<Self>, page: &Arc<Page>, choice: &InputChoice) -> Result<Subscription, CapacityExceeded> {
        let key = ChannelKey { slug: page.slug.clone(), revision: page.revision().to_owned(), values: choice.values.clone() };
        let mut channels = self.lock_channels();
        if let Some(ChannelEntry { running, .. }) = channels.get(&key) {
            return Ok(Subscription::new(Arc::clone(running)));
        }
        make_room(&mut channels, &key)?;
        let running = Arc::new(self.start_channel(page, choice));
        let subscription = Subscription::new(Arc::clone(&running));
        let task = tokio::spawn({
            let (hub, key) = (Arc::clone(self), key.clone());
            let (channel, watched_counts) = (Arc::clone(&running.channel), running.counts.subscribe());
            async move {
                let batching = AssertUnwindSafe(batcher::run(&channel, hub.settings.batch_interval, &*hub.clock));
                tokio::select! {
                    Err(_) = batching.catch_unwind() => {
                        // The panic is in the log. Who reconnects gets a new channel, and finds no dead board.
                        remove_channel(&mut hub.lock_channels(), &key, &channel);
                        channel.mark_broken();
                    }
                    () = hub.wait_until_abandoned(&key, &channel, watched_counts) => (),
                }
            }
        });
        channels.insert(key, ChannelEntry { running, _task: AbortOnDropHandle::new(task) });
        Ok(subscription)
    }

    fn start_channel(&self, page: &Page, choice: &InputChoice) -> RunningChannel {
        let metrics = || Arc::clone(&self.metrics);
        let feeds = ChannelFeeds::subscribe(page, &choice.bindings, &self.sources, &self.feeds);
        let channel = Arc::new(Channel::new(page, &choice.bindings, feeds, &self.settings, metrics()));
        let shards = WriterShards::new(channel.head(), self.settings.heartbeat, metrics(), Arc::clone(&self.clock));
        RunningChannel { channel, shards: Arc::new(shards), counts: watch::Sender::new(SubscriberCounts::default()) }
    }

    /// Resolves once the channel has had no subscriber for the grace time, and is removed.
    async fn wait_until_abandoned(
        &self,
        key: &ChannelKey,
        channel: &Arc<Channel>,
        mut counts: watch::Receiver<SubscriberCounts>,
    ) {
        loop {
            // An error means that every sender is gone, the map's own too: then nobody can come back either.
            if counts.wait_for(|counts| counts.subscribers == 0).await.is_err() {
                return;
            }
            tokio::select! {
                () = self.clock.sleep(self.settings.grace) => (),
                _ = counts.wait_for(|counts| counts.subscribers > 0) => continue,
            }
            let mut channels = self.lock_channels();
            // Subscribing takes this same lock: nobody can subscribe between the check and the removal.
            if counts.borrow().subscribers == 0 {
                remove_channel(&mut channels, key, channel);
                return;
            }
        }
    }

    fn lock_channels(&self) -> MutexGuard<'_, HashMap<ChannelKey, ChannelEntry>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room for one more channel: where there is none, by removing one without subscribers, within its grace time.
fn make_room(channels: &mut HashMap<ChannelKey, ChannelEntry>, wanted: &ChannelKey) -> Result<(), CapacityExceeded> {
    let of_this_page = channels.keys().filter(|other| other.slug == wanted.slug).count();
    let is_page_full = of_this_page >= MAX_CHANNELS_PER_PAGE;
    if !is_page_full && channels.len() < MAX_CHANNELS {
        return Ok(());
    }
    let mut abandoned = channels
        .iter()
        .filter(|(key, entry)| (!is_page_full || key.slug == wanted.slug) && entry.running.counts.borrow().subscribers == 0)
        .map(|(key, _)| key.clone());
    let key = abandoned.next().ok_or(CapacityExceeded::Channels)?;
    drop(abandoned);
    channels.remove(&key);
    Ok(())
}

/// Removes a channel, but not another one that has replaced it under the same key.
fn remove_channel(channels: &mut HashMap<ChannelKey, ChannelEntry>, key: &ChannelKey, channel: &Arc<Channel>) {
    if channels.get(key).is_some_and(|entry| Arc::ptr_eq(&entry.running.channel, channel)) {
        channels.remove(key);
    }
}
