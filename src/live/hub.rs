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

/// Each channel costs a task, its feeds and a ring; a page with many inputs has as many as a stranger cares to ask for.
const MAX_CHANNELS: usize = 1_000;

/// So that whoever walks through all the choices of one page leaves room for the others.
const MAX_CHANNELS_PER_PAGE: usize = 250;

/// All channels that run.
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

/// A channel belongs to one state of a page's file: when the file changes, those who watch move to another channel.
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

/// There is no room for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CapacityExceeded {
    /// Each channel costs something. Some will be given up when nobody watches them any more.
    #[error("this server runs as many boards as it can")]
    Channels,
    /// `live.most` watch, or as many strangers as are let in of them.
    #[error("as many watch as `live.most` allows")]
    Total,
    /// `live.per_address` strangers watch from one address.
    #[error("as many watch from this address as `live.per_address` allows")]
    PerAddress,
    /// `live.per_session` watch with one session or token.
    #[error("as many watch with this session as `live.per_session` allows")]
    PerSession,
    /// Four times `live.per_session` watch as one person.
    #[error("as many watch as this person as four sessions may, each as `live.per_session` allows")]
    PerPerson,
}

impl CapacityExceeded {
    /// When it makes sense to ask again: a channel or a place may be free by then.
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
        let places = ConnectionLimiter::new(&settings);
        let (running, sockets) = (Mutex::default(), TaskTracker::new());
        Self {
            inner: Arc::new(HubInner {
                sources,
                feeds,
                settings,
                clock,
                channels: running,
                limiter: places,
                connections: sockets,
                metrics,
            }),
        }
    }

    /// A seat at the channel of this page and choice. The page had to be opened first.
    ///
    /// # Errors
    /// [`Crowded::Channels`] when one channel more would be too many.
    pub fn subscribe(&self, page: &OpenPage, choice: &InputChoice) -> Result<Subscription, CapacityExceeded> {
        self.inner.subscribe(page.page(), choice)
    }

    /// A place for one more live connection.
    ///
    /// # Errors
    /// [`Crowded`] when there are as many as there may be.
    pub fn acquire_permit(
        &self,
        holder: PermitHolder,
        person: Option<&PersonId>,
    ) -> Result<ConnectionPermit, CapacityExceeded> {
        self.inner.limiter.acquire(holder, person)
    }

    /// Carries a socket on, aside from the request that it came from. At a shutdown it is waited for.
    pub fn spawn(&self, socket: impl Future<Output = ()> + Send + 'static) {
        self.inner.connections.spawn(socket);
    }

    /// Resolves once every socket has said its goodbye, or after `patience`.
    pub async fn drain(&self, patience: Duration) {
        self.inner.connections.close();
        // Real time: whoever stops the server waits in real time. Who does not take the goodbye is cut off with the process.
        let _ = tokio::time::timeout(patience, self.inner.connections.wait()).await;
    }

    /// How many live connections there are.
    pub fn viewers(&self) -> usize {
        self.inner.limiter.viewers()
    }

    /// How the live channels stand, looked up now.
    pub fn state(&self) -> LiveState {
        let mut state = LiveState { feeds: self.inner.feeds.state_by_source(), ..LiveState::default() };
        let channels: Vec<_> = {
            let running = self.inner.lock_channels();
            for (key, channel) in &*running {
                *state.viewers.entry(key.slug.to_string()).or_default() += channel.counts.borrow().viewers;
            }
            running.values().map(|running| Arc::clone(&running.channel)).collect()
        };
        state.channels = channels.len();
        for (lag, is_full) in channels.iter().flat_map(|channel| channel.rows().filter_map(WsConnection::lag)) {
            state.lags.push(lag);
            state.stalled += usize::from(is_full);
        }
        state.lags.sort_unstable();
        state
    }

    /// Has the figures tell how things stand, for whoever reads them next.
    pub fn update_metrics(&self) {
        self.inner.metrics.stand(&self.state());
    }

    /// Starts the channels of every page that is to be kept running, and returns the seats that keep them so.
    pub fn subscribe_kept_pages(&self, shelf: &PageStore) -> Vec<Subscription> {
        let pages = shelf.pages().into_iter().filter(|page| page.keep);
        pages
            .flat_map(|page| page.choices().into_iter().map(move |choice| (Arc::clone(&page), choice)))
            .filter_map(|(page, choice)| {
                self.inner
                    .subscribe(&page, &choice)
                    .inspect_err(|crowded| tracing::warn!(page = %page.slug, %crowded, "not kept"))
                    .ok()
            })
            .collect()
    }

    /// The feeds, for the admin page.
    pub fn feeds(&self) -> &Feeds {
        &self.inner.feeds
    }

    /// The settings of the live channels.
    pub fn settings(&self) -> &LiveSettings {
        &self.inner.settings
    }

    /// How many channels run.
    pub fn channels(&self) -> usize {
        self.inner.lock_channels().len()
    }
}

