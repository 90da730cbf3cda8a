//! A channel that several nodes show: the one that leads it encodes its batches, and every node shows what stands in its stream.

use std::time::{Duration, Instant};

use super::channel::{Channel, ChannelState};
use super::channel_feeds::ChannelFeeds;
use super::channel_lead::{ChannelLead, MAX_COMPARISONS};
use super::channel_message::{ChannelMessage, PlacedText};
use super::channel_run::ChannelRun;
use super::message::ServerMessage;
use super::panel_copies::ReceivedPanels;
use crate::bus::{BusEntry, Retention, Role, Topic};
use crate::domain::Timestamp;

/// How long a stream is kept after the last entry: as long as a channel's feeds run on by default.
const KEPT: Duration = Duration::from_mins(1);

/// How long the node that leads a channel tells nothing at most, so that its stream is kept.
const MAX_SILENCE: Duration = Duration::from_secs(20);

/// How long a batch may be on its way to the stream until another node may lead the channel.
const MAX_ON_ITS_WAY: Duration = Duration::from_secs(5);

/// How long viewers see this node's own run at most until the shared one has come as far: nothing stands still meanwhile. With clocks that
/// differ it never seems to have.
const MAX_WAIT_FOR_SHARED: Duration = Duration::from_secs(30);

/// How long viewers see nothing new at most, until this node's feeds have come as far as the run that has ended.
const MAX_WAIT_FOR_OWN: Duration = Duration::from_secs(1);

/// The interval in which both are looked at.
const RETRY: Duration = Duration::from_millis(50);

/// Follows what the nodes that share the channel tell of it. Never ends by itself.
pub(super) async fn follow(channel: &Channel, now: impl Fn() -> Timestamp) {
    let Some(topic) = &channel.topic else { return };
    loop {
        channel.follow(topic, now());
        let wait = channel.state().next_look();
        // Real time, as everything between this node and the bus.
        let _ = tokio::time::timeout(wait, topic.changed()).await;
    }
}

impl Channel {
    /// Takes what stands in the stream, and then this node's part.
    fn follow(&self, topic: &Topic, now: Timestamp) {
        let mut state = self.state();
        let before = (state.run_number, state.run.ring().head(), state.is_decided);
        // The part first: what its last holder has told was there before this node leads.
        let role = topic.role();
        while let Some(entry) = topic.next_entry() {
            state.take(&entry, self.ring_capacity);
        }
        self.take_part(&mut state, role);
        state.break_silence(topic, &self.feeds, now);
        if before != (state.run_number, state.run.ring().head(), state.is_decided) {
            self.announce(&state);
        }
    }

    /// Shows the run that belongs to this node's part in the channel.
    fn take_part(&self, state: &mut ChannelState, role: Role) {
        let waited = state.waits_since.take();
        match role {
            Role::Undecided => return,
            Role::Alone => {
                state.told = None;
                if !state.run.is_drawn() {
                    let mut slots = self.new_slots();
                    slots.update(&self.feeds);
                    let is_ready = !state.run.is_ahead_of(&slots, &self.feeds);
                    if state.may_change_run(waited, is_ready, MAX_WAIT_FOR_OWN) {
                        self.begin_own_run(state);
                    }
                }
            }
            Role::Following => {
                if let Some(told) = state.told.as_ref().filter(|told| told.is_whole()) {
                    let is_ready = !state.is_decided || !told.is_behind(&state.run, &self.feeds);
                    if state.may_change_run(waited, is_ready, MAX_WAIT_FOR_SHARED) {
                        state.show_told();
                    }
                } else if state.told.is_some() && !state.run.is_drawn() {
                    // Something is missing between the two, and viewers do not wait until the next snapshot.
                    self.begin_own_run(state);
                }
            }
            Role::Leading(fence) => {
                self.lead(state, fence);
                state.told = None;
            }
        }
        if !matches!(role, Role::Leading(_)) {
            state.lead = None;
        }
        if !std::mem::replace(&mut state.is_decided, true) {
            self.feeds.wake();
        }
    }

