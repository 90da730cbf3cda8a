#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::time::Duration;

use super::watch_table::CHECK_INTERVAL;
use super::*;
use crate::domain::{Groups, ManualClock, PersonId};
use crate::store::RowEvent;

const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);

/// Rows in memory, and how many questions were asked about them, and about how many rows each.
#[derive(Clone)]
struct FakeRows {
    watchers: Arc<WatchRegistry>,
    clock: Arc<ManualClock>,
    rows: Arc<Mutex<HashMap<i64, RowStatus>>>,
    queries: Arc<Mutex<Vec<usize>>>,
    /// Answers are held back while it is closed.
    gate: Arc<tokio::sync::Semaphore>,
}

#[async_trait]
impl WatchedStore for FakeRows {
    const ROW_NAME: &'static str = "row";

    fn watch_registry(&self) -> &WatchRegistry {
        &self.watchers
    }

    fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    async fn row_statuses(&self, rows: &[i64]) -> Result<Vec<(i64, RowStatus)>, StoreError> {
        self.queries.lock().unwrap().push(rows.len());
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
        Self { watchers: Arc::default(), clock, rows: Arc::default(), queries: Arc::default(), gate }
    }

    fn write(&self, row: i64, person: &Person) {
        let person = serde_json::to_vec(person).unwrap();
        self.set(row, RowStatus::Valid { until: START + Duration::from_hours(1), person });
    }

    fn set(&self, row: i64, standing: RowStatus) {
        self.rows.lock().unwrap().insert(row, standing);
    }

    fn watch(&self, row: i64, known: &Person) -> RowWatch {
        WatchRegistry::watch(self, row, known)
    }

    /// Once everybody has done what there is to do now.
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
    Person {
        id: PersonId::new("objectGUID:1"),
        directory: None,
        username: "alice".into(),
        principal: None,
        display_name: name.into(),
        groups: Groups::default(),
        password_expires: None,
    }
}

async fn news(watch: &mut RowWatch) -> Option<RowEvent> {
    tokio::select! {
        biased;
        news = watch.next_event() => Some(news),
        () = async { for _ in 0..100 { tokio::task::yield_now().await } } => None,
    }
}

#[tokio::test]
async fn many_rows_are_looked_at_by_few_questions() {
    let shelf = FakeRows::new();
    (0..1_000).for_each(|row| shelf.write(row, &alice("Alice")));
    let watches: Vec<_> = (0..1_000).map(|row| shelf.watch(row, &alice("Alice"))).collect();
    shelf.rests().await;
    assert_eq!(shelf.take_queries(), [256, 256, 256, 232], "they came at once");
    shelf.clock.advance(CHECK_INTERVAL / 2);
    shelf.rests().await;
    assert_eq!(shelf.take_queries(), [0; 0]);
    shelf.clock.advance(CHECK_INTERVAL / 2);
    shelf.rests().await;
    assert_eq!(shelf.take_queries(), [256, 256, 256, 232]);
    drop(watches);
    shelf.rests().await;
    assert_eq!(shelf.watchers.len(), 0);
    shelf.clock.advance(CHECK_INTERVAL);
    shelf.rests().await;
    assert_eq!(shelf.take_queries(), [0; 0], "nobody is there");
    let _again = shelf.watch(1, &alice("Alice"));
    shelf.rests().await;
    assert_eq!(shelf.take_queries(), [1], "and somebody is again");
}

#[tokio::test]
async fn two_who_know_their_person_otherwise_both_come_to_know_them() {
    for (now, heard) in [("Old", [None, Some("Old")]), ("New", [Some("New"), None]), ("Newest", [Some("Newest"); 2])] {
        let shelf = FakeRows::new();
        shelf.write(1, &alice("Old"));
        let mut first = shelf.watch(1, &alice("Old"));
        shelf.rests().await;
        shelf.write(1, &alice(now));
        let mut second = shelf.watch(1, &alice("New"));
        shelf.rests().await;
        for (watch, heard) in [&mut first, &mut second].into_iter().zip(heard) {
            let news = news(watch).await;
            // Who is told what they know already can do nothing wrong by it.
            let known = news == Some(RowEvent::Changed(alice(now)));
            assert!(known || heard.is_none() && news.is_none(), "{news:?}, expected {heard:?} of {now}");
        }
    }
}

