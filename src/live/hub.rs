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

use super::channel::Channel;
use super::feeds::Feeds;
use super::line::Line;
use super::places::{Holder, Place, Places};
use super::pump::{self, Subscriptions};
use super::seat::{Seat, Seats};

/// Each channel costs a task, its feeds and a ring; a page with many inputs has as many as a stranger cares to ask for.
const MOST_CHANNELS: usize = 1_000;

/// So that whoever walks through all the choices of one page leaves room for the others.
const MOST_CHANNELS_OF_A_PAGE: usize = 250;

/// All channels that run.
pub struct Hub {
    inner: Arc<Inner>,
}

struct Inner {
    sources: Arc<Sources>,
    feeds: Feeds,
    settings: LiveSettings,
    clock: Arc<dyn Clock>,
    running: Mutex<HashMap<ChannelKey, Running>>,
    places: Places,
    sockets: TaskTracker,
    metrics: Arc<LiveMetrics>,
}

/// A channel belongs to one state of a page's file: when the file changes, those who watch move to another channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ChannelKey {
    slug: PageSlug,
    revision: String,
    values: InputValues,
}

struct Running {
    channel: Arc<Channel>,
    seats: watch::Sender<Seats>,
    _task: AbortOnDropHandle<()>,
}

/// There is no room for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Crowded {
    /// Each channel costs something. Some will be given up when nobody watches them any more.
    #[error("this server runs as many boards as it can")]
    Channels,
    /// `live.most` watch, or as many strangers as are let in of them.
    #[error("as many watch as `live.most` allows")]
    Everywhere,
    /// `live.per_address` strangers watch from one address.
    #[error("as many watch from this address as `live.per_address` allows")]
    FromThere,
    /// `live.per_session` watch with one session or token.
    #[error("as many watch with this session as `live.per_session` allows")]
    BySession,
    /// Four times `live.per_session` watch as one person.
    #[error("as many watch as this person as four sessions may, each as `live.per_session` allows")]
    ByPerson,
}

