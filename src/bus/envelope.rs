use super::key::{BusKey, TopicName};
use crate::store::StoreError;

/// The bytes of the numbers before a sealed text.
const HEADER_BYTES: usize = 24;

/// The place of an entry among all of its topic: the fencing number of the lease under which it was appended, and its number under
/// that lease, from 1. A later holder's entries come after all of an earlier one's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryOrder {
    pub(super) fence: u64,
    pub(super) number: u64,
}

impl EntryOrder {
    /// Whether `next` is what follows this directly.
    pub(super) fn is_followed_by(self, next: Self) -> bool {
        if next.fence == self.fence { next.number == self.number + 1 } else { next.number == 1 }
    }
}

/// A sealed entry as it is on the bus: its place and time in clear, which are authenticated with the text.
#[derive(Clone, Copy)]
pub(super) struct Envelope<'a> {
    pub(super) order: EntryOrder,
    /// When it was taken, on the bus server's clock, in milliseconds.
    pub(super) at: i64,
    bytes: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Reads the clear part; `None` where there is none.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (fence, rest) = bytes.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let at = rest.first_chunk()?;
        let order = EntryOrder { fence: u64::from_le_bytes(*fence), number: u64::from_le_bytes(*number) };
        Some(Self { order, at: i64::from_le_bytes(*at), bytes })
    }

    /// Seals a text.
    pub(super) fn seal(
        key: &BusKey,
        topic: &TopicName,
        order: EntryOrder,
        at: i64,
        text: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let header = [order.fence.to_le_bytes(), order.number.to_le_bytes(), at.to_le_bytes()].concat();
        let sealed = key.seal(topic, &header, text)?;
        Ok([header, sealed].concat())
    }

    /// Opens the text; `None` where it was not sealed for this topic, place and time with this key.
    pub(super) fn open(&self, key: &BusKey, topic: &TopicName) -> Option<Vec<u8>> {
        let (header, sealed) = self.bytes.split_at_checked(HEADER_BYTES)?;
        Some(key.open(topic, header, sealed)?.to_vec())
    }
}
