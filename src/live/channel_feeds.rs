use std::sync::Arc;

use futures::FutureExt;
use tokio::sync::Notify;

use crate::domain::{Bindings, Holder, Timestamp};
use crate::feeds::{FeedKey, FeedSubscription, Feeds};
use crate::pages::Page;
use crate::sources::Sources;

/// The feeds of a channel's panels.
pub(super) struct ChannelFeeds {
    /// One for each panel of the page, in order; `None` where it asks nothing.
    by_panel: Vec<Option<FeedSubscription>>,
    /// Notified at every answer of any of them.
    answered: Arc<Notify>,
}

impl ChannelFeeds {
    /// Subscribes `holder` to the feeds of the page's panels, with the past that each panel draws from.
    pub(super) fn subscribe(page: &Page, bindings: &Bindings, sources: &Sources, feeds: &Feeds, holder: &Holder) -> Self {
        let asking = page.panels.iter().filter_map(|panel| Some((panel.source.as_ref()?, panel.past())));
        let keys = asking.map(|(source, past)| {
            let query = sources.bind(&source.source, &source.query, bindings);
            (FeedKey { query, every: source.every }, past)
        });
        let answered = Arc::new(Notify::new());
        let mut subscriptions = feeds.subscribe_all(keys, &answered, holder).into_iter();
        let by_panel = page.panels.iter().map(|panel| panel.source.as_ref().and_then(|_| subscriptions.next())).collect();
        // Some may have run before, and have answers.
        answered.notify_one();
        Self { by_panel, answered }
    }

    /// Counts the channel's queries under another holder.
    pub(super) fn set_holder(&self, holder: &Holder) {
        self.by_panel.iter().flatten().for_each(|feed| feed.set_holder(holder));
    }

    /// The feed of each panel, in the page's order.
    pub(super) fn by_panel(&self) -> &[Option<FeedSubscription>] {
        &self.by_panel
    }

    /// Has whoever waits for answers look again.
    pub(super) fn wake(&self) {
        self.answered.notify_one();
    }

    /// Waits until one of them has answered since the last call.
    pub(super) async fn answered(&self) {
        self.answered.notified().await;
    }

    /// Forgets the answers that nobody has waited for yet.
    pub(super) fn mark_collected(&self) {
        let _ = self.answered.notified().now_or_never();
    }

    /// Whether one of the queries is being executed, here or on another node.
    pub(super) fn has_pending_query(&self, now: Timestamp) -> bool {
        self.by_panel.iter().flatten().any(|feed| feed.state().is_pending(now))
    }
}
