use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::{
    Lease, LeaseKeeper, LeaseState, LeaseStore, LeaseTerms, NodeDescription, NodeId, NodeStatus, PostgresNodes, RegisterError,
};
use crate::domain::{Clock, ManualClock, SystemClock, Timestamp};
use crate::store::{Fence, PostgresDatabase, PostgresNews, StoreError};

const TERM: Duration = Duration::from_secs(6);
const RENEWAL: Duration = Duration::from_secs(2);

/// Leases in memory, by a clock of their own.
struct FakeLeases {
    clock: Arc<ManualClock>,
    leases: Mutex<HashMap<String, (NodeId, i64, Timestamp)>>,
    is_reachable: watch::Sender<bool>,
}

#[async_trait]
impl LeaseStore for FakeLeases {
    async fn hold(&self, leases: &[&'static str], holder: NodeId, term: Duration) -> Result<Vec<(String, i64)>, StoreError> {
        if !*self.is_reachable.borrow() {
            return Err(StoreError::Hashing("cut".to_owned()));
        }
        let (now, mut held) = (self.clock.now(), self.leases.lock().unwrap());
        let mut mine = Vec::new();
        for name in leases {
            let (before, number, until) = held.get(*name).copied().unwrap_or((holder, 0, now));
            if before == holder || until <= now {
                let number = if before == holder && now < until { number } else { number + 1 };
                held.insert((*name).to_owned(), (holder, number, now + term));
                mine.push(((*name).to_owned(), number));
            }
        }
        Ok(mine)
    }

    async fn release(&self, holder: NodeId) -> Result<(), StoreError> {
        self.leases.lock().unwrap().retain(|_, (before, ..)| *before != holder);
        Ok(())
    }
}

fn fake() -> Arc<FakeLeases> {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_309_126_976)));
    Arc::new(FakeLeases { clock, leases: Mutex::default(), is_reachable: watch::Sender::new(true) })
}

fn keeper(store: &Arc<FakeLeases>) -> Arc<LeaseKeeper> {
    let (terms, clock) = (LeaseTerms { term: TERM, renewal: RENEWAL }, Arc::clone(&store.clock) as Arc<dyn Clock>);
    Arc::new(LeaseKeeper::new(Arc::clone(store) as _, NodeId::generate().unwrap(), terms, clock, &["work"]))
}

fn runs(keeper: &Arc<LeaseKeeper>) -> tokio::task::JoinHandle<()> {
    let keeper = Arc::clone(keeper);
    tokio::spawn(async move { keeper.run().await })
}

/// Lets all tasks do what there is to do now.
async fn rest() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

async fn pass(store: &FakeLeases, length: Duration) {
    let step = Duration::from_secs(1);
    for _ in 0..length.as_secs() {
        store.clock.advance(step);
        rest().await;
    }
}

fn held(number: i64) -> LeaseState {
    LeaseState::Held(Some(Fence { lease: "work", number }))
}

#[tokio::test]
async fn one_holds_a_lease_and_of_one_that_died_another_takes_it_within_ten_seconds_with_another_number() {
    let store = fake();
    let (first, second) = (keeper(&store), keeper(&store));
    let (here, there) = (first.lease("work"), second.lease("work"));
    let first_runs = runs(&first);
    rest().await;
    let _second_runs = runs(&second);
    pass(&store, Duration::from_mins(5)).await;
    assert_eq!((here.state(), there.state()), (held(1), LeaseState::NotHeld), "for as long as it lives");
    first_runs.abort();
    rest().await;
    pass(&store, Duration::from_secs(9)).await;
    assert_eq!(there.state(), held(2));
}

#[tokio::test]
async fn who_stops_in_good_order_gives_it_up_at_once() {
    let store = fake();
    let (first, second) = (keeper(&store), keeper(&store));
    let first_runs = runs(&first);
    rest().await;
    first_runs.abort();
    first.release().await.unwrap();
    assert!(!first.lease("work").is_held());
    let _second_runs = runs(&second);
    rest().await;
    assert!(second.lease("work").is_held());
}

#[tokio::test]
async fn who_cannot_reach_the_store_holds_nothing_before_another_can() {
    let store = fake();
    let (first, second) = (keeper(&store), keeper(&store));
    let _first_runs = runs(&first);
    rest().await;
    store.is_reachable.send_replace(false);
    pass(&store, Duration::from_secs(5)).await;
    assert!(first.lease("work").is_held(), "two renewals may fail");
    pass(&store, Duration::from_secs(1)).await;
    assert!(!first.lease("work").is_held());
    assert!(first.lease("work").is_held_or_lapsed(), "nobody says that another holds it");
    store.is_reachable.send_replace(true);
    let _second_runs = runs(&second);
    rest().await;
    assert_eq!(second.lease("work").state(), held(2));
    pass(&store, Duration::from_secs(10)).await;
    assert!(!first.lease("work").is_held_or_lapsed());
}

