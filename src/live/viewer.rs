use std::sync::Arc;

use tokio::sync::watch;

use super::channel::Position;
use super::frame::Frame;
use super::hub::{Seat, WatchedSeat};

/// One who watches: a cursor into a channel, and nothing else. It has no queue, so being slow costs no memory.
pub struct Viewer {
    seat: WatchedSeat,
    head: watch::Receiver<u64>,
    cursor: Option<u64>,
}

impl Viewer {
    /// Watches from `position` on, if the channel still holds all that came after it; otherwise from a snapshot.
    pub fn new(seat: Seat, position: Option<&Position>) -> Self {
        let head = seat.channel().head();
        let cursor = position.filter(|position| seat.channel().can_resume(position)).map(|position| position.seq);
        Self { seat: seat.watch(), head, cursor }
    }

    /// Where it is: what it would resume from.
    pub fn position(&self) -> Position {
        Position { epoch: self.seat.channel().epoch().to_owned(), seq: self.cursor.unwrap_or(0) }
    }

    /// The greeting, which says where the channel is, and by `revision` what a page that goes on from there shows.
    pub fn hello(&self, revision: &str) -> Arc<str> {
        self.seat.channel().hello(revision)
    }

    /// What comes next: every batch in order while the ring holds it, one snapshot when it does not; `None` when the
    /// channel broke. Cancelling this loses nothing.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            self.head.mark_unchanged();
            if self.seat.channel().is_broken() {
                return None;
            }
            if let Some(frame) = self.seat.channel().after(self.cursor) {
                self.cursor = Some(frame.seq);
                return Some(frame);
            }
            // The sender lives in the channel, which the seat holds: it cannot be gone.
            let _ = self.head.changed().await;
        }
    }
}