    /// Begins to lead, unless this node does already. A run that all share goes on; where there is none, this node's own is shared.
    fn lead(&self, state: &mut ChannelState, fence: u64) {
        if state.lead.as_ref().is_some_and(|lead| lead.fence == fence) {
            return;
        }
        // A run that was drawn while there was no bus stays: nobody knows whether all of the other one is still there.
        if state.told.as_ref().is_some_and(ChannelRun::is_whole) && !(state.is_decided && state.run.is_drawn()) {
            state.show_told();
        }
        state.lead = Some(if let Some(slots) = state.run.share(&self.feeds) {
            ChannelLead::of_own_run(fence, slots)
        } else {
            // This node may have fewer of their points: it came later.
            for (past, feed) in state.run.pasts().zip(self.feeds.by_panel()) {
                if let Some((past, feed)) = past.zip(feed.as_ref()) {
                    feed.fill_history(&past);
                }
            }
            ChannelLead::taken_over(fence, self.new_slots())
        });
        self.feeds.wake();
    }

    /// Begins a run for this node's viewers alone, with all that the feeds know.
    fn begin_own_run(&self, state: &mut ChannelState) {
        let mut slots = self.new_slots();
        slots.update(&self.feeds);
        state.run = ChannelRun::drawn(slots, self.ring_capacity);
        state.run_number += 1;
        self.feeds.wake();
    }
}

impl ChannelState {
    /// How long nothing has to be looked at again, unless the topic changes.
    fn next_look(&self) -> Duration {
        match &self.lead {
            _ if self.waits_since.is_some() => RETRY,
            Some(lead) if lead.comparisons > 0 => RETRY,
            Some(_) => MAX_ON_ITS_WAY,
            None => MAX_SILENCE,
        }
    }

    /// Whether viewers may be shown another run: one that has come as far as theirs, so that nothing older comes after what they have
    /// seen, or after so long a wait, which began at `waited`.
    fn may_change_run(&mut self, waited: Option<Instant>, is_ready: bool, most: Duration) -> bool {
        let since = waited.unwrap_or_else(Instant::now);
        let may = is_ready || since.elapsed() >= most;
        if !may {
            self.waits_since = Some(since);
        }
        may
    }

    /// Takes an entry of the stream.
    fn take(&mut self, entry: &BusEntry, ring_capacity: usize) {
        match ChannelMessage::decode(&entry.text) {
            Some(ChannelMessage::Batch(batch)) => {
                self.take_batch(batch, entry.at, ring_capacity);
                self.has_arrived(batch.seq);
            }
            Some(ChannelMessage::Snapshot(snapshot)) => self.take_snapshot(snapshot, ring_capacity),
            None => tracing::error!("what another node tells of a channel cannot be read"),
        }
    }

    /// The batch of that number stands in the stream: what was on its way has arrived, or is void because another node's has.
    fn has_arrived(&mut self, seq: u64) {
        if let Some(lead) = self.lead.as_mut().filter(|lead| lead.on_its_way == Some(seq)) {
            lead.on_its_way = None;
            if self.run.ring().head() < seq {
                // It could not be read, and so nobody shows it.
                lead.comparisons = MAX_COMPARISONS;
            }
        }
    }

    fn take_batch(&mut self, batch: PlacedText<'_>, sent: Timestamp, ring_capacity: usize) {
        let Some(received) = ReceivedPanels::parse(batch.text) else { return };
        let PlacedText { epoch, seq, .. } = batch;
        let Some(before) = seq.checked_sub(1) else { return };
        if self.run.is_copy_at(epoch, before) {
            return self.run.push_told(batch, received, sent);
        }
        self.told_at(epoch, before, ring_capacity).push_told(batch, received, sent);
    }

    fn take_snapshot(&mut self, snapshot: PlacedText<'_>, ring_capacity: usize) {
        let PlacedText { epoch, seq, text } = snapshot;
        if self.run.is_copy_at(epoch, seq) {
            return self.run.take_snapshot(text);
        }
        self.told_at(epoch, seq, ring_capacity).take_snapshot(text);
    }

