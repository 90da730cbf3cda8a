#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod channels;
mod history;
mod model;
mod nodes;
mod ws_connections;

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::{FutureExt, StreamExt};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::DuplexStream;
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::*;
use crate::auth::CredentialWatch;
use crate::config::LiveSettings;
use crate::domain::{
    BoundQuery, Clock, Holder, ManualClock, Network, PersonId, Reading, SessionId, SourceName, Timestamp, Visitor,
};
use crate::feeds::{Feeds, QueryExecutor};
use crate::pages::{OpenPage, PageStore};
use crate::sources::{
    DocumentRequest, DocumentSource, FilterWorkers, NamedSources, QueryError, SourceDocument, SourceError, Sources,
};
use crate::telemetry::Metrics;

const INTERVAL: Duration = Duration::from_millis(100);
const GRACE: Duration = Duration::from_mins(1);
const SECOND: Duration = Duration::from_secs(1);
const RING: usize = 4;

/// A page with a chart and an input that its query does not use.
const CHART: &str = r#"
title = "Chart"
access = "public"
[[input]]
name = "city"
kind = "dropdown"
options = ["LA", "NYC"]
[[panel]]
id = "cpu"
title = "CPU"
kind = "line"
source = "host"
query = "cpu.total"
every = "1s"
window = "1m"
"#;

/// A source that counts up, or fails with a given reason.
#[derive(Default)]
struct CountingSource {
    asked: Mutex<HashMap<String, usize>>,
    failure: Mutex<Option<String>>,
    /// Whether what it answers is picked from a document, of which there is no past.
    has_document: AtomicBool,
}

impl CountingSource {
    fn asked(&self, query: &str) -> usize {
        self.asked.lock().unwrap().get(query).copied().unwrap_or(0)
    }

    fn fails_with(&self, reason: Option<&str>) {
        *self.failure.lock().unwrap() = reason.map(ToOwned::to_owned);
    }
}

#[async_trait]
impl QueryExecutor for Arc<CountingSource> {
    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        let mut asked = self.asked.lock().unwrap();
        let count = asked.entry(query.text.clone()).or_default();
        *count += 1;
        match &*self.failure.lock().unwrap() {
            Some(reason) => Err(SourceError::BadAnswer(reason.clone())),
            None => Ok(Reading::Number(f64::from(u32::try_from(*count).unwrap()))),
        }
    }

    fn documents(&self, _: &SourceName) -> Option<&dyn DocumentSource> {
        self.has_document.load(Ordering::Relaxed).then_some(self as &dyn DocumentSource)
    }
}

#[async_trait]
impl DocumentSource for Arc<CountingSource> {
    fn request(&self, _: &BoundQuery) -> Result<DocumentRequest, QueryError> {
        Ok(DocumentRequest::new("the only one"))
    }

    async fn fetch(&self, _: &DocumentRequest) -> Result<SourceDocument, SourceError> {
        let mut asked = self.asked.lock().unwrap();
        let count = asked.entry(String::new()).or_default();
        *count += 1;
        Ok(SourceDocument::new(count.to_string().into_bytes()))
    }

    async fn pick(&self, _: &BoundQuery, document: &SourceDocument, _: &Holder) -> Result<Reading, SourceError> {
        Ok(Reading::Number(str::from_utf8(document.text()).unwrap().parse().unwrap()))
    }
}

struct LiveFixture {
    clock: Arc<ManualClock>,
    counter: Arc<CountingSource>,
    page_store: Arc<PageStore>,
    hub: Arc<Hub>,
    shutdown: watch::Sender<bool>,
    folder: TempDir,
}

