use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::channel::Channel;
use super::feed::{Feed, FeedKey, FeedState};
use super::feeds::Feeds;
use crate::config::LiveSettings;
use crate::domain::{Bindings, Clock, Timestamp};
use crate::pages::Page;
use crate::sources::Sources;

/// The time within which answers of feeds that are due at the same moment share one batch.
const COALESCE_WINDOW: Duration = Duration::from_millis(5);

/// The subscriptions of a channel to the feeds of its page's panels.
pub(super) struct FeedSubscriptions {
    subscriptions: Vec<FeedSubscription>,
    /// Notified at every answer of any of them.
    answered: Arc<Notify>,
}

struct FeedSubscription {
    panel: usize,
    feed: Arc<Feed>,
    /// The feed's `answer_count` when its state was collected last.
    seen_answers: u64,
}

impl FeedSubscriptions {
    /// Subscribes to the feeds of the page's panels.
    pub(super) fn for_page(page: &Page, bindings: &Bindings, sources: &Sources, feeds: &Feeds) -> Self {
        let queried = page.panels.iter().enumerate().filter_map(|(index, panel)| Some((index, panel.source.as_ref()?)));
        let (panels, keys): (Vec<_>, Vec<_>) = queried
            .map(|(panel, source)| {
                (panel, FeedKey { query: sources.bind(&source.source, &source.query, bindings), every: source.every })
            })
            .unzip();
        let answered = Arc::new(Notify::new());
        let subscribe = |(panel, feed): (usize, Arc<Feed>)| {
            feed.subscribe(&answered);
            FeedSubscription { panel, feed, seen_answers: 0 }
        };
        let subscriptions = panels.into_iter().zip(feeds.get_or_start_all(keys)).map(subscribe).collect();
        // Some may have run before, and have answers.
        answered.notify_one();
        Self { subscriptions, answered }
    }

    /// Adds the state of each feed that has answered since the last call, with the index of its panel.
    fn collect_updates(&mut self, updates: &mut Vec<(usize, FeedState)>) {
        for FeedSubscription { panel, feed, seen_answers } in &mut self.subscriptions {
            let state = feed.state();
            if *seen_answers != state.answer_count {
                *seen_answers = state.answer_count;
                updates.push((*panel, state.clone()));
            }
        }
    }

    /// Whether one of the queries is being executed.
    fn has_pending_query(&self, now: Timestamp) -> bool {
        self.subscriptions.iter().any(|subscription| subscription.feed.state().due <= now)
    }
}

/// Publishes the feeds' updates to the channel, in batches no closer together than `live.batch_interval`. Never ends by itself.
pub(super) async fn run(channel: &Channel, mut feeds: FeedSubscriptions, settings: &LiveSettings, clock: &dyn Clock) {
    let answered = Arc::clone(&feeds.answered);
    let (mut updates, mut published_at) = (Vec::new(), None::<Timestamp>);
    loop {
        answered.notified().await;
        feeds.collect_updates(&mut updates);
        // Those that are due at the same moment and answer at once have answered after this, …
        tokio::task::yield_now().await;
        feeds.collect_updates(&mut updates);
        if feeds.has_pending_query(clock.now()) {
            // … and others soon. Real time, not the clock's: it is about what is on its way.
            let stragglers = async {
                while feeds.has_pending_query(clock.now()) {
                    answered.notified().await;
                    feeds.collect_updates(&mut updates);
                }
            };
            let _ = tokio::time::timeout(COALESCE_WINDOW, stragglers).await;
        }
        let due = published_at.map_or(Duration::ZERO, |at| settings.batch_interval.saturating_sub(clock.now().since(at)));
        let mut wait = clock.sleep(due);
        loop {
            tokio::select! {
                biased;
                () = answered.notified() => feeds.collect_updates(&mut updates),
                () = &mut wait => break,
            }
        }
        let now = clock.now();
        channel.publish(&updates, now);
        updates.clear();
        published_at = Some(now);
    }
}