impl HubInner {
    fn subscribe(self: &Arc<Self>, page: &Arc<Page>, choice: &InputChoice) -> Result<Subscription, CapacityExceeded> {
        let key =
            ChannelKey { slug: page.slug.clone(), revision: page.revision().to_owned(), values: choice.values.clone() };
        let mut running = self.lock_channels();
        if let Some(RunningChannel { channel, counts: seats, .. }) = running.get(&key) {
            return Ok(Subscription::new(Arc::clone(channel), seats.clone()));
        }
        make_room(&mut running, &key)?;
        let channel = Arc::new(Channel::new(page, choice, &self.settings, Arc::clone(&self.metrics)));
        let seats = watch::Sender::new(SubscriberCounts::default());
        let seat = Subscription::new(Arc::clone(&channel), seats.clone());
        let subscriptions = FeedSubscriptions::for_page(page, &choice.bindings, &self.sources, &self.feeds);
        let task = tokio::spawn({
            let (hub, key, channel, watched) = (Arc::clone(self), key.clone(), Arc::clone(&channel), seats.subscribe());
            async move {
                let pumped = AssertUnwindSafe(batcher::run(&channel, subscriptions, &hub.settings, &*hub.clock));
                tokio::select! {
                    Err(_) = pumped.catch_unwind() => {
                        // The panic is in the log. Who comes back gets a new channel, and finds no dead board.
                        remove_channel(&mut hub.lock_channels(), &key, &channel);
                        channel.mark_broken();
                    }
                    () = hub.wait_until_abandoned(&key, &channel, watched) => (),
                }
            }
        });
        running.insert(key, RunningChannel { channel, counts: seats, _task: AbortOnDropHandle::new(task) });
        Ok(seat)
    }

    /// Resolves once nobody has had a seat for the grace time, and the channel is out of the list.
    async fn wait_until_abandoned(
        &self,
        key: &ChannelKey,
        channel: &Arc<Channel>,
        mut watched: watch::Receiver<SubscriberCounts>,
    ) {
        loop {
            // An error means that every sender is gone, the list's own too: then nobody can come back either.
            if watched.wait_for(|seats| seats.subscribers == 0).await.is_err() {
                return;
            }
            tokio::select! {
                () = self.clock.sleep(self.settings.grace) => (),
                _ = watched.wait_for(|seats| seats.subscribers > 0) => continue,
            }
            let mut running = self.lock_channels();
            // Seats are taken under this same lock: nobody can sit down between the look and the removal.
            if watched.borrow().subscribers == 0 {
                remove_channel(&mut running, key, channel);
                return;
            }
        }
    }

    fn lock_channels(&self) -> MutexGuard<'_, HashMap<ChannelKey, RunningChannel>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room for one more channel, of one that only waits for somebody to come back where there is none.
fn make_room(running: &mut HashMap<ChannelKey, RunningChannel>, wanted: &ChannelKey) -> Result<(), CapacityExceeded> {
    let of_this_page = running.keys().filter(|other| other.slug == wanted.slug).count();
    let is_page_full = of_this_page >= MAX_CHANNELS_PER_PAGE;
    if !is_page_full && running.len() < MAX_CHANNELS {
        return Ok(());
    }
    let mut abandoned = running
        .iter()
        .filter(|(key, running)| (!is_page_full || key.slug == wanted.slug) && running.counts.borrow().subscribers == 0)
        .map(|(key, _)| key.clone());
    let key = abandoned.next().ok_or(CapacityExceeded::Channels)?;
    drop(abandoned);
    running.remove(&key);
    Ok(())
}

/// Takes a channel out of the list, and leaves one that has its place by now.
fn remove_channel(running: &mut HashMap<ChannelKey, RunningChannel>, key: &ChannelKey, channel: &Arc<Channel>) {
    if running.get(key).is_some_and(|running| Arc::ptr_eq(&running.channel, channel)) {
        running.remove(key);
    }
}