    /// The run that other nodes tell of, which stands at that batch.
    fn told_at(&mut self, epoch: &str, seq: u64, ring_capacity: usize) -> &mut ChannelRun {
        let told = self.told.take().filter(|told| told.is_copy_at(epoch, seq));
        self.told.insert(told.unwrap_or_else(|| ChannelRun::copied(epoch, seq, ring_capacity)))
    }

    /// Shows viewers the run that other nodes tell of.
    fn show_told(&mut self) {
        if let Some(told) = self.told.take() {
            self.run = told;
            self.run_number += 1;
        }
    }

    /// Tells all nodes the next batch. This one shows it when it comes back.
    pub(super) fn tell_batch(&mut self, topic: &Topic, feeds: &ChannelFeeds, now: Timestamp) {
        let Some(lead) = &mut self.lead else { return };
        // Another lease is another lead, which has yet to begin.
        if lead.on_its_way.is_some() || topic.role() != Role::Leading(lead.fence) {
            lead.is_behind = true;
            return;
        }
        if lead.owes_snapshot || self.run.is_snapshot_due() {
            self.tell_snapshot(topic, feeds, now);
        }
        let Some(lead) = &mut self.lead else { return };
        let seq = self.run.ring().head() + 1;
        let text = {
            let mut frames = lead.slots.update(feeds);
            if lead.comparisons > 0 {
                drop(frames);
                let is_last = lead.comparisons == 1;
                let is_behind = self.run.is_ahead_of(&lead.slots, feeds);
                lead.comparisons = if is_behind { lead.comparisons - 1 } else { 0 };
                // Soon once more, also where no panel is answered for long.
                lead.is_behind = lead.comparisons > 0;
                frames = self.run.differing(&lead.slots, feeds, is_last);
            }
            if frames.is_empty() {
                return;
            }
            ServerMessage::Batch { seq, sent: now, panels: &frames }.to_text()
        };
        let batch = ChannelMessage::Batch(PlacedText { epoch: self.run.epoch(), seq, text: &text });
        lead.on_its_way = Some(seq);
        self.tell(topic, &batch.encode(), now);
    }

    /// Tells all nodes the whole state, for those that join later.
    fn tell_snapshot(&mut self, topic: &Topic, feeds: &ChannelFeeds, now: Timestamp) {
        let snapshot = self.run.snapshot(feeds);
        let (epoch, seq) = (self.run.epoch(), self.run.ring().head());
        let bytes = ChannelMessage::Snapshot(PlacedText { epoch, seq, text: snapshot.text() }).encode();
        if let Some(lead) = &mut self.lead {
            lead.owes_snapshot = false;
        }
        self.tell(topic, &bytes, now);
    }

    /// Tells the whole state again where nothing was told for long.
    fn break_silence(&mut self, topic: &Topic, feeds: &ChannelFeeds, now: Timestamp) {
        let Some(lead) = &mut self.lead else { return };
        if lead.on_its_way.is_some() && lead.told_at.elapsed() >= MAX_ON_ITS_WAY {
            // It may arrive yet, or never. Who leads next knows, as what this lease has not appended by then is void.
            self.lead = None;
            return topic.step_back();
        }
        let is_silent = lead.told_at.elapsed() >= MAX_SILENCE;
        if lead.on_its_way.is_none() && std::mem::take(&mut lead.is_behind) {
            feeds.wake();
        }
        if lead.owes_snapshot || is_silent {
            self.tell_snapshot(topic, feeds, now);
        }
    }

    fn tell(&mut self, topic: &Topic, bytes: &[u8], now: Timestamp) {
        let retention = Retention { entries: self.run.stream_length(), length: KEPT };
        if let Some(lead) = &mut self.lead {
            topic.append_as(lead.fence, now, bytes, retention);
            lead.told_at = Instant::now();
        }
    }
}
