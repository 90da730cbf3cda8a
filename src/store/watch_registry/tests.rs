#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::watch_table::CHECK_INTERVAL;
use super::*;
use crate::domain::{EndReason, ManualClock, PersonId};
use crate::store::{PostgresFailure, RowEvent, StoreKind};

const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);
const OUTAGE_GRACE: Duration = Duration::from_mins(20);

/// A store of rows in memory that records of every query how many rows it was about.
#[derive(Clone)]
struct FakeRows {
    watch_registry: Arc<WatchRegistry<i64>>,
    clock: Arc<ManualClock>,
    rows: Arc<Mutex<HashMap<i64, RowStatus>>>,
    queries: Arc<Mutex<Vec<usize>>>,
    /// Whether no query is answered.
    is_away: Arc<AtomicBool>,
    /// Queries wait while its one permit is taken.
    gate: Arc<tokio::sync::Semaphore>,
}

#[async_trait]
impl WatchedStore for FakeRows {
    type Id = i64;

    const ROW_NAME: &'static str = "row";

    fn watch_registry(&self) -> &WatchRegistry<i64> {
        &self.watch_registry
    }

    fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    fn outage_grace(&self) -> Duration {
        OUTAGE_GRACE
    }

    async fn row_statuses(&self, rows: &[i64]) -> Result<Vec<(i64, RowStatus)>, StoreError> {
        self.queries.lock().unwrap().push(rows.len());
        if self.is_away.load(Ordering::Relaxed) {
            let kind = StoreKind { name: "test store", if_recreated: "" };
            let (database, failure) = ("postgres://h/d".to_owned(), PostgresFailure::Restarting);
            return Err(StoreError::Postgres { kind, database, failure });
        }
        let answer = {
            let known = self.rows.lock().unwrap();
            rows.iter().filter_map(|row| Some((*row, known.get(row)?.clone()))).collect()
        };
        drop(self.gate.acquire().await);
        Ok(answer)
    }
}

impl FakeRows {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let gate = Arc::new(tokio::sync::Semaphore::new(1));
        let (rows, queries) = (Arc::default(), Arc::default());
        Self { watch_registry: Arc::default(), clock, rows, queries, is_away: Arc::default(), gate }
    }

    fn write(&self, row: i64, person: &Person) {
        let person = serde_json::to_vec(person).unwrap();
        self.set(row, RowStatus::Valid { until: START + Duration::from_hours(1), person });
    }

    fn set(&self, row: i64, status: RowStatus) {
        self.rows.lock().unwrap().insert(row, status);
    }

    fn watch(&self, row: i64, known: &Person) -> RowWatch {
        WatchRegistry::watch(self, row, known)
    }

    /// Waits until all tasks have done what there is to do now.
    async fn rests(&self) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    fn take_queries(&self) -> Vec<usize> {
        std::mem::take(&mut *self.queries.lock().unwrap())
    }
}

fn alice(name: &str) -> Person {
    Person { id: PersonId::new("objectGUID:1"), display_name: name.into(), ..Person::named("alice") }
}

async fn next_event(watch: &mut RowWatch) -> Option<RowEvent> {
    tokio::select! {
        biased;
        event = watch.next_event() => Some(event),
        () = async { for _ in 0..100 { tokio::task::yield_now().await } } => None,
    }
}

#[tokio::test]
async fn many_rows_are_checked_by_few_queries() {
    let store = FakeRows::new();
    (0..1_000).for_each(|row| store.write(row, &alice("Alice")));
    let watches: Vec<_> = (0..1_000).map(|row| store.watch(row, &alice("Alice"))).collect();
    store.rests().await;
    assert_eq!(store.take_queries(), [256, 256, 256, 232], "they came at once");
    store.clock.advance(CHECK_INTERVAL / 2);
    store.rests().await;
    assert_eq!(store.take_queries(), [0; 0]);
    store.clock.advance(CHECK_INTERVAL / 2);
    store.rests().await;
    assert_eq!(store.take_queries(), [256, 256, 256, 232]);
    drop(watches);
    store.rests().await;
    assert_eq!(store.watch_registry.len(), 0);
    store.clock.advance(CHECK_INTERVAL);
    store.rests().await;
    assert_eq!(store.take_queries(), [0; 0], "nobody is there");
    let _again = store.watch(1, &alice("Alice"));
    store.rests().await;
    assert_eq!(store.take_queries(), [1], "and somebody is again");
}

