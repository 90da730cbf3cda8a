use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::{Clock, Person, PersonId, Revalidation, Timestamp};
use crate::store::PeopleBatch;

/// The most people: more than any company's scripts have within the minutes that such a proof lasts. Who is forgotten for want of
/// room proves themselves anew.
const MAX_SUBJECTS: usize = 4096;

/// The people who have proved themselves by a password, or a response made from one, and have no session for it: as they were
/// described last, for as long as something lasts that was made from it. So the directory is asked about them too.
///
/// In memory alone: after a restart such scripts ask for another signed token.
pub(super) struct PasswordSubjects {
    clock: Arc<dyn Clock>,
    subjects: Mutex<BTreeMap<String, PasswordSubject>>,
}

struct PasswordSubject {
    person: Person,
    until: Timestamp,
    revalidation: Revalidation,
}

impl PasswordSubjects {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, subjects: Mutex::default() }
    }

    /// Inserts somebody who was described so just now, and whose proof lasts until then. A longer one of theirs goes on.
    pub(super) fn insert(&self, person: &Person, revalidation: Revalidation, until: Timestamp) {
        self.extend(person, revalidation, until);
        self.describe(std::slice::from_ref(person));
    }

    /// Likewise for somebody who was described so a while ago: who is there already may be known better.
    pub(super) fn extend(&self, person: &Person, revalidation: Revalidation, until: Timestamp) {
        let now = self.clock.now();
        let mut subjects = self.lock();
        if let Some(subject) = subjects.get_mut(person.id.as_str()) {
            subject.until = subject.until.max(until);
            subject.revalidation = revalidation;
            return;
        }
        if subjects.len() >= MAX_SUBJECTS {
            subjects.retain(|_, subject| now < subject.until);
        }
        if subjects.len() >= MAX_SUBJECTS {
            let soonest = subjects.iter().min_by_key(|(_, subject)| subject.until).map(|(id, _)| id.clone());
            soonest.map(|id| subjects.remove(&id));
        }
        subjects.insert(person.id.as_str().to_owned(), PasswordSubject { person: person.clone(), until, revalidation });
    }

    /// The person as described last, while something of theirs lasts.
    pub(super) fn get(&self, person: &PersonId) -> Option<Person> {
        let now = self.clock.now();
        let subjects = self.lock();
        subjects.get(person.as_str()).filter(|subject| now < subject.until).map(|subject| subject.person.clone())
    }

    /// Removes somebody. `false` when nothing of theirs lasted.
    pub(super) fn remove(&self, person: &PersonId) -> bool {
        let now = self.clock.now();
        self.lock().remove(person.as_str()).is_some_and(|subject| now < subject.until)
    }

    /// Describes those of these people anew who are among them.
    pub(super) fn describe(&self, people: &[Person]) {
        let mut subjects = self.lock();
        for person in people {
            if let Some(subject) = subjects.get_mut(person.id.as_str()) {
                subject.person.clone_from(person);
            }
        }
    }

    /// The next people, at most `limit`, whom the directory is to be asked about, by their ids in order from behind `after` on.
    pub(super) fn people(&self, after: Option<&PersonId>, limit: usize) -> PeopleBatch {
        let now = self.clock.now();
        let subjects = self.lock();
        let from = after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.as_str()));
        let asked = subjects.range::<str, _>((from, Bound::Unbounded)).map(|(_, subject)| subject);
        let mut asked = asked.filter(|subject| now < subject.until && subject.revalidation == Revalidation::Refreshed);
        let people: Vec<Person> = asked.by_ref().take(limit).map(|subject| subject.person.clone()).collect();
        let has_more = asked.next().is_some();
        PeopleBatch { next_after: people.last().filter(|_| has_more).map(|last| last.id.clone()), people }
    }

    /// The number of people, at most: some may have nothing any more.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Locks the map; a panic elsewhere leaves it whole.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, PasswordSubject>> {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::ManualClock;

    fn person(name: &str) -> Person {
        Person { id: PersonId::new(name), ..Person::named(name) }
    }

    #[test]
    fn they_are_asked_about_in_order_while_something_of_theirs_lasts_and_somebody_can() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(0)));
        let subjects = PasswordSubjects::new(clock.clone());
        for (count, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
            let until = clock.now() + Duration::from_mins(if name == "d" { 9 } else { 1 });
            let unasked = if count == 1 { Revalidation::Unrefreshed } else { Revalidation::Refreshed };
            subjects.insert(&person(name), unasked, until);
        }
        let outdated = Person { display_name: "Old".into(), ..person("d") };
        subjects.extend(&outdated, Revalidation::Refreshed, clock.now());
        assert_eq!(subjects.get(&PersonId::new("d")), Some(person("d")));
        let names = |after: Option<&str>, limit| {
            let batch = subjects.people(after.map(PersonId::new).as_ref(), limit);
            let names: Vec<_> = batch.people.into_iter().map(|person| person.username).collect();
            (names, batch.next_after.is_some())
        };
        assert_eq!(names(None, 2), (vec!["a".into(), "c".into()], true));
        assert_eq!(names(Some("c"), 2), (vec!["d".into()], false));
        assert!(subjects.get(&PersonId::new("b")).is_some());
        clock.advance(Duration::from_mins(1));
        assert_eq!(names(None, 2), (vec!["d".into()], false), "the longer of two lasts");
        assert!(subjects.get(&PersonId::new("b")).is_none());
        subjects.describe(&[Person { display_name: "Dora".into(), ..person("d") }, person("e")]);
        assert_eq!(subjects.get(&PersonId::new("d")).unwrap().display_name, "Dora");
        assert!(subjects.remove(&PersonId::new("d")) && !subjects.remove(&PersonId::new("a")));
    }

    #[test]
    fn there_is_room_for_so_many_and_who_ends_soonest_goes() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(0)));
        let subjects = PasswordSubjects::new(clock.clone());
        for count in 0..=MAX_SUBJECTS {
            let until = clock.now() + Duration::from_secs(u64::try_from(count).unwrap() + 1);
            subjects.insert(&person(&count.to_string()), Revalidation::Refreshed, until);
        }
        assert_eq!(subjects.len(), MAX_SUBJECTS);
        assert!(subjects.get(&PersonId::new("0")).is_none() && subjects.get(&PersonId::new("1")).is_some());
    }
}
