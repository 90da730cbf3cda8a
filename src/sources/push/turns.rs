use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::rate_limit::PushRate;
use crate::domain::{PersonId, Timestamp};

/// The most bodies that an endpoint takes at a time: each is in memory until it is written down …
const MAX_BODIES: usize = 16;

/// … and the most of one person, so that slow ones of theirs shut out nobody.
const MAX_BODIES_OF_PERSON: usize = 12;

/// How long until another is worth a try, where as many bodies are taken as there may be.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// From so many people on, those are forgotten who have pushed nothing within the last second.
const MANY_PEOPLE: usize = 256;

/// The turns of an endpoint: so many a second are a person's own, and all people together have half as many more, so that nobody
/// takes those of the others.
pub(super) struct PushTurns {
    per_second: u32,
    all: TurnLimit,
    people: Mutex<HashMap<PersonId, TurnLimit>>,
}

/// A turn to push, which is to be kept for as long as the body is in memory.
pub struct PushTurn {
    _permits: [OwnedSemaphorePermit; 2],
}

/// How many pushes there may be a second, and how many bodies at a time.
struct TurnLimit {
    rate: PushRate,
    bodies: Arc<Semaphore>,
}

impl PushTurns {
    /// The turns of an endpoint where everybody has so many a second.
    pub(super) fn new(per_second: u32) -> Self {
        let all = TurnLimit::new(per_second + per_second.div_ceil(2), MAX_BODIES);
        Self { per_second, all, people: Mutex::default() }
    }

    /// Takes a turn of a person.
    ///
    /// # Errors
    /// How long until the next may be taken.
    pub(super) fn take(&self, person: &PersonId, now: Timestamp) -> Result<PushTurn, Duration> {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        if people.len() >= MANY_PEOPLE {
            people.retain(|_, limit| limit.is_in_use(now));
        }
        let own = people.entry(person.clone()).or_insert_with(|| TurnLimit::new(self.per_second, MAX_BODIES_OF_PERSON));
        let of_person = own.take(now)?;
        let of_all = self.all.take(now)?;
        Ok(PushTurn { _permits: [of_person, of_all] })
    }
}

impl TurnLimit {
    fn new(per_second: u32, bodies: usize) -> Self {
        Self { rate: PushRate::new(per_second), bodies: Arc::new(Semaphore::new(bodies)) }
    }

    fn take(&self, now: Timestamp) -> Result<OwnedSemaphorePermit, Duration> {
        let permit = Arc::clone(&self.bodies).try_acquire_owned().map_err(|_| RETRY_AFTER)?;
        self.rate.take(now)?;
        Ok(permit)
    }

    /// Whether anything of a person's limit is taken.
    fn is_in_use(&self, now: Timestamp) -> bool {
        self.bodies.available_permits() < MAX_BODIES_OF_PERSON || self.rate.is_in_use(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    #[test]
    fn whoever_pushes_without_end_takes_nobody_else_s_turns() {
        let (loops, server) = (PersonId::new("id:1"), PersonId::new("id:2"));
        for per_second in [1, 2, 10] {
            let turns = PushTurns::new(per_second);
            assert_eq!((0..100).filter(|_| turns.take(&loops, NOW).is_ok()).count(), per_second as usize);
            assert!(turns.take(&server, NOW).is_ok());
            let next = NOW + Duration::from_secs(1);
            assert!(turns.take(&loops, next).is_ok() && turns.take(&server, next).is_ok());
        }
    }

    #[test]
    fn of_bodies_that_do_not_end_there_are_a_few_and_others_have_room() {
        let (slow, server) = (PersonId::new("id:1"), PersonId::new("id:2"));
        let turns = PushTurns::new(1_000);
        let held = |person| (0..100).filter_map(|_| turns.take(person, NOW).ok()).collect::<Vec<_>>();
        let theirs = held(&slow);
        assert_eq!((theirs.len(), held(&server).len()), (MAX_BODIES_OF_PERSON, MAX_BODIES - MAX_BODIES_OF_PERSON));
        drop(theirs);
        assert!(turns.take(&slow, NOW).is_ok());
    }

    #[test]
    fn who_pushes_no_more_is_forgotten() {
        let turns = PushTurns::new(10);
        let person = |number: usize| PersonId::new(format!("id:{number}"));
        let _held = turns.take(&person(0), NOW);
        for number in 1..2 * MANY_PEOPLE {
            drop(turns.take(&person(number), NOW + Duration::from_mins(1)));
        }
        drop(turns.take(&person(1), NOW + Duration::from_mins(2)));
        let people = turns.people.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(people.len() == 2 && people.contains_key(&person(0)), "{}", people.len());
    }
}