#[tokio::test]
async fn two_who_know_their_person_otherwise_both_come_to_know_them() {
    for (now, expected) in [("Old", [None, Some("Old")]), ("New", [Some("New"), None]), ("Newest", [Some("Newest"); 2])] {
        let store = FakeRows::new();
        store.write(1, &alice("Old"));
        let mut first = store.watch(1, &alice("Old"));
        store.rests().await;
        store.write(1, &alice(now));
        let mut second = store.watch(1, &alice("New"));
        store.rests().await;
        for (watch, expected) in [&mut first, &mut second].into_iter().zip(expected) {
            let event = next_event(watch).await;
            // To receive what is known already does no harm.
            let known = event == Some(RowEvent::Changed(alice(now)));
            assert!(known || expected.is_none() && event.is_none(), "{event:?}, expected {expected:?} of {now}");
        }
    }
}

#[tokio::test]
async fn who_comes_while_a_change_is_read_hears_of_it_too() {
    let store = FakeRows::new();
    store.write(1, &alice("Old"));
    let mut first = store.watch(1, &alice("Old"));
    store.rests().await;
    let closed = Arc::clone(&store.gate).acquire_owned().await.unwrap();
    store.write(1, &alice("New"));
    store.watch_registry.shared.hear(RowNews::Changed(1));
    store.rests().await;
    let mut second = store.watch(1, &alice("Old"));
    drop(closed);
    assert_eq!(next_event(&mut first).await, Some(RowEvent::Changed(alice("New"))));
    assert_eq!(next_event(&mut second).await, Some(RowEvent::Changed(alice("New"))));

    // The same where the first has gone by then, and the row is begun anew.
    let closed = Arc::clone(&store.gate).acquire_owned().await.unwrap();
    store.write(1, &alice("Newest"));
    store.watch_registry.shared.hear(RowNews::Changed(1));
    store.rests().await;
    drop((first, second));
    let mut third = store.watch(1, &alice("New"));
    drop(closed);
    assert_eq!(next_event(&mut third).await, Some(RowEvent::Changed(alice("Newest"))));
}

#[tokio::test]
async fn a_clock_that_was_set_back_puts_no_row_off() {
    let store = FakeRows::new();
    (0..1_000).for_each(|row| store.write(row, &alice("Alice")));
    let _watches: Vec<_> = (0..1_000).map(|row| store.watch(row, &alice("Alice"))).collect();
    store.rests().await;
    store.take_queries();
    store.clock.set_back(Duration::from_hours(24));
    store.clock.advance(CHECK_INTERVAL);
    store.rests().await;
    assert_eq!(store.take_queries(), [256, 256, 256, 232], "all of them, and each once");
}

#[tokio::test]
async fn what_nobody_could_confirm_and_somebody_did_since_is_no_news() {
    let store = FakeRows::new();
    store.write(1, &alice("Alice"));
    let mut watch = store.watch(1, &alice("Alice"));
    assert_eq!(next_event(&mut watch).await, None);
    store.set(1, RowStatus::Unconfirmed);
    store.watch_registry.shared.hear(RowNews::Changed(1));
    store.rests().await;
    store.write(1, &alice("Alice"));
    store.watch_registry.shared.hear(RowNews::Changed(1));
    store.rests().await;
    assert_eq!(next_event(&mut watch).await, None);
    store.set(1, RowStatus::Unconfirmed);
    store.watch_registry.shared.hear(RowNews::Changed(1));
    assert_eq!(next_event(&mut watch).await, Some(RowEvent::Unconfirmed));
    assert_eq!(next_event(&mut watch).await, None, "once for each check");
}