impl Crowded {
    /// When it makes sense to ask again: a channel or a place may be free by then.
    pub fn retry(self) -> Duration {
        match self {
            Self::Channels | Self::Everywhere => Duration::from_mins(1),
            Self::FromThere | Self::BySession | Self::ByPerson => Duration::from_secs(20),
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
        let places = Places::new(&settings);
        let (running, sockets) = (Mutex::default(), TaskTracker::new());
        Self { inner: Arc::new(Inner { sources, feeds, settings, clock, running, places, sockets, metrics }) }
    }

    /// A seat at the channel of this page and choice. The page had to be opened first.
    ///
    /// # Errors
    /// [`Crowded::Channels`] when one channel more would be too many.
    pub fn sit(&self, page: &OpenPage, choice: &InputChoice) -> Result<Seat, Crowded> {
        self.inner.sit(page.page(), choice)
    }

    /// A place for one more live connection.
    ///
    /// # Errors
    /// [`Crowded`] when there are as many as there may be.
    pub fn place(&self, holder: Holder, person: Option<&PersonId>) -> Result<Place, Crowded> {
        self.inner.places.take(holder, person)
    }

    /// Carries a socket on, aside from the request that it came from. At a shutdown it is waited for.
    pub fn carry(&self, socket: impl Future<Output = ()> + Send + 'static) {
        self.inner.sockets.spawn(socket);
    }

    /// Resolves once every socket has said its goodbye, or after `patience`.
    pub async fn sockets_are_closed(&self, patience: Duration) {
        self.inner.sockets.close();
        // Real time: whoever stops the server waits in real time. Who does not take the goodbye is cut off with the process.
        let _ = tokio::time::timeout(patience, self.inner.sockets.wait()).await;
    }

    /// How many live connections there are.
    pub fn viewers(&self) -> usize {
        self.inner.places.viewers()
    }

    /// How the live channels stand, looked up now.
    pub fn state(&self) -> LiveState {
        let mut state = LiveState { feeds: self.inner.feeds.by_source(), ..LiveState::default() };
        let channels: Vec<_> = {
            let running = self.inner.running();
            for (key, channel) in &*running {
                *state.viewers.entry(key.slug.to_string()).or_default() += channel.seats.borrow().watching;
            }
            running.values().map(|running| Arc::clone(&running.channel)).collect()
        };
        state.channels = channels.len();
        for (lag, is_full) in channels.iter().flat_map(|channel| channel.rows().ask(Line::lag)) {
            state.lags.push(lag);
            state.stalled += usize::from(is_full);
        }
        state.lags.sort_unstable();
        state
    }

    /// Has the figures tell how things stand, for whoever reads them next.
    pub fn tell_figures(&self) {
        self.inner.metrics.stand(&self.state());
    }

    /// Starts the channels of every page that is to be kept running, and returns the seats that keep them so.
    pub fn keep(&self, shelf: &PageStore) -> Vec<Seat> {
        let pages = shelf.pages().into_iter().filter(|page| page.keep);
        pages
            .flat_map(|page| page.choices().into_iter().map(move |choice| (Arc::clone(&page), choice)))
            .filter_map(|(page, choice)| {
                self.inner
                    .sit(&page, &choice)
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
        self.inner.running().len()
    }
}

impl Inner {
    fn sit(self: &Arc<Self>, page: &Arc<Page>, choice: &InputChoice) -> Result<Seat, Crowded> {
        let key =
            ChannelKey { slug: page.slug.clone(), revision: page.revision().to_owned(), values: choice.values.clone() };
        let mut running = self.running();
        if let Some(Running { channel, seats, .. }) = running.get(&key) {
            return Ok(Seat::taken(Arc::clone(channel), seats.clone()));
        }
        make_room(&mut running, &key)?;
        let channel = Arc::new(Channel::new(page, choice, &self.settings, Arc::clone(&self.metrics)));
        let seats = watch::Sender::new(Seats::default());
        let seat = Seat::taken(Arc::clone(&channel), seats.clone());
        let subscriptions = Subscriptions::of(page, &choice.bindings, &self.sources, &self.feeds);
        let task = tokio::spawn({
            let (hub, key, channel, watched) = (Arc::clone(self), key.clone(), Arc::clone(&channel), seats.subscribe());
            async move {
                let pumped = AssertUnwindSafe(pump::pump(&channel, subscriptions, &hub.settings, &*hub.clock));
                tokio::select! {
                    Err(_) = pumped.catch_unwind() => {
                        // The panic is in the log. Who comes back gets a new channel, and finds no dead board.
                        strike_out(&mut hub.running(), &key, &channel);
                        channel.break_off();
                    }
                    () = hub.until_given_up(&key, &channel, watched) => (),
                }
            }
        });
        running.insert(key, Running { channel, seats, _task: AbortOnDropHandle::new(task) });
        Ok(seat)
    }

    /// Resolves once nobody has had a seat for the grace time, and the channel is out of the list.
    async fn until_given_up(&self, key: &ChannelKey, channel: &Arc<Channel>, mut watched: watch::Receiver<Seats>) {
        loop {
            // An error means that every sender is gone, the list's own too: then nobody can come back either.
            if watched.wait_for(|seats| seats.taken == 0).await.is_err() {
                return;
            }
            tokio::select! {
                () = self.clock.sleep(self.settings.grace) => (),
                _ = watched.wait_for(|seats| seats.taken > 0) => continue,
            }
            let mut running = self.running();
            // Seats are taken under this same lock: nobody can sit down between the look and the removal.
            if watched.borrow().taken == 0 {
                strike_out(&mut running, key, channel);
                return;
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<ChannelKey, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room for one more channel, of one that only waits for somebody to come back where there is none.
fn make_room(running: &mut HashMap<ChannelKey, Running>, wanted: &ChannelKey) -> Result<(), Crowded> {
    let of_this_page = running.keys().filter(|other| other.slug == wanted.slug).count();
    let is_page_full = of_this_page >= MOST_CHANNELS_OF_A_PAGE;
    if !is_page_full && running.len() < MOST_CHANNELS {
        return Ok(());
    }
    let mut abandoned = running
        .iter()
        .filter(|(key, running)| (!is_page_full || key.slug == wanted.slug) && running.seats.borrow().taken == 0)
        .map(|(key, _)| key.clone());
    let key = abandoned.next().ok_or(Crowded::Channels)?;
    drop(abandoned);
    running.remove(&key);
    Ok(())
}

/// Takes a channel out of the list, and leaves one that has its place by now.
fn strike_out(running: &mut HashMap<ChannelKey, Running>, key: &ChannelKey, channel: &Arc<Channel>) {
    if running.get(key).is_some_and(|running| Arc::ptr_eq(&running.channel, channel)) {
        running.remove(key);
    }
}
