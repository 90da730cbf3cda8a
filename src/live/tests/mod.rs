#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod channels;
mod lines;
mod model;

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::{FutureExt, StreamExt};
use indexmap::IndexMap;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::DuplexStream;
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::*;
use crate::config::LiveSettings;
use crate::domain::{BoundQuery, Clock, ManualClock, PersonId, Reading, SessionId, Timestamp, Visitor};
use crate::pages::{OpenPage, PageStore};
use crate::sources::{SourceError, Sources};
use crate::telemetry::Metrics;

const INTERVAL: Duration = Duration::from_millis(100);
const GRACE: Duration = Duration::from_mins(1);
const SECOND: Duration = Duration::from_secs(1);
const RING: usize = 4;

/// A source that counts up, or fails with what it is told to say.
#[derive(Default)]
struct Counter {
    asked: Mutex<HashMap<String, usize>>,
    failure: Mutex<Option<String>>,
}

impl Counter {
    fn asked(&self, query: &str) -> usize {
        self.asked.lock().unwrap().get(query).copied().unwrap_or(0)
    }

    fn fails_with(&self, reason: Option<&str>) {
        *self.failure.lock().unwrap() = reason.map(ToOwned::to_owned);
    }
}

#[async_trait]
impl Answers for Arc<Counter> {
    async fn ask(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        let mut asked = self.asked.lock().unwrap();
        let count = asked.entry(query.text.clone()).or_default();
        *count += 1;
        match &*self.failure.lock().unwrap() {
            Some(reason) => Err(SourceError(reason.clone())),
            None => Ok(Reading::Number(f64::from(u32::try_from(*count).unwrap()))),
        }
    }
}

struct Stage {
    clock: Arc<ManualClock>,
    counter: Arc<Counter>,
    shelf: Arc<PageStore>,
    hub: Arc<Hub>,
    shutdown: watch::Sender<bool>,
    _folder: TempDir,
}

impl Stage {
    fn with_page(page: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("board.toml"), page).unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
        let sources = Arc::new(Sources::open(&IndexMap::new(), clock.clone()).unwrap());
        let shelf = Arc::new(PageStore::load(folder.path(), Arc::clone(&sources)).unwrap());
        assert_eq!(shelf.count(), 1, "{}", shelf.all_faults());
        let counter = Arc::new(Counter::default());
        let feeds = Feeds::new(Arc::new(Arc::clone(&counter)), clock.clone());
        let settings = LiveSettings {
            heartbeat: 25 * SECOND,
            batch_interval: INTERVAL,
            ring: RING,
            grace: GRACE,
            most: 1_000,
            per_address: 100,
            per_session: 10,
        };
        let hub = Arc::new(Hub::new(sources, feeds, settings, clock.clone(), Metrics::new().live()));
        Self { clock, counter, shelf, hub, shutdown: watch::Sender::new(false), _folder: folder }
    }

    fn page(&self) -> OpenPage {
        self.shelf.open("board", &Visitor::Anonymous).unwrap()
    }

    fn sit(&self, inputs: &[(&str, &str)]) -> Seat {
        let page = self.page();
        self.hub.sit(&page, &page.choose(inputs.iter().copied()).unwrap()).unwrap()
    }

    fn authority(&self) -> Authority {
        // Each has a session of its own, as far as the limits go.
        let session = SessionId::new(i64::try_from(self.hub.viewers()).unwrap());
        let (changes, place) = (self.shelf.changes(), self.hub.place(Holder::Session(session), None).unwrap());
        let (shelf, shutdown) = (Arc::clone(&self.shelf), self.shutdown.subscribe());
        Authority::new(shelf, changes, self.page(), Visitor::Anonymous, Lease::default(), shutdown, place)
    }

    /// Watches over a socket whose wire holds so many bytes; what is given back is its far end.
    fn connects(&self, inputs: &[(&str, &str)], position: Option<Position>, wire: usize) -> DuplexStream {
        self.connects_after(inputs, position, wire, false)
    }

    /// The same, for a client that agreed on deflated messages, or did not.
    fn connects_after(
        &self,
        inputs: &[(&str, &str)],
        position: Option<Position>,
        wire: usize,
        deflates: bool,
    ) -> DuplexStream {
        let (near, far) = tokio::io::duplex(wire);
        let clock: Arc<dyn Clock> = self.clock.clone();
        let socket = Socket::new(Arc::clone(&self.hub), self.sit(inputs), position, self.authority(), clock);
        self.hub.carry(socket.serve(Upgraded { wire: Box::new(near), deflates }, ()));
        far
    }

    /// The same, in the hands of a client that is not ours.
    async fn watches(&self, inputs: &[(&str, &str)], position: Option<Position>, wire: usize) -> Far {
        WebSocketStream::from_raw_socket(self.connects(inputs, position, wire), Role::Client, None).await
    }

    fn watch(&self) -> Viewer {
        Viewer::new(self.sit(&[]), None)
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

/// The far end of a socket.
type Far = WebSocketStream<DuplexStream>;

/// Lets every task that is ready act. The tests run on one thread, so this is exact: no time passes.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

fn json(said: &Said) -> Value {
    serde_json::from_str(said.text()).unwrap()
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

/// What comes next at the far end, if anything does; the inner `None` is the end. A narrow wire takes many turns for a frame.
async fn next_of(far: &mut Far) -> Option<Option<Result<Message, Error>>> {
    for _ in 0..400 {
        if let Some(next) = far.next().now_or_never() {
            return Some(next);
        }
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
    }
    None
}