/// Counts the end of the work that it is dropped with.
struct Ends<'a>(&'a watch::Sender<(u32, u32)>);
impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|(_, ended)| *ended += 1);
    }
}

#[tokio::test]
async fn work_runs_while_the_lease_is_held_and_begins_anew_with_each_number() {
    let state = watch::Sender::new(LeaseState::NotHeld);
    let (lease, runs) = (Lease::of(&state), watch::Sender::new((0, 0)));
    let running = lease.run_while_held(|| async {
        let _ends = Ends(&runs);
        runs.send_modify(|(begun, _)| *begun += 1);
        std::future::pending::<()>().await;
    });
    tokio::pin!(running);
    for (now, expected) in [
        (LeaseState::NotHeld, (0, 0)),
        (held(1), (1, 0)),
        (held(1), (1, 0)),
        (held(2), (2, 1)),
        (LeaseState::NotHeld, (2, 2)),
        (LeaseState::Held(None), (3, 2)),
        (LeaseState::Lapsed, (3, 3)),
    ] {
        state.send_replace(now);
        assert!(futures::poll!(&mut running).is_pending());
        assert_eq!(*runs.borrow(), expected, "{now:?}");
    }
    assert_eq!(Lease::always_held().state(), LeaseState::Held(None));
}

async fn tables(database: &PostgresDatabase) -> PostgresNodes {
    PostgresNews::open(database).await.unwrap();
    PostgresNodes::open(database).await.unwrap()
}

fn node(name: &str, key: &str) -> NodeDescription {
    let (name, key_fingerprint) = (name.to_owned(), key.to_owned());
    NodeDescription { id: NodeId::generate().unwrap(), name, version: "1.0.0", key_fingerprint }
}

#[tokio::test]
async fn in_a_database_a_dead_node_s_work_goes_on_elsewhere() {
    let Some([here, there]) = PostgresDatabase::nodes_of_test() else { return };
    let (here, there) = (tables(&here).await, tables(&there).await);
    // The database's time is real, and so are these moments.
    let terms = LeaseTerms { term: Duration::from_millis(600), renewal: Duration::from_millis(150) };
    let keeper = |tables: &PostgresNodes, node: &NodeDescription| {
        Arc::new(LeaseKeeper::new(Arc::new(tables.clone()), node.id, terms, Arc::new(SystemClock), &["work"]))
    };
    let (one, two) = (node("one", "key"), node("two", "key"));
    let (first, second) = (keeper(&here, &one), keeper(&there, &two));
    let first_runs = runs(&first);
    first.lease("work").run_while_held(|| async {}).await;
    let _second_runs = runs(&second);
    assert_eq!(here.leases().await.unwrap()[0].holder, Some(one.id));
    first_runs.abort();
    let taken_over = second.lease("work");
    tokio::time::timeout(Duration::from_secs(30), taken_over.run_while_held(|| async {})).await.unwrap();
    let [lease] = here.leases().await.unwrap().try_into().unwrap();
    assert_eq!((lease.holder, taken_over.is_held()), (Some(two.id), true));
    assert!(lease.number >= 2);
}

#[tokio::test]
async fn a_node_with_another_key_does_not_join_those_that_are_there() {
    let Some([database]) = PostgresDatabase::nodes_of_test() else { return };
    let (tables, now) = (tables(&database).await, SystemClock.now());
    let (one, two, other) = (node("one", "key"), node("two", "key"), node("other", "another key"));
    tables.register(&one, now).await.unwrap();
    tables.register(&two, now + Duration::from_mins(5)).await.unwrap();
    let refused = tables.register(&other, now).await.unwrap_err();
    assert!(matches!(&refused, RegisterError::OtherSecretKey { node } if node == "one" || node == "two"), "{refused}");
    let status = NodeStatus { pages: "f00".to_owned(), news_lag: Some(40) };
    tables.beat(&one, &status, now).await.unwrap();
    let [first, second] = tables.nodes().await.unwrap().try_into().unwrap();
    assert_eq!((&*first.name, &*first.pages, first.news_lag, first.is_alive()), ("one", "f00", Some(40), true));
    assert!((240_000..360_000).contains(&second.clock_ahead), "five minutes ahead: {}", second.clock_ahead);
    tables.leave(one.id).await.unwrap();
    tables.leave(two.id).await.unwrap();
    tables.register(&other, now).await.unwrap();
}
