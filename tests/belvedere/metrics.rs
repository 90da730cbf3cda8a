//! The program's own figures: who reads them, and in what form.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::demo_server::DemoServer;
use crate::harness::test_server::TestServer;
use crate::harness::visitor::Response;

const OPEN: &str = r#"
title = "Open"
access = "public"
[[panel]]
id = "time"
title = "Time"
kind = "stat"
source = "clock"
query = "time UTC"
every = "100ms"
"#;

const TOKEN: &str = "9f86d081884c7d659a2feaa0c55ad015";

#[tokio::test]
async fn an_admin_reads_the_figures_and_other_members_do_not() {
    let demo = DemoServer::builder().await.set("admins", json!({ "users": ["alice"] })).open().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    are_figures(&alice.opens("/metrics").await);

    let mut bob = demo.house.visitor();
    bob.signs_in("bob", demo.password("bob")).await;
    let answer = bob.opens("/metrics").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    tells_nothing(&answer);
}

#[tokio::test]
async fn what_the_live_channels_do_is_counted_and_how_they_stand_is_looked_up() {
    let demo = DemoServer::builder().await.page("open", OPEN).set("metrics.token", TOKEN).open().await;
    let visitor = demo.house.visitor();
    let mut board = visitor.watches("/live/open").await.unwrap();
    board.hears_a("snapshot").await;
    board.hears_a("batch").await;
    let figures = asks(&demo.house, &format!("Bearer {TOKEN}")).await.body;
    for line in [
        "belvedere_live_viewers{page=\"open\"} 1",
        "belvedere_live_channels 1",
        "belvedere_live_begun_total{with=\"snapshot\"} 1",
        "belvedere_live_snapshots_total 1",
        "belvedere_live_stalled 0",
        "belvedere_live_lag_batches{quantile=\"1\"} 0",
        "belvedere_live_feeds{source=\"clock\"} 1",
        "belvedere_live_feeds_failing{source=\"clock\"} 0",
    ] {
        assert!(figures.lines().any(|told| told == line), "{line}\n{figures}");
    }
    for name in ["frames_total", "sent_bytes_total"] {
        let counted = format!("belvedere_live_{name}{{over=\"websocket\"}} ");
        let count = figures.lines().find_map(|line| line.strip_prefix(&counted)).expect(name);
        assert!(count.parse::<u64>().unwrap() >= 3, "hello, snapshot, batch: {count}");
    }
    assert!(figures.contains("belvedere_live_reading_to_wire_seconds_count "));
}

#[tokio::test]
async fn a_stranger_is_asked_to_sign_in_and_a_script_is_refused() {
    let demo = DemoServer::builder().await.set("metrics.token", TOKEN).open().await;
    let mut stranger = demo.house.visitor();
    let sent_on = stranger.opens("/metrics").await;
    assert_eq!(sent_on.status, StatusCode::SEE_OTHER);
    assert_eq!(sent_on.location.as_deref(), Some("/login?next=%2Fmetrics"));
    let refused = stranger.fetches("/metrics").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(refused.header("WWW-Authenticate").is_some());
    tells_nothing(&refused);
}

#[tokio::test]
async fn a_monitoring_system_reads_the_figures_with_the_token_and_with_no_other() {
    let demo = DemoServer::builder().await.set("metrics.token", TOKEN).open().await;
    are_figures(&asks(&demo.house, &format!("Bearer {TOKEN}")).await);
    for shown in [
        format!("Bearer {}", &TOKEN[1..]),
        format!("Bearer {TOKEN}0"),
        format!("Basic {TOKEN}"),
        TOKEN.to_owned(),
        "Bearer ".to_owned(),
    ] {
        let answer = asks(&demo.house, &shown).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{shown}");
        tells_nothing(&answer);
    }
}

#[tokio::test]
async fn where_no_token_is_set_none_is_right() {
    let demo = DemoServer::builder().await.open().await;
    for shown in ["Bearer ", "Bearer", "Bearer x", ""] {
        assert_eq!(asks(&demo.house, shown).await.status, StatusCode::UNAUTHORIZED, "{shown:?}");
    }
}

async fn asks(house: &TestServer, authorization: &str) -> Response {
    let mut visitor = house.visitor();
    let accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    let request = visitor.request(Method::GET, "/metrics").header("Accept", accept);
    visitor.send(request.header("Authorization", authorization)).await
}

fn are_figures(answer: &Response) {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let kind = answer.header("Content-Type");
    assert_eq!(kind, Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert_eq!(answer.header("Cache-Control"), Some("no-store"));
    assert!(answer.body.contains("\nbelvedere_directory_refreshed_people_total 0\n"), "{}", answer.body);
    assert!(answer.body.ends_with("\n# EOF\n"), "{}", answer.body);
}

fn tells_nothing(answer: &Response) {
    assert!(!answer.body.contains("belvedere_"), "{}", answer.body);
}
