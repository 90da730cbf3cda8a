use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::{PersonId, Timestamp};

/// The JWTs that one person is issued at once: a restart of all their scripts.
const BURST: u32 = 60;

/// The time for one more. A script needs one in three minutes, as long as it lives.
const INTERVAL: Duration = Duration::from_secs(1);

/// The people who are looked for when the table is swept of those with nothing to wait for.
const SWEEP_AT: usize = 1_024;

/// The rate at which each person is issued JWTs, whatever they show for it: a token bucket (as GCRA, of which one moment is kept).
#[derive(Default)]
pub(in crate::auth) struct IssueLimit {
    /// The moment at which each person's bucket is full again.
    full_at: Mutex<HashMap<PersonId, Timestamp>>,
}

impl IssueLimit {
    /// Takes one of a person's.
    ///
    /// # Errors
    /// The time until there is another.
    pub(in crate::auth) fn take(&self, person: &PersonId, now: Timestamp) -> Result<(), Duration> {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let capacity = INTERVAL * BURST;
        // One further off was written before the clock was set back.
        let before = full_at.get(person).copied().filter(|at| *at > now && *at <= now + capacity).unwrap_or(now);
        let after = before + INTERVAL;
        if after > now + capacity {
            return Err(after.since(now + capacity));
        }
        if full_at.len() >= SWEEP_AT {
            full_at.retain(|_, at| *at > now);
        }
        full_at.insert(person.clone(), after);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_issued_one_a_second_after_a_burst_and_nobody_else_waits_for_it() {
        let (limit, eve, alice) = (IssueLimit::default(), PersonId::new("eve"), PersonId::new("alice"));
        let mut now = Timestamp::from_millis(1_795_309_126_976);
        let issued = (0..2_141).filter(|_| limit.take(&eve, now).is_ok()).count();
        assert_eq!(issued, 60);
        assert_eq!(limit.take(&eve, now), Err(INTERVAL));
        assert_eq!(limit.take(&alice, now), Ok(()));
        now = now + INTERVAL;
        assert_eq!([limit.take(&eve, now), limit.take(&eve, now)], [Ok(()), Err(INTERVAL)]);
        assert_eq!(limit.take(&eve, now - Duration::from_hours(24)), Ok(()), "the clock was set back");
    }
}
