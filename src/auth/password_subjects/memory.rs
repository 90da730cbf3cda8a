use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::store::{PasswordSubjectStore, Proof};
use crate::domain::{Person, PersonId, Revalidation, Timestamp};
use crate::store::{PeopleBatch, StoreError};

/// The most people: more than any company's scripts have within the minutes that such a proof lasts. Who is forgotten for want of
/// room proves themselves anew.
pub(super) const MAX_SUBJECTS: usize = 4096;

/// The people of this process who have proved themselves by a password: after a restart such scripts ask for another signed token.
#[derive(Default)]
pub(super) struct MemoryPasswordSubjects(Mutex<BTreeMap<String, PasswordSubject>>);

struct PasswordSubject {
    person: Person,
    proof: Proof,
}

#[async_trait]
impl PasswordSubjectStore for MemoryPasswordSubjects {
    async fn extend(&self, person: &Person, proof: Proof, now: Timestamp) -> Result<(), StoreError> {
        let mut subjects = self.lock();
        if let Some(PasswordSubject { proof: before, .. }) = subjects.get_mut(person.id.as_str()) {
            *before = Proof { until: before.until.max(proof.until), ..proof };
            return Ok(());
        }
        if subjects.len() >= MAX_SUBJECTS {
            subjects.retain(|_, subject| now < subject.proof.until);
        }
        if subjects.len() >= MAX_SUBJECTS {
            let soonest = subjects.iter().min_by_key(|(_, subject)| subject.proof.until).map(|(id, _)| id.clone());
            soonest.map(|id| subjects.remove(&id));
        }
        subjects.insert(person.id.as_str().to_owned(), PasswordSubject { person: person.clone(), proof });
        Ok(())
    }

    async fn get(&self, person: &PersonId, now: Timestamp) -> Result<Option<Person>, StoreError> {
        let subjects = self.lock();
        let alive = subjects.get(person.as_str()).filter(|subject| now < subject.proof.until);
        Ok(alive.map(|subject| subject.person.clone()))
    }

    async fn remove(&self, person: &PersonId, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.lock().remove(person.as_str()).is_some_and(|subject| now < subject.proof.until))
    }

    async fn describe(&self, people: &[Person]) -> Result<(), StoreError> {
        let mut subjects = self.lock();
        for person in people {
            if let Some(subject) = subjects.get_mut(person.id.as_str()) {
                subject.person.clone_from(person);
            }
        }
        Ok(())
    }

    async fn people(&self, after: Option<&PersonId>, limit: usize, now: Timestamp) -> Result<PeopleBatch, StoreError> {
        let subjects = self.lock();
        let from = after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.as_str()));
        let asked = subjects.range::<str, _>((from, Bound::Unbounded)).map(|(_, subject)| subject);
        let is_asked = |proof: Proof| now < proof.until && proof.revalidation == Revalidation::Refreshed;
        let mut asked = asked.filter(|subject| is_asked(subject.proof));
        let people: Vec<Person> = asked.by_ref().take(limit).map(|subject| subject.person.clone()).collect();
        let has_more = asked.next().is_some();
        Ok(PeopleBatch { next_after: people.last().filter(|_| has_more).map(|last| last.id.clone()), people })
    }

    async fn count(&self) -> Result<usize, StoreError> {
        Ok(self.lock().len())
    }
}

impl MemoryPasswordSubjects {
    /// Locks the map; a panic elsewhere leaves it whole.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, PasswordSubject>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
