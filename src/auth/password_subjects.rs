mod memory;
mod postgres;
mod store;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::ShortLivedStore;
use crate::domain::{Clock, Person, PersonId, Revalidation, Timestamp};
use crate::store::{PeopleBatch, StoreError};
use memory::MemoryPasswordSubjects;
use store::{PasswordSubjectStore, Proof};

/// How much longer than asked for a proof is kept where nodes share them: a script that asks every second does not write every
/// second.
const EXTENSION_STEP: Duration = Duration::from_secs(30);

/// The most people whose last extension is remembered; then all are forgotten, and written once more.
const MAX_EXTENSIONS: usize = 4096;

/// The people who have proved themselves by a password, or a response made from one, and have no session for it: as they were
/// described last, for as long as something lasts that was made from it. So the directory is asked about them too.
pub(super) struct PasswordSubjects {
    clock: Arc<dyn Clock>,
    store: Box<dyn PasswordSubjectStore>,
    /// Until when the proofs last that this node wrote into a shared store; `None` where each is written.
    extensions: Option<Mutex<HashMap<PersonId, Timestamp>>>,
}

impl PasswordSubjects {
    /// Those of this server alone.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, store: Box::new(MemoryPasswordSubjects::default()), extensions: None }
    }

    /// Those of all nodes.
    pub(super) fn shared(clock: Arc<dyn Clock>, store: &ShortLivedStore) -> Self {
        Self { clock, store: Box::new(store.clone()), extensions: Some(Mutex::default()) }
    }

    /// Inserts somebody who was described so just now, and whose proof lasts until then. A longer one of theirs goes on.
    pub(super) async fn insert(&self, person: &Person, revalidation: Revalidation, until: Timestamp) -> Result<(), StoreError> {
        self.extend(person, revalidation, until).await?;
        self.describe(std::slice::from_ref(person)).await
    }

    /// Likewise for somebody who was described so a while ago: who is there already may be known better.
    pub(super) async fn extend(&self, person: &Person, revalidation: Revalidation, until: Timestamp) -> Result<(), StoreError> {
        let now = self.clock.now();
        let Some(extensions) = &self.extensions else {
            return self.store.extend(person, Proof { revalidation, until }, now).await;
        };
        if lock(extensions).get(&person.id).is_some_and(|written| until <= *written) {
            return Ok(());
        }
        let until = until + EXTENSION_STEP;
        self.store.extend(person, Proof { revalidation, until }, now).await?;
        let mut extensions = lock(extensions);
        if extensions.len() >= MAX_EXTENSIONS {
            extensions.clear();
        }
        extensions.insert(person.id.clone(), until);
        Ok(())
    }

    /// The person as described last, while something of theirs lasts.
    pub(super) async fn get(&self, person: &PersonId) -> Result<Option<Person>, StoreError> {
        self.store.get(person, self.clock.now()).await
    }

    /// Removes somebody. `false` when nothing of theirs lasted.
    pub(super) async fn remove(&self, person: &PersonId) -> Result<bool, StoreError> {
        if let Some(extensions) = &self.extensions {
            lock(extensions).remove(person);
        }
        self.store.remove(person, self.clock.now()).await
    }

    /// Describes those of these people anew who are among them.
    pub(super) async fn describe(&self, people: &[Person]) -> Result<(), StoreError> {
        self.store.describe(people).await
    }

    /// The next people, at most `limit`, whom the directory is to be asked about, by their ids in order from behind `after` on.
    pub(super) async fn people(&self, after: Option<&PersonId>, limit: usize) -> Result<PeopleBatch, StoreError> {
        self.store.people(after, limit, self.clock.now()).await
    }

    /// The number of people, at most: some may have nothing any more.
    pub(super) async fn count(&self) -> Result<usize, StoreError> {
        self.store.count().await
    }
}

