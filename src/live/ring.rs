use std::collections::VecDeque;
use std::sync::Arc;

use super::message::EncodedMessage;

/// The newest batches of a channel, in order and without a gap.
pub(super) struct BatchRing {
    batches: VecDeque<Arc<EncodedMessage>>,
    capacity: usize,
    /// The number of the newest batch; 0 before the first.
    head: u64,
}

impl BatchRing {
    /// An empty ring for `capacity` batches.
    pub(super) fn new(capacity: usize) -> Self {
        Self { batches: VecDeque::new(), capacity, head: 0 }
    }

    /// The number of the newest batch; 0 before the first.
    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// Appends the batch after the head, and evicts the oldest one beyond the capacity.
    pub(super) fn push(&mut self, batch: Arc<EncodedMessage>) {
        self.head += 1;
        self.batches.push_back(batch);
        while self.batches.len() > self.capacity {
            self.batches.pop_front();
        }
    }

    /// Whether every batch after `seq` is still here, if only because there is none.
    pub(super) fn retains_after(&self, seq: u64) -> bool {
        seq <= self.head && seq >= self.last_evicted()
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
