//! Feeds of several nodes on one bus.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::bus::redis_server::RedisServer;
use crate::bus::{Bus, BusKey, BusState, Role};
use crate::config::BusAddress;
use crate::domain::SystemClock;
use crate::sources::{DocumentRequest, DocumentSource, QueryError, SourceDocument};
use crate::telemetry::Metrics;

use super::*;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many queries a second one of the sources takes.
const RATE: u32 = 20;

const EVERY: Duration = Duration::from_millis(50);

/// How many queries a second the slowest source takes.
const LOW_RATE: u32 = 1;

/// A source that all nodes ask: it answers how often it was asked.
#[derive(Default)]
struct CountedSource(AtomicU64);

/// A source that this node does not reach.
struct UnreachableSource;

#[async_trait]
impl QueryExecutor for UnreachableSource {
    async fn execute(&self, _: &BoundQuery) -> Result<Reading, SourceError> {
        Err(SourceError::Unreachable("there is no route to it".to_owned()))
    }
}

/// A source with settings of its own on one node.
struct OtherSource(Arc<CountedSource>);

#[async_trait]
impl QueryExecutor for OtherSource {
    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        self.0.execute(query).await
    }

    fn fingerprint(&self, _: &SourceName) -> String {
        "other settings".to_owned()
    }
}

#[async_trait]
impl QueryExecutor for Arc<CountedSource> {
    async fn execute(&self, _: &BoundQuery) -> Result<Reading, SourceError> {
        #[expect(clippy::cast_precision_loss, reason = "a test asks some hundred times")]
        Ok(Reading::Number((self.0.fetch_add(1, Ordering::SeqCst) + 1) as f64))
    }

    fn rate(&self, source: &SourceName) -> Option<u32> {
        match source.as_str() {
            "rated" => Some(RATE),
            "rated-documents" => Some(LOW_RATE),
            _ => None,
        }
    }

    fn documents(&self, source: &SourceName) -> Option<&dyn DocumentSource> {
        source.as_str().ends_with("documents").then_some(self as &dyn DocumentSource)
    }
}

#[async_trait]
impl DocumentSource for Arc<CountedSource> {
    fn request(&self, _: &BoundQuery) -> Result<DocumentRequest, QueryError> {
        Ok(DocumentRequest::new("the only one"))
    }

    async fn fetch(&self, _: &DocumentRequest) -> Result<SourceDocument, SourceError> {
        let count = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(SourceDocument::new(count.to_string().into_bytes()))
    }

    async fn pick(&self, _: &BoundQuery, document: &SourceDocument, _: &Holder) -> Result<Reading, SourceError> {
        Ok(Reading::Number(str::from_utf8(document.text()).unwrap().parse().unwrap()))
    }
}

/// A node with one feed.
struct Node {
    bus: Bus,
    feed: FeedSubscription,
    answered: Arc<Notify>,
}

impl Node {
    async fn start(server: &RedisServer, source: &Arc<CountedSource>, name: &str) -> Self {
        Self::start_at(&server.url(), source, name, Arc::new(SystemClock)).await
    }

    async fn start_at(url: &str, source: &Arc<CountedSource>, name: &str, clock: Arc<dyn Clock>) -> Self {
        let bus = join_bus(url, Arc::clone(&clock)).await;
        Self::of(bus, Arc::new(Arc::clone(source)), name, clock)
    }

    fn of(bus: Bus, source: Arc<dyn QueryExecutor>, name: &str, clock: Arc<dyn Clock>) -> Self {
        let feeds = Feeds::new(source, clock).with_bus(bus.clone());
        let query = BoundQuery { source: name.parse().unwrap(), text: "count".to_owned(), bindings: Bindings::new() };
        let past = Past { window: None, readings: 2_000 };
        let answered = Arc::new(Notify::new());
        let feed = feeds.subscribe_all([(FeedKey { query, every: EVERY }, past)], &answered, &Holder::Program).remove(0);
        Self { bus, feed, answered }
    }

    /// The numbers that were shown.
    fn shown(&self) -> Vec<f64> {
        let number = |reading: &Reading| if let Reading::Number(number) = reading { *number } else { f64::NAN };
        self.feed.state().readings_after(0).map(|(_, reading)| number(reading)).collect()
    }

