//! Three nodes are updated one after the other, while they are used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::StatusCode;

use super::with_counter;
use crate::harness::json_server::JsonServer;
use crate::harness::viewer::Viewer;
use crate::harness::visitor::Visitor;

/// The viewers of the public page, and those who are signed in.
const VIEWERS: usize = 30;
const MEMBERS: usize = 12;

/// Those who open pages all the time.
const READERS: usize = 3;

/// The longest time after which a viewer of a node that stops is to come back.
const SPREAD: Duration = Duration::from_secs(1);

/// The longest time between two values of a board: two seconds are promised, and a busy machine takes some more.
const MAX_GAP: Duration = Duration::from_secs(4);

/// Opens pages until it is time to stop, and is let in each time. Returns how often.
async fn keeps_reading(mut visitor: Visitor, stop: Arc<AtomicBool>) -> usize {
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        let answer = visitor.opens("/p/members").await;
        assert_eq!(answer.status, StatusCode::OK, "page {count}: {:?} {}", answer.location, answer.body);
        count += 1;
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn during_a_rolling_update_nobody_is_signed_out_and_no_board_stands_still() {
    let counter = JsonServer::counting().await;
    let Some(builder) = with_counter(&counter, "200ms") else { return };
    let Some(mut cluster) = builder.open().await else { return };
    let haproxy = [cluster.address()];
    let mut alice = cluster.visitor();
    alice.signs_in("alice", cluster.password("alice")).await;
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..READERS).map(|_| tokio::spawn(keeps_reading(alice.clone(), Arc::clone(&stop)))).collect();
    let count = (0..VIEWERS).map(|_| Viewer::of("count", "count", &cluster.visitor(), &haproxy));
    let members = (0..MEMBERS).map(|_| Viewer::of("members", "uptime", &alice, &haproxy));
    let mut viewers: Vec<Viewer> = count.chain(members).collect();

    for node in 0..cluster.nodes.len() {
        for viewer in &mut viewers {
            viewer.goes_on_for(2).await;
        }
        cluster.nodes[node].shut_down().await;
        cluster.visitor().signs_in("bob", cluster.password("bob")).await;
        cluster.nodes[node].start().await;
        cluster.nodes[node].is_ready().await;
        cluster.is_in_turn(node).await;
    }
    for viewer in &mut viewers {
        viewer.goes_on_for(2).await;
    }
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        assert!(reader.await.unwrap() > 0);
    }

    let mut moved = 0;
    for viewer in &viewers {
        let seen = viewer.seen();
        assert_eq!(seen.end, None);
        assert!(seen.longest_gap <= MAX_GAP, "{seen:?}");
        for (reason, retry) in &seen.byes {
            let retry = retry.map(Duration::from_millis);
            assert!(reason == "shutdown" && retry.is_some_and(|retry| retry <= SPREAD), "{seen:?}");
        }
        moved += seen.byes.len();
    }
    assert!(moved >= viewers.len() / 2, "{moved} times somebody was told to move");
    let waits: Vec<u64> = viewers.iter().flat_map(|viewer| viewer.seen().byes).filter_map(|(_, retry)| retry).collect();
    let (first, last) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
    assert!(last - first > 200, "they come back spread out: {waits:?}");
}
