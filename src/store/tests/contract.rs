//! The contract that every [`CredentialStore`] has to keep, whatever the kind and whatever the database: `credential_contract!` makes
//! the tests for one.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use crate::domain::{EndReason, Person, PersonEpoch, PersonId, Revalidation, Timestamp};
use crate::store::{CredentialRecord, CredentialStore, EndSelection, PeopleBatch};

const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);
const HOUR: Duration = Duration::from_hours(1);

/// A new, empty store.
pub(crate) struct Subject<R: CredentialRecord> {
    pub(crate) store: Arc<dyn CredentialStore<R>>,
    /// Which give everything two hours.
    pub(crate) lifetimes: R::Lifetimes,
    /// Inserts a credential of a person that began, or was made, at that time.
    pub(crate) insert: Box<dyn Fn(Person, Timestamp) -> futures::future::BoxFuture<'static, R::Id>>,
    /// Whatever has to be kept meanwhile.
    pub(crate) _kept: Box<dyn std::any::Any>,
}

fn person(name: &str) -> Person {
    Person { id: PersonId::new(name), display_name: name.to_uppercase(), ..Person::named(name) }
}

fn ids<R: CredentialRecord>(records: &[R]) -> Vec<R::Id> {
    let mut ids: Vec<_> = records.iter().map(CredentialRecord::id).collect();
    ids.sort_unstable();
    ids
}

fn names(batch: &PeopleBatch) -> Vec<&str> {
    batch.people.iter().map(|person| &*person.username).collect()
}

impl<R: CredentialRecord> Subject<R> {
    async fn has(&self, name: &str, at: Timestamp) -> R::Id {
        (self.insert)(person(name), at).await
    }

    pub(crate) async fn of_many_who_end_one_at_once_one_gets_it(self) {
        let id = self.has("alice", START).await;
        let one = EndSelection::one(id);
        let ended = join_all((0..8).map(|_| self.store.end(&one, EndReason::Revoked, START))).await;
        assert_eq!(ended.into_iter().map(|ended| ended.unwrap().len()).sum::<usize>(), 1);
        let record = self.store.by_ids(&[id]).await.unwrap().pop().unwrap();
        assert_eq!(record.end_reason(), Some(EndReason::Revoked), "an ended one is still found by its id");
        let alive = self.has("bob", START).await;
        let ids = [vec![alive, id], vec![alive; 40_000]].concat();
        assert_eq!(self.store.ended(&ids).await.unwrap(), [(id, EndReason::Revoked)], "of more than SQLite takes values");
        assert_eq!(self.store.by_ids(&ids).await.unwrap().len(), 2);
        assert!(self.store.of_person(&PersonId::new("alice"), self.lifetimes, START).await.unwrap().is_empty());
    }

    pub(crate) async fn all_that_a_selection_says_has_to_hold(self) {
        let (first, kept) = (self.has("alice", START).await, self.has("alice", START).await);
        let later = self.has("alice", START + HOUR).await;
        let other = self.has("bob", START).await;
        let selected = EndSelection {
            person: Some(PersonId::new("alice")),
            kept: Some(kept),
            known_by: Some(START),
            ..EndSelection::all()
        };
        let ended = self.store.end(&selected, EndReason::SignedOut, START + HOUR).await.unwrap();
        assert_eq!(ids(&ended), [first]);
        let since = EndSelection { made_before: Some(PersonEpoch::default()), ..EndSelection::all() };
        assert!(self.store.end(&since, EndReason::Revoked, START + HOUR).await.unwrap().is_empty(), "all are of that epoch");
        let others = EndSelection { id: Some(other), ..selected };
        assert!(self.store.end(&others, EndReason::Revoked, START + HOUR).await.unwrap().is_empty());
        let mut rest = [kept, later, other];
        rest.sort_unstable();
        let before = EndSelection { made_before: Some(PersonEpoch::new(1)), ..EndSelection::all() };
        assert_eq!(ids(&self.store.end(&before, EndReason::Revoked, START + HOUR).await.unwrap()), rest);
    }

