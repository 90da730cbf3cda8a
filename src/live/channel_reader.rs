use std::sync::Arc;

use tokio::sync::watch;

use super::channel::{ChannelEnd, ChannelHead};
use super::cursor::Cursor;
use super::message::{ChannelPosition, EncodedMessage};
use super::subscription::{Subscription, ViewerSubscription};
use crate::telemetry::LiveMetrics;

/// Reads a channel message by message, and waits for the next one; for viewers that pull, as streams of events do.
pub struct ChannelReader {
    cursor: Cursor,
    _subscription: ViewerSubscription,
    head: watch::Receiver<ChannelHead>,
}

impl ChannelReader {
    /// A reader that resumes at `position`, if the channel still holds all that came after it; otherwise it begins with a
    /// snapshot.
    pub fn new(subscription: Subscription, position: Option<&ChannelPosition>) -> Self {
        let channel = Arc::clone(subscription.channel());
        let head = channel.head();
        Self { cursor: Cursor::new(channel, position), _subscription: subscription.into_viewer(), head }
    }

    /// The `hello` message: the channel's position, and the `revision` of the page that is served now.
    pub fn hello(&self, revision: &str) -> Arc<EncodedMessage> {
        Arc::new(self.cursor.channel().hello(revision))
    }

    /// The metrics of the live channels.
    pub(super) fn metrics(&self) -> &LiveMetrics {
        self.cursor.channel().metrics()
    }

    /// Whether everything that was missed will be replayed.
    pub(super) fn is_resuming(&self) -> bool {
        self.cursor.is_resuming()
    }

    /// The message of a heartbeat.
    pub(super) fn ping_message(&self) -> Arc<EncodedMessage> {
        Arc::clone(self.cursor.channel().ping_message())
    }

    /// Waits until the channel ends while it has viewers, and returns why.
    pub(super) async fn wait_for_end(&self) -> ChannelEnd {
        let mut head = self.head.clone();
        loop {
            head.mark_unchanged();
            if let Some(end) = self.cursor.channel().ended() {
                return end;
            }
            let _ = head.changed().await;
        }
    }

    /// Waits for the next message: every batch in order while the ring holds it, one snapshot when it does not; `None` when
    /// the channel has ended. Cancelling this loses nothing.
    pub async fn next(&mut self) -> Option<Arc<EncodedMessage>> {
        loop {
            self.head.mark_unchanged();
            if self.cursor.channel().ended().is_some() {
                return None;
            }
            if let Some(message) = self.cursor.next_message() {
                return Some(message);
            }
            // The sender lives in the channel, which the cursor holds: it cannot be gone.
            let _ = self.head.changed().await;
        }
    }
}
