//! The store fails over to its replica, under three nodes.

use reqwest::StatusCode;

use super::with_counter;
use crate::harness::json_server::JsonServer;
use crate::harness::postgres::{self, PostgresServer};
use crate::harness::viewer::Viewer;

#[tokio::test(flavor = "multi_thread")]
async fn when_the_store_fails_over_all_nodes_go_on_with_who_is_signed_in() {
    let counter = JsonServer::counting().await;
    let Some(builder) = with_counter(&counter, "200ms") else { return };
    let (primary, replica) = tokio::task::block_in_place(|| {
        let primary = PostgresServer::start().unwrap();
        let replica = primary.replica().unwrap();
        (primary, replica)
    });
    let name = primary.create_database();
    let url = format!("postgres://{}@127.0.0.1:{},127.0.0.1:{}/{name}", postgres::OWNER, primary.port, replica.port);
    let Some(cluster) = builder.set("store.url", url).open().await else { return };
    let mut alice = cluster.visitor();
    alice.signs_in("alice", cluster.password("alice")).await;
    let mut viewers = Vec::new();
    for address in cluster.addresses() {
        viewers.push(Viewer::of("members", "uptime", &alice, &[address]));
        viewers.push(Viewer::of("count", "count", &alice, &[address]));
    }
    for viewer in &mut viewers {
        viewer.goes_on_for(1).await;
    }
    let written = primary.query("postgres", "SELECT pg_current_wal_lsn()").unwrap();
    let followed = format!("SELECT pg_last_wal_replay_lsn() >= '{written}'");
    while replica.query("postgres", &followed).unwrap() != "t" {
        tokio::task::yield_now().await;
    }

    tokio::task::block_in_place(|| primary.kill());
    let refused = cluster.visitor().tries_to_sign_in("bob", cluster.password("bob"), "/").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{}", refused.body);
    for viewer in &mut viewers {
        viewer.goes_on_for(2).await;
    }
    tokio::task::block_in_place(|| replica.promote());
    for node in &cluster.nodes {
        node.is_ready().await;
        let mut here = alice.clone();
        here.moves_to(node.address);
        here.opens_until("/p/members", |answer| answer.status == StatusCode::OK).await;
        node.visitor().signs_in("bob", cluster.password("bob")).await;
    }
    alice.signs_out().await;
    for viewer in &mut viewers {
        let seen = viewer.seen();
        assert_eq!(seen.connections, 1, "{seen:?}");
    }
    for viewer in viewers.iter_mut().step_by(2) {
        viewer.sees("that she has signed out", |seen| seen.end.as_deref() == Some("signed-out")).await;
    }
}