    async fn until(&self, what: &str, is_so: impl Fn(&[f64]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(&self.shown()) {
            assert!(Instant::now() < deadline, "waited in vain for {what}: {:?}", self.shown());
            let _ = tokio::time::timeout(EVERY, self.answered.notified()).await;
        }
    }

    /// Waits for so many further readings.
    async fn shows_more(&self, count: usize) {
        let before = self.shown().len();
        self.until("readings", |shown| shown.len() >= before + count).await;
    }

    fn is_in_order(&self) {
        let shown = self.shown();
        assert!(shown.is_sorted_by(|earlier, later| earlier < later), "twice, or out of order: {shown:?}");
    }
}

#[tokio::test]
async fn a_query_is_executed_once_for_all_nodes_and_each_has_every_answer() {
    let Some(server) = RedisServer::start() else { return };
    for source_name in ["queries", "documents"] {
        let source = Arc::new(CountedSource::default());
        let first = Node::start(&server, &source, source_name).await;
        first.shows_more(5).await;
        let second = Node::start(&server, &source, source_name).await;
        second.shows_more(20).await;
        first.shows_more(1).await;
        first.is_in_order();
        second.is_in_order();
        let (of_first, of_second) = (first.shown(), second.shown());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small whole numbers")]
        let newest = of_first[of_first.len() - 1].max(of_second[of_second.len() - 1]) as u64;
        let asked = source.0.load(Ordering::SeqCst);
        // One may be on its way.
        assert!(asked <= newest + 1, "{source_name}: asked {asked} times for {newest} answers");
        let is_whole = of_second.windows(2).all(|pair| (pair[1] - pair[0] - 1.0).abs() < 0.1);
        assert!(is_whole, "{source_name}: {of_second:?}");
        if source_name == "queries" {
            assert!(of_second[0] <= 5.0, "it begins with the past: {of_second:?}");
        }
    }
}

#[tokio::test]
async fn when_the_node_that_leads_goes_another_takes_over_at_once() {
    let Some(server) = RedisServer::start() else { return };
    let source = Arc::new(CountedSource::default());
    let first = Node::start(&server, &source, "queries").await;
    first.shows_more(3).await;
    let second = Node::start(&server, &source, "queries").await;
    second.shows_more(3).await;
    first.bus.leave_all().await;
    drop(first);
    let before = Instant::now();
    second.shows_more(5).await;
    assert!(before.elapsed() < Duration::from_secs(2), "it waited for the lease to lapse: {:?}", before.elapsed());
    second.is_in_order();
}

#[tokio::test]
async fn a_node_that_was_killed_is_replaced_by_one_other_when_its_lease_has_lapsed() {
    let Some(server) = RedisServer::start() else { return };
    let source = Arc::new(CountedSource::default());
    let doomed = tokio::task::spawn_blocking({
        let (source, address) = (Arc::clone(&source), server.url());
        move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let node = runtime.block_on(Node::start_at(&address, &source, "queries", Arc::new(SystemClock)));
            runtime.block_on(node.shows_more(3));
            (runtime, node)
        }
    });
    let (runtime, doomed) = doomed.await.unwrap();
    let others = [Node::start(&server, &source, "queries").await, Node::start(&server, &source, "queries").await];
    for other in &others {
        other.until("the past", |shown| !shown.is_empty()).await;
        other.until("its part", |_| other.feed.role() == Some(Role::Following)).await;
    }
    // It can tell nobody, as nothing of it runs any more.
    runtime.shutdown_background();
    let asked = source.0.load(Ordering::SeqCst);
    let killed = Instant::now();
    for other in &others {
        let before = other.shown().len();
        other.until("the next node", |shown| shown.len() > before + 10).await;
        other.is_in_order();
    }
    assert!(killed.elapsed() < Duration::from_secs(15), "{:?}", killed.elapsed());
    let (asked, shown) = (source.0.load(Ordering::SeqCst) - asked, others.each_ref().map(Node::shown));
    let newest = shown.iter().map(|shown| shown[shown.len() - 1]).fold(0.0, f64::max);
    #[expect(clippy::cast_precision_loss, reason = "small whole numbers")]
    let total = source.0.load(Ordering::SeqCst) as f64;
    assert!(total <= newest + 1.0, "asked {asked} times since: {shown:?}");
    drop(doomed);
}

