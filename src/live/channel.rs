use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use indexmap::IndexMap;
use tokio::sync::watch;

use super::channel_feeds::ChannelFeeds;
use super::initial_state::InitialState;
use super::message::{ChannelPosition, EncodedMessage, PanelFrames, ServerMessage};
use super::panel_slot::PanelSlot;
use super::rendition::{RenderedState, RenditionBudget};
use super::ring::BatchRing;
use crate::config::LiveSettings;
use crate::domain::{Bindings, PanelId, Timestamp};
use crate::pages::Page;
use crate::panels::PanelFrame;
use crate::telemetry::LiveMetrics;
use crate::websocket;

/// One page with one choice of inputs: its panels, their feeds, and an append-only ring of encoded batches. It knows nothing of
/// who reads it.
pub(super) struct Channel {
    epoch: String,
    head: watch::Sender<ChannelHead>,
    end: OnceLock<ChannelEnd>,
    heartbeat: Duration,
    ping_message: Arc<EncodedMessage>,
    feeds: ChannelFeeds,
    state: Mutex<ChannelState>,
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

/// The state of a channel after its newest batch. The panels change only together with the ring, so a state always
/// belongs to a `seq`.
struct ChannelState {
    panels: IndexMap<PanelId, PanelSlot>,
    ring: BatchRing,
    snapshot: Option<Arc<EncodedMessage>>,
    /// Made for the first who asks for it, as the snapshot is.
    rendered: Option<Arc<RenderedState>>,
}

impl Channel {
    pub(super) fn new(
        page: &Page,
        bindings: &Bindings,
        feeds: ChannelFeeds,
        settings: &LiveSettings,
        metrics: Arc<LiveMetrics>,
        rendition_budget: RenditionBudget,
    ) -> Self {
        let panels = page.panels.iter().map(|panel| (panel.id.clone(), PanelSlot::new(panel, bindings))).collect();
        Self {
            epoch: new_epoch(),
            head: watch::Sender::default(),
            end: OnceLock::new(),
            heartbeat: settings.heartbeat,
            // Browsers' scripts cannot see a WebSocket's own ping, but every client answers one by itself: the message tells
            // the page that the connection is alive, the control frame's answer tells us.
            ping_message: Arc::new(ServerMessage::Ping.encode().with_control_frame(&websocket::ping_frame(&[]))),
            feeds,
            state: Mutex::new(ChannelState { panels, ring: BatchRing::new(settings.ring), snapshot: None, rendered: None }),
            metrics,
            rendition_budget,
        }
    }

    /// The current state, and its position.
    pub(super) fn initial_state(&self) -> InitialState {
        self.state().initial_state(&self.epoch, &self.feeds)
    }

    /// The current state, to be rendered at most once in each form.
    pub(super) fn rendered_state(&self) -> Arc<RenderedState> {
        let mut state = self.state();
        if let Some(rendered) = &state.rendered {
            return Arc::clone(rendered);
        }
        let initial = state.initial_state(&self.epoch, &self.feeds);
        Arc::clone(state.rendered.insert(Arc::new(RenderedState::new(initial, self.rendition_budget.clone()))))
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
        let mut head = self.head();
        loop {
            head.mark_unchanged();
            if self.state().is_complete() {
                return;
            }
            // The sender is a field of `self`.
            let _ = head.changed().await;
        }
    }

    /// Whether everything after `position` can still be replayed.
    pub(super) fn can_resume(&self, position: &ChannelPosition) -> bool {
        position.epoch == self.epoch && self.state().ring.retains_after(position.seq)
    }

    /// The `hello` message, the first of every connection.
    pub(super) fn hello(&self, revision: &str) -> EncodedMessage {
        let seq = self.state().ring.head();
        ServerMessage::Hello { epoch: &self.epoch, seq, heartbeat: self.heartbeat.as_secs(), revision }.encode()
    }

    /// The message after `cursor`: the next batch while the ring holds it, otherwise one snapshot; `None` at the head.
    pub(super) fn next_message(&self, cursor: Option<u64>) -> Option<Arc<EncodedMessage>> {
        let mut state = self.state();
        match cursor {
            Some(seq) if seq == state.ring.head() => None,
            Some(seq) if state.ring.retains_after(seq) => state.ring.after(seq).cloned(),
            _ => {
                self.metrics.add_snapshot();
                Some(state.snapshot(&self.epoch, &self.feeds))
            }
        }
    }

    /// Applies what the feeds have answered, and publishes it as one batch. Publishes nothing when no panel changed.
    pub(super) fn publish(&self, now: Timestamp) {
        let mut state = self.state();
        let seq = state.ring.head() + 1;
        let batch = {
            let panels = state.panels.iter_mut().zip(self.feeds.by_panel());
            let frames: PanelFrames<'_> =
                panels.filter_map(|((id, slot), feed)| Some((id, slot.update(&feed.as_ref()?.state())?))).collect();
            if frames.is_empty() {
                return;
            }
            let position = ChannelPosition { epoch: self.epoch.clone(), seq };
            ServerMessage::Batch { seq, sent: now, panels: &frames }.encode_at(Some(position))
        };
        state.snapshot = None;
        state.rendered = None;
        let read_at = batch.read_at();
        state.ring.push(Arc::new(batch));
        drop(state);
        self.head.send_replace(ChannelHead { seq, read_at });
    }

    fn state(&self) -> MutexGuard<'_, ChannelState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChannelState {
    fn is_complete(&self) -> bool {
        self.panels.values().all(PanelSlot::has_something_to_show)
    }

    fn initial_state(&self, epoch: &str, feeds: &ChannelFeeds) -> InitialState {
        InitialState {
            position: ChannelPosition { epoch: epoch.to_owned(), seq: self.ring.head() },
            panels: self.frames(feeds).map(|(id, frame)| (id.clone(), frame)).collect(),
        }
    }

    fn frames(&self, feeds: &ChannelFeeds) -> impl Iterator<Item = (&PanelId, PanelFrame)> {
        self.panels.iter().zip(feeds.by_panel()).map(|((id, slot), feed)| (id, slot.frame(feed.as_ref())))
    }

    fn snapshot(&mut self, epoch: &str, feeds: &ChannelFeeds) -> Arc<EncodedMessage> {
        if let Some(snapshot) = &self.snapshot {
            return Arc::clone(snapshot);
        }
        let (seq, frames) = (self.ring.head(), self.frames(feeds).collect());
        let position = ChannelPosition { epoch: epoch.to_owned(), seq };
        let message = ServerMessage::Snapshot { epoch, seq, panels: &frames }.encode_at(Some(position));
        Arc::clone(self.snapshot.insert(Arc::new(message)))
    }
}

/// A new epoch: 64 random bits, so that no two runs of a channel are taken for one another. It guards no secret.
fn new_epoch() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}