#[tokio::test]
async fn who_comes_while_a_change_is_looked_up_hears_of_it_too() {
    let shelf = FakeRows::new();
    shelf.write(1, &alice("Old"));
    let mut first = shelf.watch(1, &alice("Old"));
    shelf.rests().await;
    let closed = Arc::clone(&shelf.gate).acquire_owned().await.unwrap();
    shelf.write(1, &alice("New"));
    shelf.watchers.notify_changed(1);
    shelf.rests().await;
    let mut second = shelf.watch(1, &alice("Old"));
    drop(closed);
    assert_eq!(news(&mut first).await, Some(RowEvent::Changed(alice("New"))));
    assert_eq!(news(&mut second).await, Some(RowEvent::Changed(alice("New"))));

    // The same where the first has gone by then, and the row is begun anew.
    let closed = Arc::clone(&shelf.gate).acquire_owned().await.unwrap();
    shelf.write(1, &alice("Newest"));
    shelf.watchers.notify_changed(1);
    shelf.rests().await;
    drop((first, second));
    let mut third = shelf.watch(1, &alice("New"));
    drop(closed);
    assert_eq!(news(&mut third).await, Some(RowEvent::Changed(alice("Newest"))));
}

#[tokio::test]
async fn a_clock_that_was_set_back_puts_no_row_off() {
    let shelf = FakeRows::new();
    (0..1_000).for_each(|row| shelf.write(row, &alice("Alice")));
    let _watches: Vec<_> = (0..1_000).map(|row| shelf.watch(row, &alice("Alice"))).collect();
    shelf.rests().await;
    shelf.take_queries();
    shelf.clock.set_back(Duration::from_hours(24));
    shelf.clock.advance(CHECK_INTERVAL);
    shelf.rests().await;
    assert_eq!(shelf.take_queries(), [256, 256, 256, 232], "all of them, and each once");
}

#[tokio::test]
async fn what_nobody_could_confirm_and_somebody_did_since_is_no_news() {
    let shelf = FakeRows::new();
    shelf.write(1, &alice("Alice"));
    let mut watch = shelf.watch(1, &alice("Alice"));
    assert_eq!(news(&mut watch).await, None);
    shelf.set(1, RowStatus::Unconfirmed);
    shelf.watchers.notify_changed(1);
    shelf.rests().await;
    shelf.write(1, &alice("Alice"));
    shelf.watchers.notify_changed(1);
    shelf.rests().await;
    assert_eq!(news(&mut watch).await, None);
    shelf.set(1, RowStatus::Unconfirmed);
    shelf.watchers.notify_changed(1);
    assert_eq!(news(&mut watch).await, Some(RowEvent::Unconfirmed));
    assert_eq!(news(&mut watch).await, None, "once for each look");
}

#[tokio::test]
async fn a_row_is_looked_at_when_its_time_is_over_and_after_a_clock_was_set_back() {
    let shelf = FakeRows::new();
    let person = serde_json::to_vec(&alice("Alice")).unwrap();
    shelf.set(1, RowStatus::Valid { until: START + Duration::from_secs(10), person });
    let mut watch = shelf.watch(1, &alice("Alice"));
    assert_eq!(news(&mut watch).await, None);
    shelf.clock.set_back(Duration::from_hours(24));
    shelf.set(1, RowStatus::Ended(EndReason::Expired));
    shelf.clock.advance(Duration::from_secs(10));
    assert_eq!(news(&mut watch).await, Some(RowEvent::Ended(EndReason::Expired)));
    assert_eq!(news(&mut watch).await, Some(RowEvent::Ended(EndReason::Expired)), "and to whoever asks again");
}
