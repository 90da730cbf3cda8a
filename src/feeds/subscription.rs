use std::sync::{Arc, MutexGuard};

use tokio::sync::Notify;

use super::feed::{Feed, FeedState};

/// A subscription to a feed, which runs for as long as there is one.
pub struct FeedSubscription {
    feed: Arc<Feed>,
}

impl FeedSubscription {
    /// Subscribes: `answered` is notified at every answer.
    pub(super) fn new(feed: Arc<Feed>, answered: &Arc<Notify>) -> Self {
        feed.subscribe(answered);
        Self { feed }
    }

    /// The feed's current state. The feed waits while it is held.
    pub fn state(&self) -> MutexGuard<'_, FeedState> {
        self.feed.state()
    }
}
