use std::sync::Arc;

use tokio::sync::watch;

use super::channel::{ChannelHead, ChannelPosition};
use super::cursor::Cursor;
use super::message::EncodedMessage;
use super::subscription::Subscription;
use crate::telemetry::LiveMetrics;

/// One who watches and fetches what comes next, as a stream of events does.
pub struct ChannelReader {
    cursor: Cursor,
    head: watch::Receiver<ChannelHead>,
}

impl ChannelReader {
    /// Watches from `position` on, if the channel still holds all that came after it; otherwise from a snapshot.
    pub fn new(seat: Subscription, position: Option<&ChannelPosition>) -> Self {
        let head = seat.channel().head();
        Self { cursor: Cursor::new(seat, position), head }
    }

    /// The greeting, which says where the channel is, and by `revision` what a page that goes on from there shows.
    pub fn hello(&self, revision: &str) -> Arc<EncodedMessage> {
        Arc::new(self.cursor.channel().hello(revision))
    }

    /// What is counted of it.
    pub(super) fn metrics(&self) -> &LiveMetrics {
        self.cursor.channel().metrics()
    }

    /// Whether all that was missed will be replayed.
    pub(super) fn is_resuming(&self) -> bool {
        self.cursor.is_resuming()
    }

    /// What a silent line is told.
    pub(super) fn ping_message(&self) -> Arc<EncodedMessage> {
        Arc::clone(self.cursor.channel().ping())
    }

    /// What comes next: every batch in order while the ring holds it, one snapshot when it does not; `None` when the
    /// channel broke. Cancelling this loses nothing.
    pub async fn next(&mut self) -> Option<Arc<EncodedMessage>> {
        loop {
            self.head.mark_unchanged();
            if self.cursor.channel().is_broken() {
                return None;
            }
            if let Some(said) = self.cursor.next_message() {
                return Some(said);
            }
            // The sender lives in the channel, which the cursor holds: it cannot be gone.
            let _ = self.head.changed().await;
        }
    }
}
