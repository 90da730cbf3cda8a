use serde::{Deserialize, Serialize};

/// A message of a channel, as the node that leads it tells the others. Its shape is part of the bus' format.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum ChannelMessage<'a> {
    /// The next batch, which viewers get as it is.
    #[serde(borrow)]
    Batch(PlacedText<'a>),
    /// The whole state after the newest batch, for nodes that join.
    #[serde(borrow)]
    Snapshot(PlacedText<'a>),
}

/// The JSON text of a message, and the channel's position after it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PlacedText<'a> {
    pub(super) epoch: &'a str,
    pub(super) seq: u64,
    pub(super) text: &'a str,
}

impl<'a> ChannelMessage<'a> {
    /// The message's bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        // Plain data always encodes.
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// The message that another node has encoded; `None` where it cannot be read.
    pub(super) fn decode(bytes: &'a [u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}
