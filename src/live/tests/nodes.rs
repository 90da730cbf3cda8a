//! Channels of several nodes on one bus.

use std::time::Instant;

use crate::bus::redis_server::RedisServer;
use crate::bus::{Bus, BusKey, BusState, Retention, Role, TopicUse};
use crate::config::BusAddress;
use crate::domain::SystemClock;

use super::*;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many batches a node keeps, where a test does not want few.
const LONG_RING: usize = 256;

fn board() -> String {
    BOARD.replace("\"1s\"", "\"100ms\"")
}

fn chart() -> String {
    CHART.replace("\"1s\"", "\"100ms\"")
}

/// A node that shows one page.
struct Node {
    hub: Arc<Hub>,
    page_store: Arc<PageStore>,
    bus: Bus,
    _folder: TempDir,
}

impl Node {
    async fn start(server: &RedisServer, source: &Arc<CountingSource>, page: &str) -> Self {
        Self::start_with(&server.url(), source, page, LONG_RING).await
    }

    async fn start_with(url: &str, source: &Arc<CountingSource>, page: &str, ring: usize) -> Self {
        let address: BusAddress = url.parse().unwrap();
        let key = BusKey::from_secret(b"the cluster's secret");
        let bus = Bus::start(&address, None, key, Arc::new(SystemClock), Metrics::new().bus()).unwrap();
        bus.subscribe().wait_for(|state| *state == BusState::Up).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("board.toml"), page).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let workers = Arc::new(FilterWorkers::of_this_program());
        let sources = Arc::new(Sources::open(&NamedSources::default(), &clock, &workers).unwrap());
        let page_store = Arc::new(PageStore::load(folder.path(), Arc::clone(&sources)).unwrap());
        let feeds = Feeds::new(Arc::new(Arc::clone(source)), Arc::clone(&clock)).with_bus(bus.clone());
        let hub = Arc::new(Hub::new(sources, feeds, live_settings(ring), clock, Metrics::new().live()));
        Self { hub, page_store, bus, _folder: folder }
    }

    async fn subscribe(&self) -> Subscription {
        let page = self.page_store.authorize("board", &Visitor::Anonymous).unwrap();
        let subscription = self.hub.subscribe(&page, &page.choose([]).unwrap(), &stranger(1)).unwrap();
        subscription.wait_until_decided(PATIENCE).await;
        subscription
    }

    async fn watch(&self, position: Option<&ChannelPosition>) -> Watcher {
        Watcher { reader: ChannelReader::new(self.subscribe().await, position), heard: Vec::new() }
    }
}

/// A viewer, and what it heard.
struct Watcher {
    reader: ChannelReader,
    heard: Vec<Value>,
}

impl Watcher {
    async fn hears(&mut self) -> (Value, ChannelPosition) {
        let message = tokio::time::timeout(PATIENCE, self.reader.next()).await.expect("a message in time").unwrap();
        self.heard.push(json(&message));
        (json(&message), message.position().unwrap().clone())
    }

    /// Hears so many batches, each after the one before, and returns where that was.
    async fn hears_batches(&mut self, count: usize) -> ChannelPosition {
        let mut last: Option<ChannelPosition> = None;
        for _ in 0..count {
            let (message, position) = self.hears().await;
            assert_eq!(message["type"], "batch", "{message}");
            assert!(last.is_none_or(|last| last.seq + 1 == position.seq), "{position:?}");
            last = Some(position);
        }
        last.unwrap()
    }

    /// The numbers that were shown.
    fn shown(&self) -> Vec<u64> {
        let figures = self.heard.iter().map(|message| &message["panels"]["cpu"]["view"]["figure"]["text"]);
        figures.filter_map(Value::as_str).map(|text| text.replace(|c: char| !c.is_ascii_digit(), "").parse().unwrap()).collect()
    }
}

/// A node in a runtime of its own, which can be killed with all that it does.
struct DoomedNode {
    runtime: tokio::runtime::Runtime,
    node: Node,
}

impl DoomedNode {
    async fn start(server: &RedisServer, source: &Arc<CountingSource>, page: &str) -> Self {
        let (url, source, page) = (server.url(), Arc::clone(source), page.to_owned());
        let start = move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let node = runtime.block_on(Node::start_with(&url, &source, &page, LONG_RING));
            Self { runtime, node }
        };
        tokio::task::spawn_blocking(start).await.unwrap()
    }

    /// A viewer of this node, on its runtime, until it has heard so many batches.
    async fn watched(self, batches: usize) -> (Self, Vec<Value>, ChannelPosition) {
        let watch = move || {
            let mut watcher = self.runtime.block_on(self.node.watch(None));
            let position = self.runtime.block_on(async {
                watcher.hears().await;
                watcher.hears_batches(batches).await
            });
            // Its channel goes on.
            std::mem::forget(watcher.reader);
            (self, watcher.heard, position)
        };
        tokio::task::spawn_blocking(watch).await.unwrap()
    }

    /// It can tell nobody, as nothing of it runs any more.
    fn kill(self) {
        self.runtime.shutdown_background();
        std::mem::forget(self.node);
    }
}

