use std::collections::VecDeque;
use std::sync::Arc;

use super::message::EncodedMessage;

/// The most bytes of text that a channel's batches have together, but for the newest: whoever has missed more gets there sooner by a
/// snapshot. A page with long tables has as many channels as its inputs have choices, and they must not fill the memory.
const MAX_BYTES: usize = 1024 * 1024;

/// The newest batches of a channel, in order and without a gap.
pub(super) struct BatchRing {
    batches: VecDeque<Arc<EncodedMessage>>,
    bytes: usize,
    capacity: usize,
    /// The number of the newest batch; 0 before the first.
    head: u64,
}

impl BatchRing {
    /// An empty ring for `capacity` batches, of which the newest has the number `head`; 0 where there was none.
    pub(super) fn after_head(head: u64, capacity: usize) -> Self {
        Self { batches: VecDeque::new(), bytes: 0, capacity, head }
    }

    /// How many batches there are at most.
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many batches there are.
    pub(super) fn len(&self) -> usize {
        self.batches.len()
    }

    /// The number of the newest batch; 0 before the first.
    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// Appends the batch after the head, and evicts the oldest ones beyond the capacity.
    pub(super) fn push(&mut self, batch: Arc<EncodedMessage>) {
        self.head += 1;
        self.bytes += batch.text().len();
        self.batches.push_back(batch);
        while self.batches.len() > self.capacity || (self.bytes > MAX_BYTES && self.batches.len() > 1) {
            let Some(oldest) = self.batches.pop_front() else { return };
            self.bytes -= oldest.text().len();
        }
    }

    /// Whether every batch after `seq` is still here, if only because there is none.
    pub(super) fn retains_after(&self, seq: u64) -> bool {
        seq <= self.head && seq >= self.last_evicted()
    }

    /// The newest batch.
    pub(super) fn newest(&self) -> Option<&Arc<EncodedMessage>> {
        self.batches.back()
    }

    /// The batch after `seq`, while it is here.
    pub(super) fn after(&self, seq: u64) -> Option<&Arc<EncodedMessage>> {
        self.batches.get(usize::try_from(seq.checked_sub(self.last_evicted())?).ok()?)
    }

    /// The number of the newest batch that was evicted.
    fn last_evicted(&self) -> u64 {
        self.head - u64::try_from(self.batches.len()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::ServerMessage;
    use super::*;

    #[test]
    fn long_batches_are_few_and_the_newest_is_kept_however_long_it_is() {
        let mut ring = BatchRing::after_head(0, 256);
        let push = |ring: &mut BatchRing, bytes: usize| {
            ring.push(Arc::new(ServerMessage::Bye { reason: &"a".repeat(bytes), retry_ms: None }.encode()));
        };
        for _ in 0..256 {
            push(&mut ring, 100_000);
        }
        assert_eq!((ring.batches.len(), ring.head()), (10, 256));
        assert!(ring.retains_after(246) && !ring.retains_after(245));
        push(&mut ring, 4 * MAX_BYTES);
        assert_eq!((ring.batches.len(), ring.head()), (1, 257));
        push(&mut ring, 10);
        assert_eq!((ring.batches.len(), ring.bytes < 100), (1, true));
    }
}