async fn join_bus(url: &str, clock: Arc<dyn Clock>) -> Bus {
    let address: BusAddress = url.parse().unwrap();
    let key = BusKey::from_secret(b"the cluster's secret");
    let bus = Bus::start(&address, None, key, clock, Metrics::new().bus()).unwrap();
    // The first try may fail on a busy machine: a node without the bus shares nothing.
    bus.subscribe().wait_for(|state| *state == BusState::Up).await.unwrap();
    bus
}

/// A clock that is wrong by so many minutes.
struct WrongClock(u64);

impl Clock for WrongClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + Duration::from_mins(self.0)
    }

    fn sleep(&self, length: Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(length))
    }
}

#[tokio::test]
async fn nodes_whose_clocks_differ_agree_on_how_old_an_answer_is_and_go_on_where_the_other_stopped() {
    let Some(server) = RedisServer::start() else { return };
    let source = Arc::new(CountedSource::default());
    let [fast, right] = [WrongClock(5), WrongClock(0)].map(Arc::new);
    let first = Node::start_at(&server.url(), &source, "queries", fast.clone()).await;
    first.shows_more(3).await;
    let second = Node::start_at(&server.url(), &source, "queries", right.clone()).await;
    second.shows_more(5).await;
    let is_new = |node: &Node, clock: &WrongClock| {
        let (at, now) = (node.feed.state().last_ok().unwrap(), clock.now());
        assert!(at <= now + SECOND && now.since(at) < 5 * SECOND, "{at:?} at {now:?}");
    };
    is_new(&second, &right);
    first.bus.leave_all().await;
    drop(first);
    second.shows_more(5).await;
    second.is_in_order();
    let third = Node::start_at(&server.url(), &source, "queries", fast.clone()).await;
    third.shows_more(5).await;
    is_new(&third, &fast);
    third.is_in_order();
}

#[tokio::test]
async fn a_source_has_one_rate_for_all_nodes() {
    let Some(server) = RedisServer::start() else { return };
    let source = Arc::new(CountedSource::default());
    let began = Instant::now();
    let mut nodes = Vec::new();
    for node in 0..2 {
        let bus = join_bus(&server.url(), Arc::new(SystemClock)).await;
        let feeds = Feeds::new(Arc::new(Arc::clone(&source)), Arc::new(SystemClock)).with_bus(bus);
        let queries = (0..60).map(|number| {
            let (source, text) = ("rated".parse().unwrap(), format!("{node}/{number}"));
            let query = BoundQuery { source, text, bindings: Bindings::new() };
            (FeedKey { query, every: 3600 * SECOND }, Past::default())
        });
        nodes.push(feeds.subscribe_all(queries.collect::<Vec<_>>(), &Arc::default(), &Holder::Program));
    }
    while source.0.load(Ordering::SeqCst) < 60 {
        assert!(began.elapsed() < PATIENCE, "asked {} times", source.0.load(Ordering::SeqCst));
        tokio::time::sleep(EVERY).await;
    }
    // A second's worth at once.
    assert!(began.elapsed() > Duration::from_millis(1_900), "60 queries in {:?}", began.elapsed());
}

#[tokio::test]
async fn a_document_that_many_nodes_need_counts_once_against_its_sources_rate() {
    let Some(server) = RedisServer::start() else { return };
    let source = Arc::new(CountedSource::default());
    let mut buses = Vec::new();
    for _ in 0..6 {
        buses.push(join_bus(&server.url(), Arc::new(SystemClock)).await);
    }
    let start = |bus| Node::of(bus, Arc::new(Arc::clone(&source)), "rated-documents", Arc::new(SystemClock));
    let nodes: Vec<_> = buses.into_iter().map(start).collect();
    for node in &nodes {
        node.until("the document", |shown| !shown.is_empty()).await;
    }
    let client = redis::Client::open(server.url()).unwrap();
    let mut bus = client.get_multiplexed_async_connection().await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    let keys = loop {
        let keys: Vec<String> = redis::cmd("KEYS").arg("belvedere:*:rate:*").query_async(&mut bus).await.unwrap();
        if !keys.is_empty() {
            break keys;
        }
        // Nodes that had lost the bus meanwhile have asked without it, and count when it is back.
        assert!(Instant::now() < deadline, "nothing counts");
        nodes[0].shows_more(1).await;
    };
    let due: u64 = redis::cmd("GET").arg(&keys[0]).query_async(&mut bus).await.unwrap();
    let (seconds, _): (u64, u64) = redis::cmd("TIME").query_async(&mut bus).await.unwrap();
    // The nodes ask on as fast as the rate allows: one more may wait for its second, and not one for each node.
    assert!(due / 1_000_000 <= seconds + 2, "the next is due {} s from now", due / 1_000_000 - seconds);
}

