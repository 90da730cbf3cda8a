//! A node dies, or is cut off from the store alone or the bus alone, or both answer slowly.

use std::time::Duration;

use reqwest::StatusCode;

use super::with_counter;
use crate::harness::cluster::Cluster;
use crate::harness::fault_proxy::Fault;
use crate::harness::json_server::JsonServer;
use crate::harness::viewer::Viewer;
use crate::harness::visitor::Visitor;

/// The viewers: as many as each node has some of.
const VIEWERS: usize = 12;

/// A store and a bus this slow are used none the less.
const SLOW: Duration = Duration::from_millis(300);

/// Waits until every viewer has been told something more.
async fn all_go_on(viewers: &mut [Viewer]) {
    for viewer in viewers {
        viewer.goes_on_for(3).await;
    }
}

/// Opens a page by HAProxy, more often than there are nodes, and is let in each time.
async fn is_let_in_everywhere(visitor: &mut Visitor) {
    for _ in 0..9 {
        let answer = visitor.opens("/p/members").await;
        assert_eq!(answer.status, StatusCode::OK, "{:?} {}", answer.location, answer.body);
    }
}

/// A cluster with viewers of the page `count` who come by HAProxy, as many on each node.
async fn watched(counter: &JsonServer) -> Option<(Cluster, Vec<Viewer>)> {
    let cluster = with_counter(counter, "200ms")?.open().await?;
    let mut viewers = Vec::new();
    for _ in 0..VIEWERS {
        let mut viewer = Viewer::of("count", "count", &cluster.visitor(), &[cluster.address()]);
        viewer.goes_on_for(1).await;
        viewers.push(viewer);
    }
    Some((cluster, viewers))
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_node_is_killed_its_viewers_and_visitors_go_on_at_the_others_and_it_may_come_back() {
    let counter = JsonServer::counting().await;
    let Some((mut cluster, mut viewers)) = watched(&counter).await else { return };
    let mut alice = cluster.visitor();
    alice.signs_in("alice", cluster.password("alice")).await;
    is_let_in_everywhere(&mut alice).await;

    for killed in [2, 0] {
        cluster.nodes[killed].kill().await;
        all_go_on(&mut viewers).await;
        is_let_in_everywhere(&mut alice).await;
        cluster.visitor().signs_in("bob", cluster.password("bob")).await;
        cluster.nodes[killed].start().await;
        let mut here = alice.clone();
        here.moves_to(cluster.nodes[killed].address);
        assert_eq!(here.opens("/p/members").await.status, StatusCode::OK, "it knows her still");
    }
    let moved = viewers.iter().filter(|viewer| viewer.seen().connections > 1).count();
    assert!(moved > 0 && moved < VIEWERS, "{moved} of {VIEWERS} had to move");
    for viewer in &viewers {
        let seen = viewer.seen();
        assert!(seen.connections <= 3 && seen.snapshots <= seen.connections && seen.byes.is_empty(), "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_cut_off_from_the_store_alone_or_the_bus_alone_keeps_its_boards_and_knows_afterwards_what_it_missed() {
    let counter = JsonServer::counting().await;
    let Some((cluster, mut viewers)) = watched(&counter).await else { return };
    let (mut alice, mut elsewhere) = (cluster.visitor(), cluster.visitor());
    alice.signs_in("alice", cluster.password("alice")).await;
    let [without_store, without_bus, _] = cluster.nodes.as_slice() else { panic!("there are three") };
    elsewhere.moves_to(without_bus.address);
    elsewhere.signs_in("alice", cluster.password("alice")).await;
    let mut here = alice.clone();
    here.moves_to(without_store.address);
    let mut members = Viewer::of("members", "uptime", &here, &[without_store.address]);
    members.goes_on_for(1).await;
    assert_eq!(here.opens("/p/members").await.status, StatusCode::OK);

    for fault in [Fault::Silent, Fault::Refuse] {
        without_store.store.set(fault).await;
        without_bus.bus.set(fault).await;
        all_go_on(&mut viewers).await;
        members.goes_on_for(1).await;
        // Whoever was there a moment ago stays, a stranger to this node is neither let in nor sent to sign in, and nobody signs in.
        assert_eq!(here.opens("/p/members").await.status, StatusCode::OK);
        let mut other = elsewhere.clone();
        other.moves_to(without_store.address);
        assert_eq!(other.opens("/p/members").await.status, StatusCode::SERVICE_UNAVAILABLE);
        let mut bob = without_store.visitor();
        let refused = bob.tries_to_sign_in("bob", cluster.password("bob"), "/").await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{}", refused.body);
        bob.moves_to(without_bus.address);
        bob.signs_in("bob", cluster.password("bob")).await;
        without_store.store.set(Fault::Pass).await;
        without_bus.bus.set(Fault::Pass).await;
        without_store.is_ready().await;
        all_go_on(&mut viewers).await;
    }

    // Both sides of a split go on, and what one has ended the other hears of when it is over.
    without_store.set(Fault::Silent).await;
    let csrf = elsewhere.opens("/account").await.field("/account/sessions/end-others", "csrf").unwrap();
    elsewhere.posts("/account/sessions/end-others", &[("csrf", &csrf)]).await;
    members.goes_on_for(1).await;
    assert_eq!(members.seen().end, None, "it cannot know yet");
    without_store.set(Fault::Pass).await;
    let end = members.sees("that its session has ended", |seen| seen.end.is_some()).await.end;
    assert_eq!(end.as_deref(), Some("revoked"));
    here.opens_until("/p/members", |answer| answer.status == StatusCode::SEE_OTHER).await;
    all_go_on(&mut viewers).await;

    // Slow is not gone.
    for node in &cluster.nodes {
        node.set(Fault::Delay(SLOW)).await;
    }
    all_go_on(&mut viewers).await;
    elsewhere.moves_to(cluster.address());
    is_let_in_everywhere(&mut elsewhere).await;
    cluster.visitor().signs_in("carol", cluster.password("carol")).await;
}
