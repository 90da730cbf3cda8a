use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::channel_feeds::ChannelFeeds;
use super::channel_lead::ChannelLead;
use super::channel_run::ChannelRun;
use super::initial_state::InitialState;
use super::message::{ChannelPosition, EncodedMessage, ServerMessage};
use super::panel_slots::PanelSlots;
use super::rendition::{RenderedState, RenditionBudget};
use crate::bus::Topic;
use crate::config::LiveSettings;
use crate::domain::{Bindings, Timestamp};
use crate::pages::Page;
use crate::telemetry::LiveMetrics;
use crate::websocket;

/// One page with one choice of inputs: its panels, their feeds, and an append-only ring of encoded batches. It knows nothing of
/// who reads it.
pub(super) struct Channel {
    page: Arc<Page>,
    bindings: Bindings,
    head: watch::Sender<ChannelHead>,
    end: OnceLock<ChannelEnd>,
    heartbeat: Duration,
    ping_message: Arc<EncodedMessage>,
    pub(super) feeds: ChannelFeeds,
    pub(super) ring_capacity: usize,
    state: Mutex<ChannelState>,
    /// Its topic on the bus, where nodes share it.
    pub(super) topic: Option<Topic>,
    metrics: Arc<LiveMetrics>,
    rendition_budget: RenditionBudget,
}

/// The reason why a channel ends while it has viewers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChannelEnd {
    /// A fault of ours: its viewers reconnect to a new one.
    Broken,
    /// Others need its place, and it was beyond the share of those who use it.
    Displaced,
}

/// The newest batch of a channel.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ChannelHead {
    /// Its number; 0 before the first.
    pub(super) seq: u64,
    /// When the oldest of its readings was taken.
    pub(super) read_at: Option<Timestamp>,
}

/// A place in a channel's ring: the run, counted on this node, and the number of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RingPlace {
    run: u32,
    pub(super) seq: u64,
}

/// The state of a channel.
pub(super) struct ChannelState {
    /// How many runs there were before: a place in one is nowhere in another.
    pub(super) run_number: u32,
    /// The run that viewers see.
    pub(super) run: ChannelRun,
    /// The one that other nodes tell of, while viewers see another.
    pub(super) told: Option<ChannelRun>,
    /// The work of the node that leads the channel, while it is this one.
    pub(super) lead: Option<ChannelLead>,
    /// Since when viewers wait for another run, which has not come as far as theirs.
    pub(super) waits_since: Option<Instant>,
    /// Whether it is known which run viewers see: not until the bus has been asked.
    pub(super) is_decided: bool,
}

impl Channel {
    pub(super) fn new(
        page: &Arc<Page>,
        bindings: &Bindings,
        (feeds, topic): (ChannelFeeds, Option<Topic>),
        settings: &LiveSettings,
        metrics: Arc<LiveMetrics>,
        rendition_budget: RenditionBudget,
    ) -> Self {
        let run = ChannelRun::drawn(PanelSlots::new(page, bindings), settings.ring);
        let state = ChannelState { run_number: 0, run, told: None, lead: None, waits_since: None, is_decided: topic.is_none() };
        Self {
            page: Arc::clone(page),
            bindings: bindings.clone(),
            head: watch::Sender::default(),
            end: OnceLock::new(),
            heartbeat: settings.heartbeat,
            // Browsers' scripts cannot see a WebSocket's own ping, but every client answers one by itself: the message tells
            // the page that the connection is alive, the control frame's answer tells us.
            ping_message: Arc::new(ServerMessage::Ping.encode().with_control_frame(&websocket::ping_frame(&[]))),
            feeds,
            ring_capacity: settings.ring,
            state: Mutex::new(state),
            topic,
            metrics,
            rendition_budget,
        }
    }

    /// The current state, and its position.
    pub(super) fn initial_state(&self) -> InitialState {
        self.state().run.initial_state(&self.feeds)
    }

    /// The current state, to be rendered at most once in each form.
    pub(super) fn rendered_state(&self) -> Arc<RenderedState> {
        self.state().run.rendered_state(&self.feeds, &self.rendition_budget)
    }

    /// Ends the channel while it has viewers: they are disconnected, and told why.
    pub(super) fn end(&self, end: ChannelEnd) {
        // The first reason is the true one.
        let _ = self.end.set(end);
        self.head.send_modify(|_| ());
    }

