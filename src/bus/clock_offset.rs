use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::domain::{Clock, Timestamp};

/// The longest that a question for the server's clock may take: what it answers then is not of this moment any more.
const MAX_ROUND_TRIP: Duration = Duration::from_millis(200);

/// How far this node's clock is before the bus server's. Entries carry the server's time, so that nodes whose clocks differ agree
/// on what is older.
#[derive(Default)]
pub(super) struct ClockOffset {
    millis: AtomicI64,
}

impl ClockOffset {
    /// Learns from the server's clock, which was `theirs` at some moment of a round trip that has just ended.
    pub(super) fn learn(&self, clock: &dyn Clock, theirs: i64, round_trip: Duration) {
        if round_trip <= MAX_ROUND_TRIP {
            let half = i64::try_from(round_trip.as_millis() / 2).unwrap_or_default();
            self.millis.store(clock.now().as_millis() - half - theirs, Ordering::Relaxed);
        }
    }

    /// The server's time at a moment of this node's clock, in milliseconds.
    pub(super) fn to_server(&self, at: Timestamp) -> i64 {
        at.as_millis() - self.millis.load(Ordering::Relaxed)
    }

    /// The moment of this node's clock at a time of the server's.
    pub(super) fn to_node(&self, millis: i64) -> Timestamp {
        Timestamp::from_millis(millis.saturating_add(self.millis.load(Ordering::Relaxed)))
    }
}
