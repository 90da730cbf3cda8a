//! Several nodes on one bus: each source is asked once for all of them, whatever becomes of the bus or of one node.

use std::time::Duration;

use serde_json::Value;

use crate::harness::board::Board;
use crate::harness::certificates::TestAuthority;
use crate::harness::demo_server::DemoServer;
use crate::harness::fault_proxy::{Fault, FaultProxy};
use crate::harness::free_port::free_port;
use crate::harness::json_server::JsonServer;
use crate::harness::redis::RedisServer;
use crate::harness::redis_sentinel::WatchedRedis;

/// The key that the nodes have in common.
const SECRET_KEY: &str = "hPRYyVRiMyxpw5sBB1XeCMN1kFsDCqKvBi2QJxBVHQk=";

/// The token that reads the metrics.
const METRICS_TOKEN: &str = "9f86d081884c7d659a2feaa0c55ad015";

const PAGE: &str = "title = \"Count\"\naccess = \"public\"\n[[panel]]\nid = \"count\"\ntitle = \"Count\"\nkind = \"stat\"\n\
                    source = \"counter\"\nquery = \".count\"\nevery = \"100ms\"\n";

/// The shortest time that the page's interval leaves between two requests.
const EVERY: Duration = Duration::from_millis(100);

/// A node, and what its board shows.
struct Node {
    demo: DemoServer,
    board: Board,
    shown: Vec<u64>,
}

impl Node {
    async fn start(bus: &str, counter: &JsonServer) -> Self {
        Self::start_with(bus, counter, &[]).await
    }

    async fn start_with(bus: &str, counter: &JsonServer, settings: &[(&str, &str)]) -> Self {
        let mut builder = DemoServer::builder().await.set("live.bus", bus).set("secret_key", SECRET_KEY);
        builder = builder.set("metrics.token", METRICS_TOKEN);
        for (key, value) in settings {
            builder = builder.set(key, *value);
        }
        let builder = builder.set("sources.counter.kind", "http").set("sources.counter.url", counter.url("/count"));
        let demo = builder.page("count", PAGE).open().await;
        let board = demo.house.visitor().watches("/live/count").await.unwrap();
        let mut node = Self { demo, board, shown: Vec::new() };
        node.shows(1).await;
        node
    }

    /// Waits until the board has shown so many more numbers, each greater than the one before. Two nodes that have asked within a
    /// moment may be answered in either order, so the number beside it may come after it; none comes twice.
    async fn shows(&mut self, count: usize) {
        let wanted = self.shown.len() + count;
        while self.shown.len() < wanted {
            let message = self.board.hears().await;
            let panel = &message["panels"]["count"];
            assert!(panel["trouble"].is_null(), "{panel}");
            let Some(text) = panel["view"]["figure"]["text"].as_str() else { continue };
            let number = text.replace(|c: char| !c.is_ascii_digit(), "").parse().unwrap();
            if message["type"] == "snapshot" && self.shown.last() == Some(&number) {
                continue;
            }
            let is_in_order = self.shown.last().is_none_or(|last| *last <= number + 1) && !self.shown.contains(&number);
            assert!(is_in_order, "{number} after {:?}", self.shown);
            self.shown.push(number);
        }
    }

    /// Waits until the node says that it has a bus, or none.
    async fn has_bus(&self, is_up: bool) {
        let wanted = format!("belvedere_bus_up {}", u8::from(is_up));
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while !self
            .demo
            .house
            .visitor()
            .with_token(METRICS_TOKEN)
            .fetches("/metrics")
            .await
            .body
            .lines()
            .any(|line| line == wanted)
        {
            assert!(tokio::time::Instant::now() < deadline, "waited in vain for {wanted}");
            tokio::time::sleep(EVERY).await;
        }
    }
}

/// Lets both boards show a while, and checks that each answer of the source was for both.
async fn are_asked_for_once(nodes: &mut [Node; 2], counter: &JsonServer) {
    let [one, other] = nodes;
    // What has begun before may be for one alone.
    tokio::join!(one.shows(5), other.shows(5));
    let before = (counter.requests(), one.shown.len(), other.shown.len());
    tokio::join!(one.shows(20), other.shows(20));
    let asked = counter.requests() - before.0;
    let shown = (one.shown.len() - before.1).max(other.shown.len() - before.2);
    assert!(asked <= shown + 5, "asked {asked} times for {shown} answers: {:?} {:?}", one.shown, other.shown);
}

#[tokio::test]
async fn each_source_is_asked_once_for_all_nodes_and_boards_never_stop_whatever_becomes_of_the_bus() {
    let Some(redis) = RedisServer::start() else { return };
    let counter = JsonServer::counting().await;
    let cuttable = FaultProxy::before(&redis.url()).await;
    let mut nodes = [Node::start(cuttable.url(), &counter).await, Node::start(&redis.url(), &counter).await];
    are_asked_for_once(&mut nodes, &counter).await;

    // One node is cut off, in silence.
    cuttable.set(Fault::Silent).await;
    nodes[0].has_bus(false).await;
    for node in &mut nodes {
        node.shows(10).await;
    }
    cuttable.set(Fault::Pass).await;
    nodes[0].has_bus(true).await;
    are_asked_for_once(&mut nodes, &counter).await;

    // The bus is gone for all, and comes back without a memory.
    redis.kill();
    for node in &mut nodes {
        node.has_bus(false).await;
        node.shows(10).await;
    }
    redis.start_again().unwrap();
    for node in &nodes {
        node.has_bus(true).await;
    }
    are_asked_for_once(&mut nodes, &counter).await;

    // It is slow.
    cuttable.set(Fault::Delay(Duration::from_millis(300))).await;
    for node in &mut nodes {
        node.shows(10).await;
    }
}