/// Locks the map; a panic elsewhere leaves it whole.
fn lock(extensions: &Mutex<HashMap<PersonId, Timestamp>>) -> MutexGuard<'_, HashMap<PersonId, Timestamp>> {
    extensions.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::memory::MAX_SUBJECTS;
    use super::*;
    use crate::auth::short_lived::tests::two_nodes;
    use crate::domain::ManualClock;

    const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);

    fn person(name: &str) -> Person {
        Person { id: PersonId::new(name), ..Person::named(name) }
    }

    async fn get(subjects: &PasswordSubjects, name: &str) -> Option<Person> {
        subjects.get(&PersonId::new(name)).await.unwrap()
    }

    /// In memory, and where there is a server, on two nodes.
    async fn all(clock: &Arc<ManualClock>) -> Vec<[Arc<PasswordSubjects>; 2]> {
        let alone = Arc::new(PasswordSubjects::new(clock.clone()));
        let mut all = vec![[Arc::clone(&alone), alone]];
        if let Some((here, there)) = two_nodes().await {
            all.push([here, there].map(|store| Arc::new(PasswordSubjects::shared(clock.clone(), &store))));
        }
        all
    }

    #[tokio::test]
    async fn they_are_asked_about_in_order_while_something_of_theirs_lasts_and_somebody_can() {
        let clock = Arc::new(ManualClock::at(START));
        for [here, there] in all(&clock).await {
            let began = clock.now();
            for (count, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
                let until = began + Duration::from_mins(if name == "d" { 9 } else { 2 });
                let unasked = if count == 1 { Revalidation::Unrefreshed } else { Revalidation::Refreshed };
                here.insert(&person(name), unasked, until).await.unwrap();
            }
            let outdated = Person { display_name: "Old".into(), ..person("d") };
            there.extend(&outdated, Revalidation::Refreshed, began).await.unwrap();
            assert_eq!(get(&there, "d").await, Some(person("d")));
            let names = async |after: Option<&str>, limit| {
                let batch = there.people(after.map(PersonId::new).as_ref(), limit).await.unwrap();
                let names: Vec<_> = batch.people.into_iter().map(|person| person.username).collect();
                (names, batch.next_after.is_some())
            };
            assert_eq!(names(None, 2).await, (vec!["a".into(), "c".into()], true));
            assert_eq!(names(Some("c"), 2).await, (vec!["d".into()], false));
            assert!(get(&there, "b").await.is_some());
            clock.advance(Duration::from_mins(3));
            assert_eq!(names(None, 2).await, (vec!["d".into()], false), "the longer of two lasts");
            assert!(get(&there, "b").await.is_none());
            here.describe(&[Person { display_name: "Dora".into(), ..person("d") }, person("e")]).await.unwrap();
            assert_eq!(get(&there, "d").await.unwrap().display_name, "Dora");
            let [dora, alice] = ["d", "a"].map(PersonId::new);
            assert!(here.remove(&dora).await.unwrap() && !here.remove(&alice).await.unwrap());
            assert!(get(&there, "d").await.is_none());
        }
    }

    #[tokio::test]
    async fn a_script_that_asks_every_second_is_never_without_its_proof_and_not_written_each_time() {
        let clock = Arc::new(ManualClock::at(START));
        let Some((here, _)) = two_nodes().await else { return };
        let subjects = PasswordSubjects::shared(clock.clone(), &here);
        for _ in 0..100 {
            let until = clock.now() + Duration::from_secs(10);
            subjects.extend(&person("a"), Revalidation::Refreshed, until).await.unwrap();
            clock.advance(Duration::from_secs(9));
            assert!(get(&subjects, "a").await.is_some());
        }
    }

    #[tokio::test]
    async fn there_is_room_for_so_many_in_memory_and_who_ends_soonest_goes() {
        let subjects = PasswordSubjects::new(Arc::new(ManualClock::at(START)));
        for count in 0..=MAX_SUBJECTS {
            let until = START + Duration::from_secs(u64::try_from(count).unwrap() + 1);
            subjects.insert(&person(&count.to_string()), Revalidation::Refreshed, until).await.unwrap();
        }
        assert_eq!(subjects.count().await.unwrap(), MAX_SUBJECTS);
        assert!(get(&subjects, "0").await.is_none() && get(&subjects, "1").await.is_some());
    }
}