#[tokio::test]
async fn a_viewer_whose_node_is_killed_resumes_on_another_that_ran_the_page_or_did_not() {
    let Some(server) = RedisServer::start() else { return };
    for runs_before in [true, false] {
        let source = Arc::new(CountingSource::default());
        let page = board().replace("Board", if runs_before { "Run" } else { "Fresh" });
        let doomed = DoomedNode::start(&server, &source, &page).await;
        let other = Node::start(&server, &source, &page).await;
        let (doomed, heard, position) = doomed.watched(10).await;
        let kept = if runs_before { Some(other.watch(None).await) } else { None };
        doomed.kill();

        let mut moved = other.watch(Some(&position)).await;
        let (next, at) = moved.hears().await;
        assert_eq!((next["type"].as_str(), &at.epoch, at.seq), (Some("batch"), &position.epoch, position.seq + 1));
        let after = moved.hears_batches(30).await;
        assert_eq!((&after.epoch, after.seq), (&position.epoch, position.seq + 31), "the run goes on under another leader");
        let before = Watcher { reader: moved.reader, heard: [heard, moved.heard].concat() };
        let shown = before.shown();
        assert!(shown.is_sorted_by(|earlier, later| earlier < later), "twice, or out of order: {shown:?}");
        drop(kept);
    }
}

#[tokio::test]
async fn a_viewer_of_a_node_that_stops_resumes_on_another() {
    let Some(server) = RedisServer::start() else { return };
    let source = Arc::new(CountingSource::default());
    let nodes = [Node::start(&server, &source, &board()).await, Node::start(&server, &source, &board()).await];
    let mut watcher = nodes[0].watch(None).await;
    watcher.hears().await;
    let position = watcher.hears_batches(5).await;
    nodes[0].bus.leave_all().await;
    let client = redis::Client::open(server.url()).unwrap();
    let mut bus = client.get_multiplexed_async_connection().await.unwrap();
    let leases: Vec<String> = redis::cmd("KEYS").arg("belvedere:1:lease:*").query_async(&mut bus).await.unwrap();
    assert!(leases.is_empty(), "others would wait for them to lapse: {leases:?}");
    let mut moved = nodes[1].watch(Some(&position)).await;
    let (next, at) = moved.hears().await;
    assert_eq!((next["type"].as_str(), at.seq), (Some("batch"), position.seq + 1));
    moved.hears_batches(5).await;
}

#[tokio::test]
async fn who_comes_too_late_to_another_node_gets_one_snapshot() {
    let Some(server) = RedisServer::start() else { return };
    let source = Arc::new(CountingSource::default());
    let [first, second] = [
        Node::start_with(&server.url(), &source, &board(), RING).await,
        Node::start_with(&server.url(), &source, &board(), RING).await,
    ];
    let mut watcher = first.watch(None).await;
    watcher.hears().await;
    let position = watcher.hears_batches(2).await;
    let _runs = second.watch(None).await;
    watcher.hears_batches(10 * RING).await;
    let mut late = second.watch(Some(&position)).await;
    let (snapshot, at) = late.hears().await;
    assert_eq!((snapshot["type"].as_str(), &at.epoch), (Some("snapshot"), &position.epoch));
    assert_eq!(late.hears_batches(5).await.seq, at.seq + 5);
}

#[tokio::test]
async fn every_node_has_the_same_batches_and_the_same_state() {
    let Some(server) = RedisServer::start() else { return };
    let source = Arc::new(CountingSource::default());
    let first = Node::start(&server, &source, &chart()).await;
    let mut watchers = vec![first.watch(None).await];
    watchers[0].hears().await;
    watchers[0].hears_batches(15).await;
    let others = [Node::start(&server, &source, &chart()).await, Node::start(&server, &source, &chart()).await];
    for other in &others {
        watchers.push(other.watch(None).await);
    }
    let mut joined = 0;
    for watcher in &mut watchers[1..] {
        let (snapshot, position) = watcher.hears().await;
        assert_eq!(snapshot["type"], "snapshot");
        joined = joined.max(position.seq);
    }
    while watchers[0].hears().await.1.seq < joined {}
    let mut by_place: HashMap<(String, u64), Value> = HashMap::new();
    for _ in 0..20 {
        for watcher in &mut watchers {
            let (message, position) = watcher.hears().await;
            assert_eq!(by_place.entry((position.epoch, position.seq)).or_insert_with(|| message.clone()), &message);
        }
    }
    assert!(by_place.len() < 60, "each node has numbers of its own");
    // The states at one place.
    let subscriptions = [first.subscribe().await, others[0].subscribe().await, others[1].subscribe().await];
    let deadline = Instant::now() + PATIENCE;
    loop {
        let states = subscriptions.each_ref().map(Subscription::initial_state);
        if states.iter().all(|state| state.position == states[0].position) {
            let shown = states.each_ref().map(|state| serde_json::to_value(&state.panels).unwrap());
            assert_eq!(shown[0], shown[1]);
            assert_eq!(shown[0], shown[2]);
            assert!(shown[0]["cpu"]["view"]["times"].as_array().unwrap().len() > 15);
            break;
        }
        assert!(Instant::now() < deadline, "they are never at one place");
        tokio::time::sleep(INTERVAL / 10).await;
    }
}

