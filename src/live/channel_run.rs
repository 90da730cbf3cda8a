use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use super::channel_feeds::ChannelFeeds;
use super::channel_message::PlacedText;
use super::initial_state::InitialState;
use super::message::{ChannelPosition, EncodedMessage, PanelFrames, ServerMessage};
use super::panel_copies::{PanelCopies, ReceivedPanels};
use super::panel_slots::PanelSlots;
use super::rendition::{RenderedState, RenditionBudget};
use super::ring::BatchRing;
use crate::domain::{Series, Timestamp};

/// The fewest bytes of batches after which a snapshot is worth its room in the stream.
const MIN_BYTES_BETWEEN_SNAPSHOTS: usize = 64 * 1024;

/// One run of a channel: its batches, and its panels after the newest one. The panels change only together with the ring, so a
/// state always belongs to a `seq`.
pub(super) struct ChannelRun {
    epoch: String,
    ring: BatchRing,
    panels: RunPanels,
    snapshot: Option<Arc<EncodedMessage>>,
    /// Made for the first who asks for it, as the snapshot is.
    rendered: Option<Arc<RenderedState>>,
    since_snapshot: SinceSnapshot,
    /// How many milliseconds this node's clock is ahead of that of the node that has told the newest batch.
    clock_ahead: i64,
}

/// The panels of a run, by who draws them.
enum RunPanels {
    /// This node, for its own viewers alone.
    Drawn(PanelSlots),
    /// The node that leads the channel; `None` until its snapshot has come.
    Copied(Option<PanelCopies>),
}

/// What has come since the newest snapshot in the stream, and the bytes of that.
#[derive(Clone, Copy, Default)]
struct SinceSnapshot {
    batches: usize,
    bytes: usize,
    snapshot_bytes: usize,
}

impl ChannelRun {
    /// A new run, which this node draws for itself.
    pub(super) fn drawn(slots: PanelSlots, capacity: usize) -> Self {
        Self::new(new_epoch(), BatchRing::after_head(0, capacity), RunPanels::Drawn(slots))
    }

    /// A run that other nodes tell of, after the batch `head`.
    pub(super) fn copied(epoch: &str, head: u64, capacity: usize) -> Self {
        Self::new(epoch.to_owned(), BatchRing::after_head(head, capacity), RunPanels::Copied(None))
    }

    fn new(epoch: String, ring: BatchRing, panels: RunPanels) -> Self {
        Self { epoch, ring, panels, snapshot: None, rendered: None, since_snapshot: SinceSnapshot::default(), clock_ahead: 0 }
    }

    pub(super) fn epoch(&self) -> &str {
        &self.epoch
    }

    pub(super) fn ring(&self) -> &BatchRing {
        &self.ring
    }

    /// Whether this node draws it for its own viewers alone.
    pub(super) fn is_drawn(&self) -> bool {
        matches!(self.panels, RunPanels::Drawn(_))
    }

    /// Whether its panels are known.
    pub(super) fn is_whole(&self) -> bool {
        !matches!(self.panels, RunPanels::Copied(None))
    }

    /// Whether every panel has something to show.
    pub(super) fn is_complete(&self) -> bool {
        match &self.panels {
            RunPanels::Drawn(slots) => slots.is_complete(),
            RunPanels::Copied(copies) => copies.as_ref().is_some_and(PanelCopies::is_complete),
        }
    }

    /// Whether it is a run that other nodes tell of, after the batch `seq`.
    pub(super) fn is_copy_at(&self, epoch: &str, seq: u64) -> bool {
        !self.is_drawn() && self.epoch == epoch && self.ring.head() == seq
    }

    /// Adds the next batch, which the panels of a run of this node's own have given.
    pub(super) fn push_drawn(&mut self, feeds: &ChannelFeeds, now: Timestamp) -> bool {
        let RunPanels::Drawn(slots) = &mut self.panels else { return false };
        let frames = slots.update(feeds);
        if frames.is_empty() {
            return false;
        }
        let seq = self.ring.head() + 1;
        let position = ChannelPosition { epoch: self.epoch.clone(), seq };
        let batch = ServerMessage::Batch { seq, sent: now, panels: &frames }.encode_at(Some(position));
        self.push(batch);
        true
    }

    /// Adds the next batch that a node has told, which was sent at that moment of this node's clock.
    pub(super) fn push_told(&mut self, batch: PlacedText<'_>, received: ReceivedPanels, sent: Timestamp) {
        let PlacedText { epoch, seq, text } = batch;
        let position = ChannelPosition { epoch: epoch.to_owned(), seq };
        let message = EncodedMessage::of_text(text, Some(position), received.read_at(sent));
        self.clock_ahead = received.clock_ahead(sent).unwrap_or(self.clock_ahead);
        if let RunPanels::Copied(Some(copies)) = &mut self.panels {
            copies.apply(received, self.clock_ahead);
        }
        self.since_snapshot.batches += 1;
        self.since_snapshot.bytes += text.len();
        self.push(message);
    }