    /// Why it has ended, if it has.
    pub(super) fn ended(&self) -> Option<ChannelEnd> {
        self.end.get().copied()
    }

    /// The interval of the ping messages.
    pub(super) fn heartbeat(&self) -> Duration {
        self.heartbeat
    }

    /// The message and control frame that each viewer gets at every heartbeat.
    pub(super) fn ping_message(&self) -> &Arc<EncodedMessage> {
        &self.ping_message
    }

    /// The metrics of the live channels.
    pub(super) fn metrics(&self) -> &Arc<LiveMetrics> {
        &self.metrics
    }

    /// The feeds of its panels.
    pub(super) fn feeds(&self) -> &ChannelFeeds {
        &self.feeds
    }

    /// The number of the newest batch.
    pub(super) fn seq(&self) -> u64 {
        self.head.borrow().seq
    }

    /// A receiver that is notified whenever a batch is published.
    pub(super) fn head(&self) -> watch::Receiver<ChannelHead> {
        self.head.subscribe()
    }

    /// Resolves once every panel has something to show, if only its trouble.
    pub(super) async fn wait_until_complete(&self) {
        self.wait_until(|state| state.is_decided && state.run.is_complete()).await;
    }

    /// Resolves once it is known which run viewers see.
    pub(super) async fn wait_until_decided(&self) {
        self.wait_until(|state| state.is_decided).await;
    }

    async fn wait_until(&self, is_so: impl Fn(&ChannelState) -> bool) {
        let mut head = self.head();
        loop {
            head.mark_unchanged();
            if is_so(&self.state()) {
                return;
            }
            // The sender is a field of `self`.
            let _ = head.changed().await;
        }
    }

    /// The place of `position`, if everything after it can still be replayed.
    pub(super) fn place_of(&self, position: &ChannelPosition) -> Option<RingPlace> {
        let state = self.state();
        let is_here = position.epoch == state.run.epoch() && state.run.ring().retains_after(position.seq);
        is_here.then_some(RingPlace { run: state.run_number, seq: position.seq })
    }

    /// The `hello` message, the first of every connection.
    pub(super) fn hello(&self, revision: &str) -> EncodedMessage {
        let state = self.state();
        let (epoch, seq) = (state.run.epoch(), state.run.ring().head());
        ServerMessage::Hello { epoch, seq, heartbeat: self.heartbeat.as_secs(), revision }.encode()
    }

    /// The message after `place`, and the place after that: the next batch while the ring holds it, otherwise one snapshot; `None`
    /// at the head.
    pub(super) fn next_message(&self, place: Option<RingPlace>) -> Option<(Arc<EncodedMessage>, RingPlace)> {
        let mut state = self.state();
        let (run, ring) = (state.run_number, state.run.ring());
        match place.filter(|place| place.run == run) {
            Some(RingPlace { seq, .. }) if seq == ring.head() => None,
            Some(RingPlace { seq, .. }) if ring.retains_after(seq) => {
                Some((Arc::clone(ring.after(seq)?), RingPlace { run, seq: seq + 1 }))
            }
            _ => {
                self.metrics.add_snapshot();
                let place = RingPlace { run, seq: ring.head() };
                Some((state.run.snapshot(&self.feeds), place))
            }
        }
    }

    /// Applies what the feeds have answered, and publishes it as one batch: to this node's viewers, or, where it leads the channel, to
    /// all nodes. Publishes nothing when no panel changed.
    pub(super) fn publish(&self, now: Timestamp) {
        let mut state = self.state();
        if !state.is_decided {
            return;
        }
        if let Some(topic) = self.topic.as_ref().filter(|_| state.lead.is_some()) {
            return state.tell_batch(topic, &self.feeds, now);
        }
        if state.run.push_drawn(&self.feeds, now) {
            self.announce(&state);
        }
    }

    /// Wakes the viewers: there is a batch, or another run.
    pub(super) fn announce(&self, state: &ChannelState) {
        let ring = state.run.ring();
        let read_at = ring.newest().and_then(|batch| batch.read_at());
        self.head.send_replace(ChannelHead { seq: ring.head(), read_at });
    }

    /// The panels before their first reading.
    pub(super) fn new_slots(&self) -> PanelSlots {
        PanelSlots::new(&self.page, &self.bindings)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, ChannelState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