#[tokio::test]
async fn a_row_is_checked_when_its_time_is_over_and_after_a_clock_was_set_back() {
    let store = FakeRows::new();
    let person = serde_json::to_vec(&alice("Alice")).unwrap();
    store.set(1, RowStatus::Valid { until: START + Duration::from_secs(10), person });
    let mut watch = store.watch(1, &alice("Alice"));
    assert_eq!(next_event(&mut watch).await, None);
    store.clock.set_back(Duration::from_hours(24));
    store.set(1, RowStatus::Ended(EndReason::Expired));
    store.clock.advance(Duration::from_secs(10));
    assert_eq!(next_event(&mut watch).await, Some(RowEvent::Ended(EndReason::Expired)));
    assert_eq!(next_event(&mut watch).await, Some(RowEvent::Ended(EndReason::Expired)), "and to whoever asks again");
}

/// Lets time pass, a check's interval at a time.
async fn passes(store: &FakeRows, duration: Duration) {
    for _ in 0..duration.as_secs() / CHECK_INTERVAL.as_secs() {
        store.clock.advance(CHECK_INTERVAL);
        store.rests().await;
    }
}

#[tokio::test]
async fn while_the_store_cannot_be_asked_a_row_is_trusted_as_long_as_it_may_and_has_not_ended() {
    let store = FakeRows::new();
    store.write(1, &alice("Alice"));
    let person = serde_json::to_vec(&alice("Alice")).unwrap();
    store.set(2, RowStatus::Valid { until: START + Duration::from_mins(5), person });
    let (mut long, mut short) = (store.watch(1, &alice("Alice")), store.watch(2, &alice("Alice")));
    store.rests().await;
    store.is_away.store(true, Ordering::Relaxed);
    let mut late = store.watch(3, &alice("Alice"));
    passes(&store, Duration::from_mins(4)).await;
    assert_eq!((next_event(&mut long).await, next_event(&mut short).await), (None, None));
    assert_eq!(next_event(&mut late).await, Some(RowEvent::Unconfirmed), "it was never read");
    passes(&store, Duration::from_mins(1)).await;
    assert_eq!((next_event(&mut long).await, next_event(&mut short).await), (None, Some(RowEvent::Unconfirmed)));
    // Twenty minutes in all.
    passes(&store, Duration::from_mins(14)).await;
    assert_eq!(next_event(&mut long).await, None);
    passes(&store, Duration::from_mins(1)).await;
    assert_eq!(next_event(&mut long).await, Some(RowEvent::Unconfirmed));

    drop((short, late));
    store.is_away.store(false, Ordering::Relaxed);
    passes(&store, CHECK_INTERVAL).await;
    store.set(1, RowStatus::Ended(EndReason::Revoked));
    store.watch_registry.shared.hear(RowNews::Changed(1));
    assert_eq!(next_event(&mut long).await, Some(RowEvent::Ended(EndReason::Revoked)), "it was watched all the time");
}

#[tokio::test]
async fn where_news_may_have_been_missed_every_row_is_checked_at_once() {
    let store = FakeRows::new();
    (0..300).for_each(|row| store.write(row, &alice("Alice")));
    let mut watches: Vec<_> = (0..300).map(|row| store.watch(row, &alice("Alice"))).collect();
    store.rests().await;
    store.take_queries();
    store.set(7, RowStatus::Ended(EndReason::Revoked));
    store.watch_registry.shared.hear(RowNews::Missed);
    assert_eq!(next_event(&mut watches[7]).await, Some(RowEvent::Ended(EndReason::Revoked)));
    assert_eq!(store.take_queries(), [256, 44], "each once");
}