#[tokio::test]
async fn a_viewer_whose_node_stops_goes_on_at_another_without_a_snapshot() {
    let Some(redis) = RedisServer::start() else { return };
    let counter = JsonServer::counting().await;
    let [first, second] = [Node::start(&redis.url(), &counter).await, Node::start(&redis.url(), &counter).await];
    // It has settled which of them leads.
    let mut board = first.demo.house.visitor().watches("/live/count").await.unwrap();
    let epoch = board.hears_a("snapshot").await["epoch"].as_str().unwrap().to_owned();
    let (mut seq, mut shown) = (0, 0);
    let mut take = |batch: &Value| {
        let number = batch["panels"]["count"]["view"]["figure"]["text"].as_str().unwrap();
        let (next, number) =
            (batch["seq"].as_u64().unwrap(), number.replace(|c: char| !c.is_ascii_digit(), "").parse().unwrap());
        assert!(seq == 0 || next == seq + 1, "{batch} after {seq}");
        assert!(number > shown, "{batch} after {shown}");
        (seq, shown) = (next, number);
        seq
    };
    let Node { demo, .. } = first;
    let stopping = tokio::spawn(demo.house.shut_down());
    let mut position = 0;
    loop {
        let message = board.hears().await;
        match message["type"].as_str() {
            Some("batch") => position = take(&message),
            Some("bye") => break,
            _ => (),
        }
    }
    stopping.await.unwrap();
    let resume = format!("/live/count?epoch={epoch}&seq={position}");
    let mut moved = second.demo.house.visitor().watches(&resume).await.unwrap();
    assert_eq!(moved.hears_a("hello").await["epoch"], *epoch);
    for _ in 0..20 {
        let message = moved.hears().await;
        assert_eq!(message["type"], "batch", "{message}");
        take(&message);
    }
}

#[tokio::test]
async fn a_bus_with_tls_and_a_password_is_used_by_who_knows_both() {
    let folder = tempfile::tempdir().unwrap();
    let authority = TestAuthority::new();
    let ca_file = authority.write(&authority.issue(&["localhost"]), folder.path()).unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let port = free_port().unwrap().to_string();
    let (certificate, key, ca) = (path("cert.pem"), path("key.pem"), ca_file.to_str().unwrap());
    let tls = ["--tls-port", &port, "--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", ca];
    let more = ["--tls-auth-clients", "no", "--requirepass", "open sesame"];
    let Some(_redis) = RedisServer::with(&[&tls[..], &more[..]].concat()) else { return };
    let counter = JsonServer::counting().await;
    let url = format!("rediss://:open%20sesame@localhost:{port}");
    let trust = [("live.bus_ca_file", ca)];
    let mut nodes = [Node::start_with(&url, &counter, &trust).await, Node::start_with(&url, &counter, &trust).await];
    for node in &nodes {
        node.has_bus(true).await;
    }
    are_asked_for_once(&mut nodes, &counter).await;

    let wrong = Node::start_with(&format!("rediss://:wrong@localhost:{port}"), &counter, &trust).await;
    wrong.has_bus(false).await;
    let untrusting = Node::start(&url, &counter).await;
    untrusting.has_bus(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_bus_fails_over_to_its_replica_boards_go_on_and_each_source_is_asked_once_again() {
    let Some(redis) = WatchedRedis::start() else { return };
    let counter = JsonServer::counting().await;
    let mut nodes = [Node::start(&redis.url(), &counter).await, Node::start(&redis.url(), &counter).await];
    for node in &nodes {
        node.has_bus(true).await;
    }
    are_asked_for_once(&mut nodes, &counter).await;
    tokio::task::block_in_place(|| redis.fail_over());
    for node in &mut nodes {
        node.shows(5).await;
    }
    for node in &nodes {
        node.has_bus(true).await;
    }
    are_asked_for_once(&mut nodes, &counter).await;
}

#[tokio::test]
async fn nothing_is_shown_that_a_stranger_writes_on_the_bus() {
    let Some(redis) = RedisServer::start() else { return };
    let counter = JsonServer::counting().await;
    let mut node = Node::start(&redis.url(), &counter).await;
    node.shows(3).await;
    let client = ::redis::Client::open(redis.url()).unwrap();
    let mut bus = client.get_multiplexed_async_connection().await.unwrap();
    let streams: Vec<String> = ::redis::cmd("KEYS").arg("belvedere:*:stream:*").query_async(&mut bus).await.unwrap();
    assert!(!streams.is_empty());
    for stream in streams {
        assert!(!stream.contains("count"));
        let page: ::redis::streams::StreamRangeReply =
            ::redis::cmd("XREVRANGE").arg(&stream).arg("+").arg("-").arg("COUNT").arg(1).query_async(&mut bus).await.unwrap();
        let Some(mut bytes) = page.ids.first().and_then(|entry| entry.get::<Vec<u8>>("e")) else { continue };
        assert!(!bytes.windows(5).any(|window| window == b"count"), "the document is readable");
        // A later place than anybody has, so that it is looked at.
        bytes[..8].copy_from_slice(&1_000_000_u64.to_le_bytes());
        bytes[8..16].copy_from_slice(&1_u64.to_le_bytes());
        let _: u64 = ::redis::cmd("PUBLISH").arg(&stream).arg(bytes.as_slice()).query_async(&mut bus).await.unwrap();
        let _: u64 = ::redis::cmd("PUBLISH").arg(&stream).arg(b"short").query_async(&mut bus).await.unwrap();
    }
    node.shows(20).await;
}
