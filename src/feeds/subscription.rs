use std::sync::{Arc, MutexGuard};

use tokio::sync::Notify;

use super::feed::Feed;
use super::state::FeedState;
use crate::domain::{Holder, Series};
use crate::panels::Past;

/// A subscription to a feed, which runs for as long as there is one.
pub struct FeedSubscription {
    feed: Arc<Feed>,
    id: u64,
}

impl FeedSubscription {
    /// Subscribes: `answered` is notified at every answer, and the feed keeps as much of its past.
    pub(super) fn new(feed: Arc<Feed>, answered: Arc<Notify>, past: Past, holder: Holder) -> Self {
        let id = feed.state().subscribe(answered, past, holder);
        feed.holders_changed();
        Self { feed, id }
    }

    /// Counts it under another holder.
    pub fn set_holder(&self, holder: &Holder) {
        self.feed.state().set_holder(self.id, holder);
        self.feed.holders_changed();
    }

    /// The part of this node in the feed; `None` where nodes do not share it.
    #[cfg(test)]
    pub(super) fn role(&self) -> Option<crate::bus::Role> {
        self.feed.role()
    }

    /// Adds a past to the feed's that goes further back, as another node knows it.
    pub fn fill_history(&self, past: &Series) {
        self.feed.state().fill_history(past);
    }

    /// The feed's current state. The feed waits while it is held.
    pub fn state(&self) -> MutexGuard<'_, FeedState> {
        self.feed.state()
    }
}

impl Drop for FeedSubscription {
    fn drop(&mut self) {
        self.feed.state().unsubscribe(self.id);
    }
}
