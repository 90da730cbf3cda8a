use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::channel::{Channel, InitialState};

/// How many have a place at a channel, and how many of them are live connections.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SubscriberCounts {
    pub(super) subscribers: usize,
    pub(super) viewers: usize,
}

/// A place at a channel. The channel and its feeds go on while somebody has one, and for a grace time after.
pub struct Subscription {
    channel: Arc<Channel>,
    counts: watch::Sender<SubscriberCounts>,
}

impl Subscription {
    pub(super) fn new(channel: Arc<Channel>, counts: watch::Sender<SubscriberCounts>) -> Self {
        counts.send_modify(|seats| seats.subscribers += 1);
        Self { channel, counts }
    }

    /// The channel as it stands, for the first paint.
    pub fn initial_state(&self) -> InitialState {
        self.channel.initial_state()
    }

    /// Resolves once every panel has something to show, or after `patience`.
    pub async fn wait_until_complete(&self, patience: Duration) {
        // Real time, not the clock's: a visitor waits for this page in real time. Late panels arrive on the socket.
        let _ = tokio::time::timeout(patience, self.channel.wait_until_complete()).await;
    }

    /// How many live connections watch this channel.
    pub fn viewers(&self) -> usize {
        self.counts.borrow().viewers
    }

    pub(super) fn into_viewer(self) -> ViewerSubscription {
        self.counts.send_modify(|seats| seats.viewers += 1);
        ViewerSubscription { subscription: self }
    }

    pub(super) fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.counts.send_modify(|seats| seats.subscribers -= 1);
    }
}

/// The seat of a live connection.
pub(super) struct ViewerSubscription {
    subscription: Subscription,
}

impl ViewerSubscription {
    pub(super) fn channel(&self) -> &Arc<Channel> {
        &self.subscription.channel
    }
}

impl Drop for ViewerSubscription {
    fn drop(&mut self) {
        self.subscription.counts.send_modify(|seats| seats.viewers -= 1);
    }
}
