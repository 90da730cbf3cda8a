use std::mem;
use std::time::Duration;

use crate::domain::{Network, NetworkCounts, Timestamp};

/// How long those who were let through are remembered, at least; at most twice as long.
const MEMORY: Duration = Duration::from_secs(30);

/// The strangers that wait, are inside, or were lately: whoever comes again and again has less of a claim than who comes for the
/// first time, though each waits with one request at a time.
#[derive(Default)]
pub(super) struct RecentStrangers {
    counts: NetworkCounts,
    /// Those who have left since the last change of generations, and in the generation before.
    left: [Vec<Network>; 2],
    generation_began_at: Option<Timestamp>,
}

impl RecentStrangers {
    pub(super) fn counts(&self) -> &NetworkCounts {
        &self.counts
    }

    /// Counts one who comes.
    pub(super) fn add(&mut self, network: Network) {
        self.counts.add(network, 1);
    }

    /// Records that one leaves. Who was never inside has had nothing.
    pub(super) fn leave(&mut self, network: Network, was_inside: bool) {
        if was_inside {
            self.left[0].push(network);
        } else {
            self.counts.remove(network, 1);
        }
    }

    /// Forgets those who left long before `now`.
    pub(super) fn forget_old(&mut self, now: Timestamp) {
        if self.generation_began_at.is_some_and(|began_at| now >= began_at && now.since(began_at) < MEMORY) {
            return;
        }
        self.generation_began_at = Some(now);
        let latest = mem::take(&mut self.left[0]);
        for network in mem::replace(&mut self.left[1], latest) {
            self.counts.remove(network, 1);
        }
    }
}
