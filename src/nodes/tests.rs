use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::{Lease, LeaseKeeper, LeaseState, LeaseStore, LeaseTerms, NodeId};
use crate::domain::{Clock, ManualClock, Timestamp};
use crate::store::{Fence, StoreError};

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
    store.is_reachable.send_replace(true);
    let _second_runs = runs(&second);
    rest().await;
    assert_eq!(second.lease("work").state(), held(2));
    pass(&store, Duration::from_secs(10)).await;
    assert!(!first.lease("work").is_held());
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
    ] {
        state.send_replace(now);
        assert!(futures::poll!(&mut running).is_pending());
        assert_eq!(*runs.borrow(), expected, "{now:?}");
    }
    assert_eq!(Lease::always_held().state(), LeaseState::Held(None));
}
