use std::collections::VecDeque;
use std::sync::Arc;

use super::said::Said;

/// The newest batches of a channel, in order and without a gap.
pub(super) struct Ring {
    batches: VecDeque<Arc<Said>>,
    most: usize,
    /// The number of the newest batch; 0 before the first.
    head: u64,
}

impl Ring {
    /// An empty ring for `most` batches.
    pub(super) fn new(most: usize) -> Self {
        Self { batches: VecDeque::new(), most, head: 0 }
    }

    /// The number of the newest batch; 0 before the first.
    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// Takes in the batch after the head; the oldest one falls off when there are too many.
    pub(super) fn push(&mut self, batch: Arc<Said>) {
        self.head += 1;
        self.batches.push_back(batch);
        while self.batches.len() > self.most {
            self.batches.pop_front();
        }
    }

    /// Whether every batch after `seq` is still here, if only because there is none.
    pub(super) fn holds_after(&self, seq: u64) -> bool {
        seq <= self.head && seq >= self.fallen()
    }

    /// The batch after `seq`, while it is here.
    pub(super) fn after(&self, seq: u64) -> Option<&Arc<Said>> {
        self.batches.get(usize::try_from(seq.checked_sub(self.fallen())?).ok()?)
    }

    /// The number of the newest batch that has fallen off.
    fn fallen(&self) -> u64 {
        self.head - u64::try_from(self.batches.len()).unwrap_or(u64::MAX)
    }
}
