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
const GATHER: Duration = Duration::from_millis(5);

/// The feeds that a page's panels hang on.
pub(super) struct Subscriptions {
    all: Vec<Subscription>,
    /// Rung at every answer of any of them.
    bell: Arc<Notify>,
}

struct Subscription {
    panel: usize,
    feed: Arc<Feed>,
    /// Up to which of the feed's answers the channel has heard.
    heard: u64,
}

impl Subscriptions {
    /// Joins the feeds that the page's panels hang on.
    pub(super) fn of(page: &Page, bindings: &Bindings, sources: &Sources, feeds: &Feeds) -> Self {
        let asked = page.panels.iter().enumerate().filter_map(|(at, panel)| Some((at, panel.source.as_ref()?)));
        let (panels, keys): (Vec<_>, Vec<_>) = asked
            .map(|(panel, from)| {
                (panel, FeedKey { query: sources.bind(&from.source, &from.query, bindings), every: from.every })
            })
            .unzip();
        let bell = Arc::new(Notify::new());
        let subscribe = |(panel, feed): (usize, Arc<Feed>)| {
            feed.rings(&bell);
            Subscription { panel, feed, heard: 0 }
        };
        let all = panels.into_iter().zip(feeds.join(keys)).map(subscribe).collect();
        // Others may have asked some of them before.
        bell.notify_one();
        Self { all, bell }
    }

    /// Adds what has been said since it was heard last.
    fn hear(&mut self, news: &mut Vec<(usize, FeedState)>) {
        for Subscription { panel, feed, heard } in &mut self.all {
            let state = feed.state();
            if *heard != state.answers {
                *heard = state.answers;
                news.push((*panel, state.clone()));
            }
        }
    }

    /// Whether one of them is being asked.
    fn expect_more(&self, now: Timestamp) -> bool {
        self.all.iter().any(|subscription| subscription.feed.state().due <= now)
    }
}

/// Carries what the feeds say into the channel, in batches no closer together than the interval. Never ends by itself.
pub(super) async fn pump(channel: &Channel, mut feeds: Subscriptions, settings: &LiveSettings, clock: &dyn Clock) {
    let bell = Arc::clone(&feeds.bell);
    let (mut news, mut told_at) = (Vec::new(), None::<Timestamp>);
    loop {
        bell.notified().await;
        feeds.hear(&mut news);
        // Those that are due at the same moment and answer at once have answered after this, …
        tokio::task::yield_now().await;
        feeds.hear(&mut news);
        if feeds.expect_more(clock.now()) {
            // … and others soon. Real time, not the clock's: it is about what is on its way.
            let rest = async {
                while feeds.expect_more(clock.now()) {
                    bell.notified().await;
                    feeds.hear(&mut news);
                }
            };
            let _ = tokio::time::timeout(GATHER, rest).await;
        }
        let due = told_at.map_or(Duration::ZERO, |at| settings.batch_interval.saturating_sub(clock.now().since(at)));
        let mut wait = clock.sleep(due);
        loop {
            tokio::select! {
                biased;
                () = bell.notified() => feeds.hear(&mut news),
                () = &mut wait => break,
            }
        }
        let now = clock.now();
        channel.tell(&news, now);
        news.clear();
        told_at = Some(now);
    }
}