    pub(crate) async fn what_has_expired_ends_and_goes_on_no_list(self) {
        let old = self.has("alice", START).await;
        let new = self.has("alice", START + HOUR).await;
        let now = START + 2 * HOUR;
        assert_eq!(ids(&self.store.of_person(&PersonId::new("alice"), self.lifetimes, now).await.unwrap()), [new]);
        let ended = self.store.end_expired(self.lifetimes, now).await.unwrap();
        assert_eq!((ids(&ended), ended[0].end_reason()), (vec![old], Some(EndReason::Expired)));
        assert!(self.store.end_expired(self.lifetimes, now).await.unwrap().is_empty(), "each ends once");
        self.store.delete_ended(now - HOUR).await.unwrap();
        assert_eq!(self.store.by_ids(&[old, new]).await.unwrap().len(), 2);
        self.store.delete_ended(now).await.unwrap();
        assert_eq!(ids(&self.store.by_ids(&[old, new]).await.unwrap()), [new]);
    }

    pub(crate) async fn a_confirmation_describes_what_nothing_later_did(self) {
        let old = self.has("alice", START).await;
        self.has("alice", START + HOUR).await;
        let renamed = Person { display_name: "Alice B.".into(), ..person("alice") };
        let between = START + HOUR / 2;
        assert_eq!(self.store.confirm(std::slice::from_ref(&renamed), between, START + HOUR, None).await.unwrap(), [old]);
        assert!(
            self.store.confirm(std::slice::from_ref(&renamed), between, START + HOUR, None).await.unwrap().is_empty(),
            "it says so already"
        );
        let records = self.store.of_person(&renamed.id, self.lifetimes, START + HOUR).await.unwrap();
        let described = records.into_iter().map(|record| serde_json::from_slice(&record.into_person()).unwrap());
        assert_eq!(described.collect::<Vec<Person>>(), [person("alice"), renamed], "the newest first");
        let batch = self.store.people(None, 9, self.lifetimes, START + HOUR).await.unwrap();
        assert_eq!(batch.people, [person("alice")], "as described last");
        // The clock was set back: what was confirmed after today's time was confirmed before.
        let (set_back, again) = (START - HOUR, Person { display_name: "Alice C.".into(), ..person("alice") });
        assert_eq!(self.store.confirm(std::slice::from_ref(&again), set_back, set_back, None).await.unwrap().len(), 2);
        assert_eq!(self.store.everybody().await.unwrap(), [again]);
    }

    pub(crate) async fn people_come_once_each_in_pages_and_only_who_can_be_asked_about(self) {
        for name in ["c", "a", "b", "b", "d"] {
            self.has(name, START).await;
        }
        let moved = self.store.set_revalidation(&[&PersonId::new("d")], Revalidation::Unrefreshed).await.unwrap();
        assert_eq!(moved.len(), 1);
        assert!(self.store.set_revalidation(&[&PersonId::new("d")], Revalidation::Unrefreshed).await.unwrap().is_empty());
        assert_eq!(self.store.count_people(self.lifetimes, START).await.unwrap(), 3);
        let first = self.store.people(None, 2, self.lifetimes, START).await.unwrap();
        assert_eq!((names(&first), &first.next_after), (vec!["a", "b"], &Some(PersonId::new("b"))));
        let last = self.store.people(first.next_after.as_ref(), 2, self.lifetimes, START).await.unwrap();
        assert_eq!((names(&last), &last.next_after), (vec!["c"], &None));
        assert_eq!(self.store.everybody().await.unwrap().len(), 4);
        assert_eq!(self.store.count_people(self.lifetimes, START + 2 * HOUR).await.unwrap(), 0, "and not of what has expired");
    }

    pub(crate) async fn a_closed_store_is_not_an_empty_one(self) {
        let id = self.has("alice", START).await;
        self.store.close().await;
        assert!(self.store.by_ids(&[id]).await.is_err() && self.store.by_token(&[7; 32]).await.is_err());
        assert!(self.store.end(&EndSelection::one(id), EndReason::Revoked, START).await.is_err());
        assert!(self.store.confirm(&[person("alice")], START, START, None).await.is_err());
    }
}

/// The tests of a store's contract, over what `$subject()` gives.
macro_rules! credential_contract {
    ($subject:path: $($name:ident)*) => { $(
        #[tokio::test]
        async fn $name() {
            // None where there is no server for it.
            if let Some(subject) = $subject().await {
                subject.$name().await;
            }
        }
    )* };
    ($subject:path) => {
        $crate::store::tests::contract::credential_contract! { $subject:
            of_many_who_end_one_at_once_one_gets_it
            all_that_a_selection_says_has_to_hold
            what_has_expired_ends_and_goes_on_no_list
            a_confirmation_describes_what_nothing_later_did
            people_come_once_each_in_pages_and_only_who_can_be_asked_about
            a_closed_store_is_not_an_empty_one
        }
    };
}
pub(crate) use credential_contract;