#[tokio::test]
async fn without_the_bus_each_node_has_a_run_of_its_own_and_with_it_again_one() {
    let Some(server) = RedisServer::start() else { return };
    let source = Arc::new(CountingSource::default());
    let nodes = [Node::start(&server, &source, &board()).await, Node::start(&server, &source, &board()).await];
    let mut watchers = [nodes[0].watch(None).await, nodes[1].watch(None).await];
    let epoch_of = |node: &Subscription| node.initial_state().position.epoch;
    let subscriptions = [nodes[0].subscribe().await, nodes[1].subscribe().await];
    for watcher in &mut watchers {
        watcher.hears().await;
        watcher.hears_batches(5).await;
    }
    assert_eq!(epoch_of(&subscriptions[0]), epoch_of(&subscriptions[1]));
    server.kill();
    for (node, watcher) in nodes.iter().zip(&mut watchers) {
        node.bus.subscribe().wait_for(|state| matches!(state, BusState::Down(_))).await.unwrap();
        while watcher.hears().await.0["type"] != "snapshot" {}
        watcher.hears_batches(10).await;
    }
    assert_ne!(epoch_of(&subscriptions[0]), epoch_of(&subscriptions[1]), "each counts for itself");
    server.start_again().unwrap();
    for node in &nodes {
        node.bus.subscribe().wait_for(|state| *state == BusState::Up).await.unwrap();
    }
    let deadline = Instant::now() + PATIENCE;
    while epoch_of(&subscriptions[0]) != epoch_of(&subscriptions[1]) {
        assert!(Instant::now() < deadline, "they share no run");
        for watcher in &mut watchers {
            watcher.hears().await;
        }
    }
    for watcher in &mut watchers {
        for _ in 0..20 {
            watcher.hears().await;
        }
        let snapshots = watcher.heard.iter().filter(|message| message["type"] == "snapshot").count();
        assert!(snapshots <= 3, "one at the start, one without the bus, and one with it: {snapshots}");
    }
}

#[tokio::test]
async fn a_chart_keeps_its_past_when_a_node_that_came_late_takes_over() {
    let Some(server) = RedisServer::start() else { return };
    let source = Arc::new(CountingSource::default());
    source.has_document.store(true, Ordering::Relaxed);
    let nodes = [Node::start(&server, &source, &chart()).await, Node::start(&server, &source, &chart()).await];
    let mut watcher = nodes[0].watch(None).await;
    watcher.hears().await;
    watcher.hears_batches(15).await;
    let values = |subscription: &Subscription| -> Vec<f64> {
        let frame = serde_json::to_value(&subscription.initial_state().panels["cpu"]).unwrap();
        frame["view"]["series"][0]["values"].as_array().unwrap().iter().filter_map(Value::as_f64).collect()
    };
    let late = nodes[1].subscribe().await;
    assert!(values(&late).len() >= 15, "it begins with the past: {:?}", values(&late));
    let mut moved = nodes[1].watch(None).await;
    moved.hears().await;
    nodes[0].bus.leave_all().await;
    moved.hears_batches(10).await;
    let shown = values(&late);
    assert!(shown.len() >= 25 && shown[0] < 1.5, "{shown:?}");
    assert!(shown.windows(2).all(|pair| pair[0] < pair[1]), "{shown:?}");
}

#[tokio::test]
async fn what_was_drawn_under_one_lease_is_appended_under_no_other() {
    let Some(server) = RedisServer::start() else { return };
    let node = Node::start(&server, &Arc::new(CountingSource::default()), &board()).await;
    let topic = node.bus.join(node.bus.key().topic(&"a channel"), TopicUse::Agreed);
    let fence = loop {
        if let Role::Leading(fence) = topic.role() {
            break fence;
        }
        tokio::time::timeout(PATIENCE, topic.changed()).await.expect("it leads in time");
    };
    let (now, retention) = (SystemClock.now(), Retention { entries: 8, length: PATIENCE });
    topic.append_as(fence - 1, now, b"of a lease before", retention);
    topic.append_as(fence, now, b"of this one", retention);
    let entry = loop {
        if let Some(entry) = topic.next_entry() {
            break entry;
        }
        tokio::time::timeout(PATIENCE, topic.changed()).await.expect("it stands there in time");
    };
    assert_eq!(entry.text, b"of this one");
}