    /// Takes a snapshot that a node has told.
    pub(super) fn take_snapshot(&mut self, text: &str) {
        if let RunPanels::Copied(copies @ None) = &mut self.panels {
            *copies = ReceivedPanels::parse(text).map(|received| PanelCopies::of_snapshot(received, self.clock_ahead));
        }
        self.since_snapshot = SinceSnapshot { snapshot_bytes: text.len(), ..SinceSnapshot::default() };
    }

    /// Whether a snapshot in the stream would spare nodes that join more than it costs, or the last one is about to leave it.
    pub(super) fn is_snapshot_due(&self) -> bool {
        let SinceSnapshot { batches, bytes, snapshot_bytes } = self.since_snapshot;
        batches >= self.ring.capacity() || bytes >= snapshot_bytes.max(MIN_BYTES_BETWEEN_SNAPSHOTS)
    }

    /// How many entries the stream has to keep, for viewers to resume and for nodes to join.
    pub(super) fn stream_length(&self) -> usize {
        // A snapshot beside every so many batches.
        self.ring.len().max(self.since_snapshot.batches) + self.ring.len() / 8 + 4
    }

    /// Turns a run of this node's own into one that it draws for all. Returns the panels as it draws them.
    pub(super) fn share(&mut self, feeds: &ChannelFeeds) -> Option<PanelSlots> {
        let RunPanels::Drawn(slots) = &self.panels else { return None };
        let copies = PanelCopies::of(slots.frames(feeds));
        match std::mem::replace(&mut self.panels, RunPanels::Copied(Some(copies))) {
            RunPanels::Drawn(slots) => Some(slots),
            RunPanels::Copied(_) => None,
        }
    }

    /// The past that each panel shows, in the page's order; `None` where it shows none.
    pub(super) fn pasts(&self) -> impl Iterator<Item = Option<Series>> {
        let copies = if let RunPanels::Copied(copies) = &self.panels { copies.as_ref() } else { None };
        copies.into_iter().flat_map(PanelCopies::pasts)
    }

    /// Whether a panel shows less than in a run of this node's own.
    pub(super) fn is_behind(&self, own: &Self, feeds: &ChannelFeeds) -> bool {
        let (RunPanels::Copied(Some(copies)), RunPanels::Drawn(slots)) = (&self.panels, &own.panels) else { return false };
        slots.frames(feeds).any(|(id, frame)| copies.is_behind(id, &frame))
    }

    /// Whether a panel shows more than this node has been told until now.
    pub(super) fn is_ahead_of(&self, slots: &PanelSlots, feeds: &ChannelFeeds) -> bool {
        let RunPanels::Copied(Some(copies)) = &self.panels else { return false };
        slots.frames(feeds).any(|(id, frame)| copies.is_ahead_of(id, &frame))
    }

    /// The panels that look otherwise as this node draws them, and are no older there, unless it is the last time that they are compared.
    pub(super) fn differing<'a>(&self, slots: &'a PanelSlots, feeds: &ChannelFeeds, is_last: bool) -> PanelFrames<'a> {
        let RunPanels::Copied(Some(copies)) = &self.panels else { return PanelFrames::from_iter([]) };
        slots.frames(feeds).filter(|(id, frame)| copies.differs(id, frame, is_last)).collect()
    }

    /// The state and its position.
    pub(super) fn initial_state(&self, feeds: &ChannelFeeds) -> InitialState {
        InitialState { position: self.position(), panels: self.frames(feeds).into_owned().collect() }
    }

    /// The state, to be rendered at most once in each form.
    pub(super) fn rendered_state(&mut self, feeds: &ChannelFeeds, budget: &RenditionBudget) -> Arc<RenderedState> {
        if let Some(rendered) = &self.rendered {
            return Arc::clone(rendered);
        }
        let initial = self.initial_state(feeds);
        Arc::clone(self.rendered.insert(Arc::new(RenderedState::new(initial, budget.clone()))))
    }

    /// The snapshot message.
    pub(super) fn snapshot(&mut self, feeds: &ChannelFeeds) -> Arc<EncodedMessage> {
        if let Some(snapshot) = &self.snapshot {
            return Arc::clone(snapshot);
        }
        let (position, frames) = (self.position(), self.frames(feeds));
        let message = ServerMessage::Snapshot { epoch: &self.epoch, seq: position.seq, panels: &frames };
        let message = Arc::new(message.encode_at(Some(position)));
        Arc::clone(self.snapshot.insert(message))
    }

    fn position(&self) -> ChannelPosition {
        ChannelPosition { epoch: self.epoch.clone(), seq: self.ring.head() }
    }

    fn frames(&self, feeds: &ChannelFeeds) -> PanelFrames<'_> {
        match &self.panels {
            RunPanels::Drawn(slots) => slots.frames(feeds).collect(),
            RunPanels::Copied(copies) => copies.iter().flat_map(PanelCopies::frames).collect(),
        }
    }

    fn push(&mut self, batch: EncodedMessage) {
        self.snapshot = None;
        self.rendered = None;
        self.ring.push(Arc::new(batch));
    }
}

/// A new epoch: 64 random bits, so that no two runs of a channel are taken for one another. It guards no secret.
fn new_epoch() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}
