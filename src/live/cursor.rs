use std::sync::Arc;

use super::channel::Channel;
use super::message::{ChannelPosition, EncodedMessage};

/// A viewer's position in a channel, and nothing else: there is no queue, so being slow costs no memory.
pub(super) struct Cursor {
    channel: Arc<Channel>,
    /// The number of the last batch that was read; `None` before a first snapshot.
    last_seq: Option<u64>,
}

impl Cursor {
    /// A cursor that resumes at `position`, if the channel still holds all that came after it; otherwise it begins with a
    /// snapshot.
    pub(super) fn new(channel: Arc<Channel>, position: Option<&ChannelPosition>) -> Self {
        let last_seq = position.filter(|position| channel.can_resume(position)).map(|position| position.seq);
        Self { channel, last_seq }
    }

    /// Advances to the next message: every batch in order while the ring holds it, one snapshot when it does not; `None` at
    /// the head.
    pub(super) fn next_message(&mut self) -> Option<Arc<EncodedMessage>> {
        let message = self.channel.next_message(self.last_seq)?;
        self.last_seq = message.position().map(|position| position.seq);
        Some(message)
    }

    /// How many batches it is behind; all of them before a first snapshot.
    pub(super) fn lag(&self) -> u64 {
        self.channel.seq().saturating_sub(self.last_seq.unwrap_or(0))
    }

    /// Whether everything that was missed will be replayed.
    pub(super) fn is_resuming(&self) -> bool {
        self.last_seq.is_some()
    }

    /// The channel that it reads.
    pub(super) fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }
}
