use std::sync::Arc;
use std::time::Duration;

use futures::stream::SelectAll;
use futures::{StreamExt, stream};
use tokio_stream::wrappers::WatchStream;

use super::channel::Channel;
use super::feed::{Feed, FeedKey};
use super::feeds::Feeds;
use crate::config::LiveSettings;
use crate::domain::{Bindings, Clock, Timestamp};
use crate::pages::Page;
use crate::sources::Sources;

/// What a panel hangs on.
pub(super) struct Subscription {
    panel: usize,
    feed: Arc<Feed>,
}

/// Joins the feeds that the page's panels hang on.
pub(super) fn subscribe(page: &Page, bindings: &Bindings, sources: &Sources, feeds: &Feeds) -> Vec<Subscription> {
    let asked = page.panels.iter().enumerate().filter_map(|(at, panel)| Some((at, panel.source.as_ref()?)));
    let (panels, keys): (Vec<_>, Vec<_>) = asked
        .map(|(panel, from)| {
            (panel, FeedKey { query: sources.bind(&from.source, &from.query, bindings), every: from.every })
        })
        .unzip();
    let joined = panels.into_iter().zip(feeds.join(keys));
    joined.map(|(panel, feed)| Subscription { panel, feed }).collect()
}

/// Carries what the feeds say into the channel, in batches no closer together than the interval. Never ends by itself.
pub(super) async fn pump(
    channel: &Channel,
    subscriptions: Vec<Subscription>,
    settings: &LiveSettings,
    clock: &dyn Clock,
) {
    let mut said: SelectAll<_> = subscriptions
        .iter()
        .map(|Subscription { panel, feed }| {
            let panel = *panel;
            WatchStream::new(feed.state.clone()).map(move |state| (panel, state)).boxed()
        })
        .collect();
    // A page of texts alone has nothing to say; it stays for its viewers all the same.
    said.push(stream::pending().boxed());
    let mut told_at: Option<Timestamp> = None;
    while let Some(first) = said.next().await {
        let mut news = vec![first];
        // The feeds of a page are due at the same moment: those that have an answer have said it after this.
        tokio::task::yield_now().await;
        let due = told_at.map_or(Duration::ZERO, |at| settings.batch_interval.saturating_sub(clock.now().since(at)));
        let mut wait = clock.sleep(due);
        loop {
            tokio::select! {
                biased;
                Some(more) = said.next() => news.push(more),
                () = &mut wait => break,
            }
        }
        let now = clock.now();
        channel.tell(&news, now);
        told_at = Some(now);
    }
}