#[tokio::test]
async fn a_node_that_does_not_reach_the_source_lets_another_ask() {
    let Some(server) = RedisServer::start() else { return };
    let source = Arc::new(CountedSource::default());
    let lonely = join_bus(&server.url(), Arc::new(SystemClock)).await;
    let lonely = Node::of(lonely, Arc::new(UnreachableSource), "queries", Arc::new(SystemClock));
    lonely.until("its part", |_| matches!(lonely.feed.role(), Some(Role::Leading(_)))).await;
    let well = Node::start(&server, &source, "queries").await;
    well.shows_more(5).await;
    lonely.shows_more(5).await;
    lonely.is_in_order();
}

#[tokio::test]
async fn nodes_with_other_settings_of_a_source_do_not_share_what_it_answers() {
    let Some(server) = RedisServer::start() else { return };
    let (here, there) = (Arc::new(CountedSource::default()), Arc::new(CountedSource::default()));
    let one = Node::start(&server, &here, "queries").await;
    one.shows_more(3).await;
    let bus = join_bus(&server.url(), Arc::new(SystemClock)).await;
    let other = Node::of(bus, Arc::new(OtherSource(Arc::clone(&there))), "queries", Arc::new(SystemClock));
    other.shows_more(3).await;
    assert!(other.shown()[0] < 1.5, "{:?}", other.shown());
    assert!(there.0.load(Ordering::SeqCst) >= 3);
}

#[tokio::test]
async fn without_the_bus_each_node_asks_and_with_it_again_one() {
    let Some(server) = RedisServer::start() else { return };
    let source = Arc::new(CountedSource::default());
    let nodes = [Node::start(&server, &source, "queries").await, Node::start(&server, &source, "queries").await];
    for node in &nodes {
        node.shows_more(5).await;
    }
    for _ in 0..2 {
        server.kill();
        for node in &nodes {
            node.bus.subscribe().wait_for(|state| matches!(state, BusState::Down(_))).await.unwrap();
            node.shows_more(10).await;
        }
        server.start_again().unwrap();
        for node in &nodes {
            node.bus.subscribe().wait_for(|state| *state == BusState::Up).await.unwrap();
            node.shows_more(10).await;
        }
    }
    let count = || (source.0.load(Ordering::SeqCst), nodes.each_ref().map(|node| node.shown().len()));
    let before = count();
    for node in &nodes {
        node.shows_more(20).await;
        node.is_in_order();
    }
    let after = count();
    let roles = nodes.each_ref().map(|node| node.feed.role());
    assert!(roles.iter().any(|role| matches!(role, Some(Role::Leading(_)))), "{roles:?}");
    assert!(roles.contains(&Some(Role::Following)), "{roles:?}");
    // Twice as often, were each to ask for itself.
    let shown = (after.1[0] - before.1[0]).max(after.1[1] - before.1[1]);
    assert!(after.0 - before.0 <= u64::try_from(shown).unwrap() + 5, "{before:?} {after:?}");
}

#[test]
fn what_another_node_is_answered_is_awaited_about_when_it_is_due() {
    let due = Timestamp::from_millis(1_800_000_000_000);
    let mut state = crate::feeds::FeedState::new(due, crate::domain::History::default(), Past { window: None, readings: 1 });
    state.set_followed(true);
    let millis = Duration::from_millis;
    assert!(!state.is_pending(due - millis(50)), "it is not due for long");
    assert!(state.is_pending(due - millis(2)) && state.is_pending(due) && state.is_pending(due + millis(20)));
    assert!(!state.is_pending(due + SECOND), "its source has nothing new to push");
    state.set_followed(false);
    assert!(state.is_pending(due + SECOND));
}
