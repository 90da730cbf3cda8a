use std::sync::Arc;

use super::channel::{Channel, RingPlace};
use super::message::{ChannelPosition, EncodedMessage};

/// A viewer's position in a channel, and nothing else: there is no queue, so being slow costs no memory.
pub(super) struct Cursor {
    channel: Arc<Channel>,
    /// The place of the last batch that was read; `None` before a first snapshot.
    place: Option<RingPlace>,
}

impl Cursor {
    /// A cursor that resumes at `position`, if the channel still holds all that came after it; otherwise it begins with a
    /// snapshot.
    pub(super) fn new(channel: Arc<Channel>, position: Option<&ChannelPosition>) -> Self {
        let place = position.and_then(|position| channel.place_of(position));
        Self { channel, place }
    }

    /// Advances to the next message: every batch in order while the ring holds it, one snapshot when it does not; `None` at
    /// the head.
    pub(super) fn next_message(&mut self) -> Option<Arc<EncodedMessage>> {
        let (message, place) = self.channel.next_message(self.place)?;
        self.place = Some(place);
        Some(message)
    }

    /// How many batches it is behind; all of them before a first snapshot.
    pub(super) fn lag(&self) -> u64 {
        self.channel.seq().saturating_sub(self.place.map_or(0, |place| place.seq))
    }

    /// Whether everything that was missed will be replayed.
    pub(super) fn is_resuming(&self) -> bool {
        self.place.is_some()
    }

    /// The channel that it reads.
    pub(super) fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }
}
