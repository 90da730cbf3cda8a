use std::sync::Arc;

use super::channel::{Channel, Position};
use super::said::Said;
use super::seat::{Seat, WatchedSeat};

/// Where somebody is in a channel, and nothing else: there is no queue, so being slow costs no memory.
pub(super) struct Cursor {
    seat: WatchedSeat,
    /// The last batch that was taken; `None` before a first snapshot.
    at: Option<u64>,
}

impl Cursor {
    /// Goes on from `position`, if the channel still holds all that came after it; otherwise from a snapshot.
    pub(super) fn new(seat: Seat, position: Option<&Position>) -> Self {
        let at = position.filter(|position| seat.channel().can_resume(position)).map(|position| position.seq);
        Self { seat: seat.watch(), at }
    }

    /// What comes next: every batch in order while the ring holds it, one snapshot when it does not; `None` at the head.
    pub(super) fn advance(&mut self) -> Option<Arc<Said>> {
        let said = self.seat.channel().after(self.at)?;
        self.at = said.position().map(|position| position.seq);
        Some(said)
    }

    /// How many batches it is behind; all of them before a first snapshot.
    pub(super) fn lag(&self) -> u64 {
        self.seat.channel().seq().saturating_sub(self.at.unwrap_or(0))
    }

    /// Whether all that was missed will be replayed.
    pub(super) fn resumes(&self) -> bool {
        self.at.is_some()
    }

    /// The channel it is in.
    pub(super) fn channel(&self) -> &Arc<Channel> {
        self.seat.channel()
    }
}
