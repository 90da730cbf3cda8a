use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indexmap::IndexMap;
use tokio::sync::watch;

use super::channel::Channel;
use super::initial_state::InitialState;
use super::rendition::Rendition;
use super::writer_shards::WriterShards;
use crate::domain::{Holder, Timestamp};

/// A channel, and all who use it.
pub(super) struct RunningChannel {
    pub(super) channel: Arc<Channel>,
    /// The viewers over WebSockets.
    pub(super) shards: Arc<WriterShards>,
    pub(super) subscribers: watch::Sender<Subscribers>,
    /// Numbers every change of any channel's holder: the lowest is the oldest.
    pub(super) holdings: Arc<AtomicU64>,
}

impl RunningChannel {
    /// Changes who subscribes, and has the channel's queries counted under the same holder as the channel.
    fn change_subscribers(&self, change: impl FnOnce(&mut Subscribers)) {
        let mut new_holder = None;
        self.subscribers.send_if_modified(|subscribers| {
            let (before, was_empty) = (subscribers.holder.clone(), subscribers.is_empty());
            change(subscribers);
            if subscribers.holder != before {
                subscribers.held_since = self.holdings.fetch_add(1, Ordering::Relaxed);
                new_holder = Some(subscribers.holder.clone());
            }
            // Nobody waits for anything else, and a page that many open would wake the channel's task twice each time.
            subscribers.is_empty() != was_empty
        });
        if let Some(holder) = new_holder {
            self.channel.feeds().set_holder(&holder);
        }
    }
}

/// The subscriptions of a channel, and the one of their holders that it is counted under.
#[derive(Debug)]
pub(super) struct Subscribers {
    by_holder: IndexMap<Holder, usize>,
    viewers: usize,
    /// A member wherever there is one, so that strangers hold no more than what they alone use. When the last has gone, it is
    /// still theirs.
    holder: Holder,
    /// The number of the change by which it became the holder's.
    held_since: u64,
}

impl Subscribers {
    /// None yet, of a channel that `holder` starts.
    pub(super) fn counted_under(holder: Holder, held_since: u64) -> Self {
        Self { by_holder: IndexMap::new(), viewers: 0, holder, held_since }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.by_holder.is_empty()
    }

    /// How many holders have some.
    pub(super) fn holders(&self) -> usize {
        self.by_holder.len()
    }

    /// How many of them are live connections.
    pub(super) fn viewers(&self) -> usize {
        self.viewers
    }

    /// The holder that the channel is counted under.
    pub(super) fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Since when the channel is counted under its holder, as a number: the lowest is the oldest.
    pub(super) fn held_since(&self) -> u64 {
        self.held_since
    }

    fn join(&mut self, holder: &Holder) {
        if self.is_empty() || holder.precedence() > self.holder.precedence() {
            self.holder = holder.clone();
        }
        *self.by_holder.entry(holder.clone()).or_default() += 1;
    }

    fn leave(&mut self, holder: &Holder) {
        let Some(count) = self.by_holder.get_mut(holder) else { return };
        *count -= 1;
        if *count > 0 {
            return;
        }
        self.by_holder.swap_remove(holder);
        if self.holder == *holder
            && let Some(next) = self.by_holder.keys().max_by_key(|other| other.precedence())
        {
            self.holder = next.clone();
        }
    }
}

/// A subscription to a channel. The channel and its feeds run while there is one, and for a grace time after.
pub struct Subscription {
    running: Arc<RunningChannel>,
    /// Apart, as each viewer has one for as long as it is there.
    holder: Box<Holder>,
}

impl Subscription {
    pub(super) fn new(running: Arc<RunningChannel>, holder: Holder) -> Self {
        running.change_subscribers(|subscribers| subscribers.join(&holder));
        Self { running, holder: Box::new(holder) }
    }

    /// The channel's current state, for the first paint.
    pub fn initial_state(&self) -> InitialState {
        self.channel().initial_state()
    }

    /// What `render` makes of the channel's current state in this form: once for all who ask, until the state changes or what was
    /// made is no longer true. `None` where it makes none.
    pub fn rendition(
        &self,
        form: &str,
        now: Timestamp,
        render: impl FnOnce(&InitialState) -> Option<Rendition>,
    ) -> Option<Arc<Rendition>> {
        self.channel().rendered_state().rendition(form, now, render)
    }

    /// Resolves once every panel has something to show, or after `timeout`.
    pub async fn wait_until_complete(&self, timeout: Duration) {
        // Real time, not the clock's: a visitor waits for this page in real time. Late panels arrive on the socket.
        let _ = tokio::time::timeout(timeout, self.channel().wait_until_complete()).await;
    }

    /// Resolves once it is known where the channel stands, or after `timeout`: who resumes must not be told of a place that is none
    /// a moment later.
    pub async fn wait_until_decided(&self, timeout: Duration) {
        // Real time, as everything between this node and the bus.
        let _ = tokio::time::timeout(timeout, self.channel().wait_until_decided()).await;
    }

    /// The number of live connections to this channel.
    pub fn viewers(&self) -> usize {
        self.running.subscribers.borrow().viewers
    }

    pub(super) fn into_viewer(self) -> ViewerSubscription {
        self.running.subscribers.send_modify(|subscribers| subscribers.viewers += 1);
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
        self.running.change_subscribers(|subscribers| subscribers.leave(&self.holder));
    }
}

/// The subscription of a live connection, counted among the channel's viewers.
pub(super) struct ViewerSubscription {
    subscription: Subscription,
}

impl ViewerSubscription {
    /// The holder it is counted under.
    pub(super) fn holder(&self) -> &Holder {
        &self.subscription.holder
    }
}

impl Drop for ViewerSubscription {
    fn drop(&mut self) {
        self.subscription.running.subscribers.send_modify(|subscribers| subscribers.viewers -= 1);
    }
}
