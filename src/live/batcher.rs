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

/// Feeds that are due at one moment are told together, when their answers come within this time of one another.
const COALESCE_WINDOW: Duration = Duration::from_millis(5);

/// The feeds that a page's panels hang on.
pub(super) struct FeedSubscriptions {
    subscriptions: Vec<FeedSubscription>,
    /// Rung at every answer of any of them.
    answered: Arc<Notify>,
}

struct FeedSubscription {
    panel: usize,
    feed: Arc<Feed>,
    /// Up to which of the feed's answers the channel has heard.
    seen_answers: u64,
}

impl FeedSubscriptions {
    /// Joins the feeds that the page's panels hang on.
    pub(super) fn for_page(page: &Page, bindings: &Bindings, sources: &Sources, feeds: &Feeds) -> Self {
        let asked = page.panels.iter().enumerate().filter_map(|(at, panel)| Some((at, panel.source.as_ref()?)));
        let (panels, keys): (Vec<_>, Vec<_>) = asked
            .map(|(panel, from)| {
                (panel, FeedKey { query: sources.bind(&from.source, &from.query, bindings), every: from.every })
            })
            .unzip();
        let answered = Arc::new(Notify::new());
        let subscribe = |(panel, feed): (usize, Arc<Feed>)| {
            feed.subscribe(&answered);
            FeedSubscription { panel, feed, seen_answers: 0 }
        };
        let subscriptions = panels.into_iter().zip(feeds.get_or_start_all(keys)).map(subscribe).collect();
        // Others may have asked some of them before.
        answered.notify_one();
        Self { subscriptions, answered }
    }

    /// Adds what has been said since it was heard last.
    fn collect_updates(&mut self, news: &mut Vec<(usize, FeedState)>) {
        for FeedSubscription { panel, feed, seen_answers: heard } in &mut self.subscriptions {
            let state = feed.state();
            if *heard != state.answer_count {
                *heard = state.answer_count;
                news.push((*panel, state.clone()));
            }
        }
    }

    /// Whether one of them is being asked.
    fn has_pending_query(&self, now: Timestamp) -> bool {
        self.subscriptions.iter().any(|subscription| subscription.feed.state().due <= now)
    }
}

/// Carries what the feeds say into the channel, in batches no closer together than the interval. Never ends by itself.
pub(super) async fn run(channel: &Channel, mut feeds: FeedSubscriptions, settings: &LiveSettings, clock: &dyn Clock) {
    let bell = Arc::clone(&feeds.answered);
    let (mut news, mut told_at) = (Vec::new(), None::<Timestamp>);
    loop {
        bell.notified().await;
        feeds.collect_updates(&mut news);
        // Those that are due at the same moment and answer at once have answered after this, …
        tokio::task::yield_now().await;
        feeds.collect_updates(&mut news);
        if feeds.has_pending_query(clock.now()) {
            // … and others soon. Real time, not the clock's: it is about what is on its way.
            let rest = async {
                while feeds.has_pending_query(clock.now()) {
                    bell.notified().await;
                    feeds.collect_updates(&mut news);
                }
            };
            let _ = tokio::time::timeout(COALESCE_WINDOW, rest).await;
        }
        let due = told_at.map_or(Duration::ZERO, |at| settings.batch_interval.saturating_sub(clock.now().since(at)));
        let mut wait = clock.sleep(due);
        loop {
            tokio::select! {
                biased;
                () = bell.notified() => feeds.collect_updates(&mut news),
                () = &mut wait => break,
            }
        }
        let now = clock.now();
        channel.publish(&news, now);
        news.clear();
        told_at = Some(now);
    }
}