impl LiveFixture {
    fn with_page(page: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("board.toml"), page).unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
        let sources = Arc::new(
            Sources::open(&NamedSources::default(), &(clock.clone() as _), &Arc::new(FilterWorkers::of_this_program()))
                .unwrap(),
        );
        let page_store = Arc::new(PageStore::load(folder.path(), Arc::clone(&sources)).unwrap());
        assert_eq!(page_store.count(), 1, "{}", page_store.diagnostics());
        let counter = Arc::new(CountingSource::default());
        let feeds = Feeds::new(Arc::new(Arc::clone(&counter)), clock.clone());
        let hub = Arc::new(Hub::new(sources, feeds, live_settings(RING), clock.clone(), Metrics::new().live()));
        Self { clock, counter, page_store, hub, shutdown: watch::Sender::new(false), folder }
    }

    fn page(&self) -> OpenPage {
        self.page_store.authorize("board", &Visitor::Anonymous).unwrap()
    }

    fn subscribe(&self, inputs: &[(&str, &str)]) -> Subscription {
        let page = self.page();
        self.hub.subscribe(&page, &page.choose(inputs.iter().copied()).unwrap(), &stranger(1)).unwrap()
    }

    fn authorization(&self) -> LiveAuthorization {
        // Each has a session of its own, as far as the limits go.
        let session = SessionId::new(self.hub.viewers() as u128);
        let (changes, permit) =
            (self.page_store.subscribe(), self.hub.acquire_permit(PermitHolder::Session(session), None).unwrap());
        let (page_store, shutdown) = (Arc::clone(&self.page_store), self.shutdown.subscribe());
        LiveAuthorization::new(
            page_store,
            changes,
            self.page(),
            Visitor::Anonymous,
            CredentialWatch::default(),
            shutdown,
            permit,
        )
    }

    /// Connects over a WebSocket whose transport buffers `capacity` bytes, and returns the client's end.
    fn connects(&self, inputs: &[(&str, &str)], position: Option<ChannelPosition>, capacity: usize) -> DuplexStream {
        self.connects_with(inputs, position, capacity, false)
    }

    /// Connects as [`Self::connects`] does, with or without deflated messages.
    fn connects_with(
        &self,
        inputs: &[(&str, &str)],
        position: Option<ChannelPosition>,
        capacity: usize,
        deflates: bool,
    ) -> DuplexStream {
        let (server_side, client) = tokio::io::duplex(capacity);
        let clock: Arc<dyn Clock> = self.clock.clone();
        let handler = WsHandler::new(Arc::clone(&self.hub), self.subscribe(inputs), position, self.authorization(), clock);
        self.hub.spawn(handler.serve(Upgraded { transport: Box::new(server_side), deflates }, ()));
        client
    }

    /// Connects, and returns the client's end as a WebSocket of another implementation.
    async fn watches(&self, inputs: &[(&str, &str)], position: Option<ChannelPosition>, capacity: usize) -> ClientSocket {
        WebSocketStream::from_raw_socket(self.connects(inputs, position, capacity), Role::Client, None).await
    }

    fn watch(&self) -> ChannelReader {
        ChannelReader::new(self.subscribe(&[]), None)
    }

    /// Moves the clock on by `length` in steps of a batch interval, letting everybody act after each.
    async fn passes(&self, length: Duration) {
        let until = self.clock.now() + length;
        while self.clock.now() < until {
            self.clock.advance(INTERVAL);
            settle().await;
        }
    }
}

/// Settings with a ring of so many batches.
fn live_settings(ring: usize) -> LiveSettings {
    LiveSettings {
        bus: None,
        bus_ca_file: None,
        heartbeat: 25 * SECOND,
        batch_interval: INTERVAL,
        ring,
        grace: GRACE,
        most: 1_000,
        per_address: 100,
        per_session: 10,
    }
}

/// A stranger from a network of their own.
fn stranger(site: u16) -> Holder {
    Holder::Stranger(Network::narrowest_of(Some(std::net::Ipv6Addr::from([0x2001, 0xdb8, site, 0, 0, 0, 0, 1]).into())))
}

/// The client's end of a WebSocket.
type ClientSocket = WebSocketStream<DuplexStream>;

/// Lets every task that is ready act. The tests run on one thread, so this is exact: no time passes.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

fn json(message: &EncodedMessage) -> Value {
    serde_json::from_str(message.text()).unwrap()
}

fn shown(frame: &Value) -> &str {
    frame["panels"]["cpu"]["view"]["figure"]["text"].as_str().unwrap()
}

const BOARD: &str = r#"
title = "Board"
access = "public"
[[panel]]
id = "cpu"
title = "CPU"
kind = "stat"
source = "host"
query = "cpu.total"
every = "1s"
"#;

/// The next message at the client's end, if any comes; the inner `None` is the end. A small buffer takes many turns for a frame.
async fn next_message(client: &mut ClientSocket) -> Option<Option<Result<Message, Error>>> {
    for _ in 0..400 {
        if let Some(next) = client.next().now_or_never() {
            return Some(next);
        }
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
    }
    None
}
