use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::watch;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::config::LiveSettings;
use crate::domain::{Clock, InputValues, PageSlug, PersonId};
use crate::pages::{InputChoice, OpenPage, Page, PageStore};
use crate::sources::Sources;
use crate::telemetry::{LiveMetrics, LiveState};

use super::batcher::{self, FeedSubscriptions};
use super::channel::Channel;
use super::connection_limiter::{ConnectionLimiter, ConnectionPermit, PermitHolder};
use super::feeds::Feeds;
use super::subscription::{SubscriberCounts, Subscription};
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
    channels: Mutex<HashMap<ChannelKey, RunningChannel>>,
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

struct RunningChannel {
    channel: Arc<Channel>,
    counts: watch::Sender<SubscriberCounts>,
    _task: AbortOnDropHandle<()>,
}

/// The limit on channels or live connections that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CapacityExceeded {
    /// The number of channels. One that nobody watches any more makes room after the grace time.
    #[error("this server runs as many boards as it can")]
    Channels,
    /// `live.most` connections, or the share of them that anonymous visitors may have.
    #[error("as many watch as `live.most` allows")]
    Total,
    /// `live.per_address` anonymous connections from one address.
    #[error("as many watch from this address as `live.per_address` allows")]
    PerAddress,
    /// `live.per_session` connections with one session or token.
    #[error("as many watch with this session as `live.per_session` allows")]
    PerSession,
    /// Four times `live.per_session` connections of one person.
    #[error("as many watch as this person as four sessions may, each as `live.per_session` allows")]
    PerPerson,
}

impl CapacityExceeded {
    /// When it makes sense to try again: there may be room by then.
    pub fn retry_after(self) -> Duration {
        match self {
            Self::Channels | Self::Total => Duration::from_mins(1),
            Self::PerAddress | Self::PerSession | Self::PerPerson => Duration::from_secs(20),
        }
    }
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
            for (key, channel) in &*channels {
                *state.viewers.entry(key.slug.to_string()).or_default() += channel.counts.borrow().viewers;
            }
            channels.values().map(|running| Arc::clone(&running.channel)).collect()
        };
        state.channels = channels.len();
        for (lag, is_full) in channels.iter().flat_map(|channel| channel.shards().filter_map(WsConnection::lag)) {
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
        if let Some(RunningChannel { channel, counts, .. }) = channels.get(&key) {
            return Ok(Subscription::new(Arc::clone(channel), counts.clone()));
        }
        make_room(&mut channels, &key)?;
        let channel = Arc::new(Channel::new(page, choice, &self.settings, Arc::clone(&self.metrics)));
        let counts = watch::Sender::new(SubscriberCounts::default());
        let subscription = Subscription::new(Arc::clone(&channel), counts.clone());
        let subscriptions = FeedSubscriptions::for_page(page, &choice.bindings, &self.sources, &self.feeds);
        let task = tokio::spawn({
            let (hub, key, channel, watched_counts) = (Arc::clone(self), key.clone(), Arc::clone(&channel), counts.subscribe());
            async move {
                let batching = AssertUnwindSafe(batcher::run(&channel, subscriptions, &hub.settings, &*hub.clock));
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
        channels.insert(key, RunningChannel { channel, counts, _task: AbortOnDropHandle::new(task) });
        Ok(subscription)
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

    fn lock_channels(&self) -> MutexGuard<'_, HashMap<ChannelKey, RunningChannel>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room for one more channel: where there is none, by removing one without subscribers, within its grace time.
fn make_room(channels: &mut HashMap<ChannelKey, RunningChannel>, wanted: &ChannelKey) -> Result<(), CapacityExceeded> {
    let of_this_page = channels.keys().filter(|other| other.slug == wanted.slug).count();
    let is_page_full = of_this_page >= MAX_CHANNELS_PER_PAGE;
    if !is_page_full && channels.len() < MAX_CHANNELS {
        return Ok(());
    }
    let mut abandoned = channels
        .iter()
        .filter(|(key, running)| (!is_page_full || key.slug == wanted.slug) && running.counts.borrow().subscribers == 0)
        .map(|(key, _)| key.clone());
    let key = abandoned.next().ok_or(CapacityExceeded::Channels)?;
    drop(abandoned);
    channels.remove(&key);
    Ok(())
}

/// Removes a channel, but not another one that has replaced it under the same key.
fn remove_channel(channels: &mut HashMap<ChannelKey, RunningChannel>, key: &ChannelKey, channel: &Arc<Channel>) {
    if channels.get(key).is_some_and(|running| Arc::ptr_eq(&running.channel, channel)) {
        channels.remove(key);
    }
}
