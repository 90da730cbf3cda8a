use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::channel::{Channel, Painting};

/// How many have a place at a channel, and how many of them are live connections.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seats {
    pub(super) taken: usize,
    pub(super) watching: usize,
}

/// A place at a channel. The channel and its feeds go on while somebody has one, and for a grace time after.
pub struct Seat {
    channel: Arc<Channel>,
    seats: watch::Sender<Seats>,
}

impl Seat {
    pub(super) fn taken(channel: Arc<Channel>, seats: watch::Sender<Seats>) -> Self {
        seats.send_modify(|seats| seats.taken += 1);
        Self { channel, seats }
    }

    /// The channel as it stands, for the first paint.
    pub fn paint(&self) -> Painting {
        self.channel.paint()
    }

    /// Resolves once every panel has something to show, or after `patience`.
    pub async fn complete_within(&self, patience: Duration) {
        // Real time, not the clock's: a visitor waits for this page in real time. Late panels arrive on the socket.
        let _ = tokio::time::timeout(patience, self.channel.complete()).await;
    }

    /// How many live connections watch this channel.
    pub fn watching(&self) -> usize {
        self.seats.borrow().watching
    }

    pub(super) fn watch(self) -> WatchedSeat {
        self.seats.send_modify(|seats| seats.watching += 1);
        WatchedSeat { seat: self }
    }

    pub(super) fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.send_modify(|seats| seats.taken -= 1);
    }
}

/// The seat of a live connection.
pub(super) struct WatchedSeat {
    seat: Seat,
}

impl WatchedSeat {
    pub(super) fn channel(&self) -> &Arc<Channel> {
        &self.seat.channel
    }
}

impl Drop for WatchedSeat {
    fn drop(&mut self) {
        self.seat.seats.send_modify(|seats| seats.watching -= 1);
    }
}
