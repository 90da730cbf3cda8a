use std::sync::Arc;

use super::entry::{BusEntry, Retention, Role};
use super::envelope::Envelope;
use super::shared::{BusShared, OutgoingEntry};
use super::topic_state::TopicState;
use crate::domain::Timestamp;

/// The most entries of a stream: more than the longest window of a chart has intervals.
const MAX_STREAM_ENTRIES: usize = 4_096;

/// Something that is asked once for all nodes: who asks, and what was answered. The node leaves when it is dropped.
pub struct Topic {
    state: Arc<TopicState>,
    shared: Arc<BusShared>,
}

/// A wish to lead a topic once, while it is there: then the lease is given back.
pub struct Turn(Arc<Topic>);

impl Topic {
    pub(super) fn new(state: Arc<TopicState>, shared: Arc<BusShared>) -> Self {
        Self { state, shared }
    }

    /// The part of this node.
    pub fn role(&self) -> Role {
        self.state.progress().role
    }

    /// The next entry of another node, if there is one.
    pub fn next_entry(&self) -> Option<BusEntry> {
        self.state.progress().take_entry()
    }

    /// Resolves when there is an entry, or another part, that was not there at the last call.
    pub async fn changed(&self) {
        self.state.changed.notified().await;
    }

    /// Wishes to lead once.
    pub fn want(self: &Arc<Self>) -> Turn {
        let mut progress = self.state.progress();
        progress.wishes += 1;
        if progress.role == Role::Following {
            progress.role = Role::Undecided;
        }
        drop(progress);
        self.shared.claims.notify_one();
        Turn(Arc::clone(self))
    }

    /// Gives the lease back for a while, so that another node may try, if there is one.
    pub fn step_back(&self) {
        self.state.progress().step_back();
        self.shared.give_back(&self.state);
    }

    /// Appends an answer of that moment for the others, as leader.
    pub fn append(&self, at: Timestamp, text: &[u8], retention: Retention) {
        self.append_and(None, (at, text), retention, false);
    }

    /// Appends an answer of that moment for the others, as the leader that this node is by the lease `fence`; nothing if it is that no
    /// more, even where it leads again: others may have led in between.
    pub fn append_as(&self, fence: u64, at: Timestamp, text: &[u8], retention: Retention) {
        self.append_and(Some(fence), (at, text), retention, false);
    }

    fn append_and(&self, of: Option<u64>, (at, text): (Timestamp, &[u8]), retention: Retention, is_last: bool) {
        let mut progress = self.state.progress();
        let Role::Leading(fence) = progress.role else { return };
        if of.is_some_and(|of| of != fence) {
            return;
        }
        let order = progress.next_order(fence);
        if is_last {
            progress.held = None;
            progress.is_releasing = true;
            progress.role = Role::Undecided;
        }
        let echo = progress.is_agreed().then(|| BusEntry { at, text: text.to_owned(), is_past: false });
        drop(progress);
        let (name, context) = (&self.state.name, &self.shared.context);
        match Envelope::seal(&context.key, name, order, context.offset.to_server(at), text) {
            Ok(bytes) => {
                let most = retention.entries.clamp(1, MAX_STREAM_ENTRIES);
                let topic = Arc::clone(&self.state);
                self.shared.send(OutgoingEntry { topic, fence, bytes, most, kept: retention.length, is_last, echo });
            }
            Err(error) => {
                tracing::error!(%error, "an answer cannot be shared with other nodes");
                self.state.lose(fence);
            }
        }
    }
}

impl Turn {
    /// Appends an answer of that moment for the others, if this node leads, and leads no more.
    pub fn end_with(self, at: Timestamp, text: &[u8], retention: Retention) {
        self.0.append_and(None, (at, text), retention, true);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut progress = self.0.state.progress();
        progress.wishes -= 1;
        if !progress.is_wanted() {
            drop(progress);
            self.0.shared.give_back(&self.0.state);
        }
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        self.shared.leave(&self.state);
    }
}
