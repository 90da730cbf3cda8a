use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::Timestamp;

/// Limits how many pushes there are a second: as many at once after a second without, and then one after the other.
pub(super) struct PushRate {
    /// The time that each takes.
    interval: Duration,
    /// How far ahead of the time the pushes may get: all of a second but the one that is taken.
    burst: Duration,
    /// Until when the pushes so far take, one after the other.
    taken_until: Mutex<Timestamp>,
}

impl PushRate {
    pub(super) fn new(per_second: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self {
            interval,
            burst: Duration::from_secs(1).saturating_sub(interval),
            taken_until: Mutex::new(Timestamp::from_millis(0)),
        }
    }

    /// Takes a push.
    ///
    /// # Errors
    /// How long until the next is taken.
    pub(super) fn take(&self, now: Timestamp) -> Result<(), Duration> {
        let mut taken_until = self.taken_until.lock().unwrap_or_else(PoisonError::into_inner);
        // What lies more than a second ahead was taken before the clock was set back.
        let ahead = if *taken_until > now + Duration::from_secs(1) { Duration::ZERO } else { taken_until.since(now) };
        if ahead > self.burst {
            return Err(ahead.saturating_sub(self.burst));
        }
        *taken_until = now + ahead + self.interval.max(Duration::from_millis(1));
        Ok(())
    }

    /// Whether any push is not over yet, by the time that it takes.
    pub(super) fn is_in_use(&self, now: Timestamp) -> bool {
        let taken_until = *self.taken_until.lock().unwrap_or_else(PoisonError::into_inner);
        taken_until > now && taken_until <= now + Duration::from_secs(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_taken_as_the_rate_says_and_a_clock_that_is_set_back_stops_nothing() {
        let rate = PushRate::new(10);
        let at = |millis: i64| Timestamp::from_millis(1_800_000_000_000 + millis);
        let taken = |now| (0..20).filter(|_| rate.take(now).is_ok()).count();
        assert_eq!(taken(at(0)), 10, "a second's worth at once");
        assert_eq!(rate.take(at(0)), Err(Duration::from_millis(100)), "and says when there is the next");
        assert_eq!((taken(at(99)), taken(at(100)), taken(at(400))), (0, 1, 3));
        assert_eq!(taken(at(60_000)), 10, "and no more after a minute");
        assert_eq!(taken(at(-86_400_000)), 10);
        let slow = PushRate::new(1);
        assert_eq!((slow.take(at(0)), slow.take(at(400))), (Ok(()), Err(Duration::from_millis(600))));
    }
}
