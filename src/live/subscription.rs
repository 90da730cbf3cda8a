use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::channel::{Channel, InitialState};
use super::writer_shards::WriterShards;

/// A channel, and all who use it.
pub(super) struct RunningChannel {
    pub(super) channel: Arc<Channel>,
    /// The viewers over WebSockets.
    pub(super) shards: Arc<WriterShards>,
    pub(super) counts: watch::Sender<SubscriberCounts>,
}

/// How many subscriptions a channel has, and how many of them belong to live connections.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SubscriberCounts {
    pub(super) subscribers: usize,
    pub(super) viewers: usize,
}

/// A subscription to a channel. The channel and its feeds run while there is one, and for a grace time after.
pub struct Subscription {
    running: Arc<RunningChannel>,
}

impl Subscription {
    pub(super) fn new(running: Arc<RunningChannel>) -> Self {
        running.counts.send_modify(|counts| counts.subscribers += 1);
        Self { running }
    }

    /// The channel's current state, for the first paint.
    pub fn initial_state(&self) -> InitialState {
        self.channel().initial_state()
    }

    /// Resolves once every panel has something to show, or after `timeout`.
    pub async fn wait_until_complete(&self, timeout: Duration) {
        // Real time, not the clock's: a visitor waits for this page in real time. Late panels arrive on the socket.
        let _ = tokio::time::timeout(timeout, self.channel().wait_until_complete()).await;
    }

    /// The number of live connections to this channel.
    pub fn viewers(&self) -> usize {
        self.running.counts.borrow().viewers
    }

    pub(super) fn into_viewer(self) -> ViewerSubscription {
        self.running.counts.send_modify(|counts| counts.viewers += 1);
        ViewerSubscription { subscription: self }
    }

    pub(super) fn channel(&self) -> &Arc<Channel> {
        &self.running.channel
    }

    pub(super) fn shards(&self) -> &Arc<WriterShards> {
        &self.running.shards
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.running.counts.send_modify(|counts| counts.subscribers -= 1);
    }
}

/// The subscription of a live connection, counted among the channel's viewers.
pub(super) struct ViewerSubscription {
    subscription: Subscription,
}

impl Drop for ViewerSubscription {
    fn drop(&mut self) {
        self.subscription.running.counts.send_modify(|counts| counts.viewers -= 1);
    }
}
