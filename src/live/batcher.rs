use std::time::Duration;

use super::channel::Channel;
use super::shared_channel;
use crate::domain::{Clock, Timestamp};

/// The time within which answers of feeds that are due at the same moment share one batch.
const COALESCE_WINDOW: Duration = Duration::from_millis(5);

/// Publishes what the channel's feeds answer, in batches no closer together than `interval`, and what other nodes tell of the
/// channel. Never ends by itself.
pub(super) async fn run(channel: &Channel, interval: Duration, clock: &dyn Clock) {
    tokio::join!(publish(channel, interval, clock), shared_channel::follow(channel, || clock.now()));
}

async fn publish(channel: &Channel, interval: Duration, clock: &dyn Clock) {
    let feeds = channel.feeds();
    let mut published_at = None::<Timestamp>;
    loop {
        feeds.answered().await;
        // Those that are due at the same moment and answer at once have answered after this, …
        tokio::task::yield_now().await;
        if feeds.has_pending_query(clock.now()) {
            // … and others soon. Real time, not the clock's: it is about what is on its way.
            let stragglers = async {
                while feeds.has_pending_query(clock.now()) {
                    feeds.answered().await;
                }
            };
            let _ = tokio::time::timeout(COALESCE_WINDOW, stragglers).await;
        }
        let wait = published_at.map_or(Duration::ZERO, |at| interval.saturating_sub(clock.now().since(at)));
        clock.sleep(wait).await;
        // What has been answered until now is in this batch.
        feeds.mark_collected();
        let now = clock.now();
        channel.publish(now);
        published_at = Some(now);
    }
}
