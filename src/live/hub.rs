use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::watch;

use crate::config::LiveSettings;
use crate::domain::{Clock, InputValues, PageSlug};
use crate::pages::{Choice, OpenPage, Page, Shelf};
use crate::sources::Sources;

use super::channel::{self, Channel, Painting};
use super::feeds::Feeds;

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
}

/// How many have a place at a channel, and how many of them are live connections.
#[derive(Clone, Copy, Debug, Default)]
struct Seats {
    taken: usize,
    watching: usize,
}

/// A place at a channel. The channel and its feeds go on while somebody has one, and for a grace time after.
pub struct Seat {
    channel: Arc<Channel>,
    seats: watch::Sender<Seats>,
}

/// There are as many channels as this server runs. Some will be given up when nobody watches them any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this server runs as many boards as it can")]
pub struct Crowded;

impl Hub {
    /// A hub without channels.
    pub fn new(sources: Arc<Sources>, feeds: Feeds, settings: LiveSettings, clock: Arc<dyn Clock>) -> Self {
        Self { inner: Arc::new(Inner { sources, feeds, settings, clock, running: Mutex::default() }) }
    }

    /// A seat at the channel of this page and choice. The page had to be opened first.
    ///
    /// # Errors
    /// [`Crowded`] when one channel more would be too many.
    pub fn sit(&self, page: &OpenPage, choice: &Choice) -> Result<Seat, Crowded> {
        self.inner.sit(page.page(), choice)
    }

    /// Starts the channels of every page that is to be kept running, and returns the seats that keep them so.
    pub fn keep(&self, shelf: &Shelf) -> Vec<Seat> {
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

    /// How many live connections watch that page, whatever they chose.
    pub fn watching(&self, slug: &PageSlug) -> usize {
        let running = self.inner.running();
        running.iter().filter(|(key, _)| key.slug == *slug).map(|(_, channel)| channel.seats.borrow().watching).sum()
    }

    /// How many channels run.
    pub fn channels(&self) -> usize {
        self.inner.running().len()
    }
}

impl Inner {
    fn sit(self: &Arc<Self>, page: &Arc<Page>, choice: &Choice) -> Result<Seat, Crowded> {
        let key =
            ChannelKey { slug: page.slug.clone(), revision: page.revision().to_owned(), values: choice.values.clone() };
        let mut running = self.running();
        if let Some(Running { channel, seats }) = running.get(&key) {
            return Ok(Seat::taken(Arc::clone(channel), seats.clone()));
        }
        let of_this_page = running.keys().filter(|other| other.slug == key.slug).count();
        if running.len() >= MOST_CHANNELS || of_this_page >= MOST_CHANNELS_OF_A_PAGE {
            return Err(Crowded);
        }
        let channel = Arc::new(Channel::new(page, choice, &self.settings));
        let seats = watch::Sender::new(Seats::default());
        let seat = Seat::taken(Arc::clone(&channel), seats.clone());
        let subscriptions = channel::subscribe(page, &choice.bindings, &self.sources, &self.feeds);
        let _runs_until_nobody_watches = tokio::spawn({
            let (hub, key, channel, watched) = (Arc::clone(self), key.clone(), Arc::clone(&channel), seats.subscribe());
            async move {
                let pumped = AssertUnwindSafe(channel::pump(&channel, subscriptions, &hub.settings, &*hub.clock));
                tokio::select! {
                    Err(_) = pumped.catch_unwind() => {
                        // The panic is in the log. Who comes back gets a new channel, and finds no dead board.
                        hub.running().remove(&key);
                        channel.break_off();
                    }
                    () = hub.until_given_up(&key, watched) => (),
                }
            }
        });
        running.insert(key, Running { channel, seats });
        Ok(seat)
    }

    /// Resolves once nobody has had a seat for the grace time, and the channel is out of the list.
    async fn until_given_up(&self, key: &ChannelKey, mut watched: watch::Receiver<Seats>) {
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
                running.remove(key);
                return;
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<ChannelKey, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    fn taken(channel: Arc<Channel>, seats: watch::Sender<Seats>) -> Self {
        seats.send_modify(|seats| seats.taken += 1);
        Self { channel, seats }
    }

    /// The channel as it stands, for the first paint.
    pub fn paint(&self) -> Painting {
        self.channel.paint()
    }

    /// Resolves once every panel has something to show, or after `patience`.
    pub async fn complete_within(&self, patience: Duration) {
        // Real time, not the clock's: a visitor waits for this page in real time. Late panels arrive on the socket.
        let _ = tokio::time::timeout(patience, self.channel.complete()).await;
    }

    /// How many live connections watch this channel.
    pub fn watching(&self) -> usize {
        self.seats.borrow().watching
    }

    pub(super) fn watch(self) -> WatchedSeat {
        self.seats.send_modify(|seats| seats.watching += 1);
        WatchedSeat { seat: self }
    }

    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.send_modify(|seats| seats.taken -= 1);
    }
}

/// The seat of a live connection.
pub(super) struct WatchedSeat {
    seat: Seat,
}

impl WatchedSeat {
    pub(super) fn channel(&self) -> &Channel {
        &self.seat.channel
    }
}

impl Drop for WatchedSeat {
    fn drop(&mut self) {
        self.seat.seats.send_modify(|seats| seats.watching -= 1);
    }
}
