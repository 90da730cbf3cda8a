//! A viewer who stays: whenever a connection ends it comes back, as the page's script does, and resumes where it was.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite;
use tokio_util::task::AbortOnDropHandle;

use super::visitor::Visitor;

/// How long a test waits for what a viewer must see, on a busy machine too. It never decides a test that passes.
const PATIENCE: Duration = Duration::from_mins(1);

/// The wait before it comes back where the server has not said when.
const RETRY: Duration = Duration::from_millis(100);

/// A viewer of a page, which watches for as long as it is there.
pub(crate) struct Viewer {
    seen: watch::Receiver<Seen>,
    watching: AbortOnDropHandle<()>,
}

/// What a viewer has seen so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The text of the panel's figure, as it is now.
    pub(crate) shown: Option<String>,
    /// The number of batches and snapshots.
    pub(crate) messages: usize,
    pub(crate) snapshots: usize,
    /// The connections that have been accepted.
    pub(crate) connections: usize,
    /// The longest time between a value and the one before it, as they were taken.
    pub(crate) longest_gap: Duration,
    /// The byes, by their reasons, with the time after which it was to come back, in milliseconds.
    pub(crate) byes: Vec<(String, Option<u64>)>,
    /// The reason for which it does not come back.
    pub(crate) end: Option<String>,
    /// The time at which the value shown was taken, in milliseconds.
    at: Option<i64>,
}

/// Watches a page, and remembers.
struct Watching {
    visitor: Visitor,
    /// Where it goes, to one after the other.
    servers: Vec<SocketAddr>,
    slug: &'static str,
    panel: &'static str,
    /// The epoch and the number of the last batch.
    position: Option<(String, u64)>,
    seen: watch::Sender<Seen>,
}

impl Viewer {
    /// A viewer of a page's one panel that matters, with the cookies of `visitor`, at the first of these servers that is there.
    pub(crate) fn of(slug: &'static str, panel: &'static str, visitor: &Visitor, servers: &[SocketAddr]) -> Self {
        let (seen, receiver) = watch::channel(Seen::default());
        let watching = Watching { visitor: visitor.clone(), servers: servers.to_vec(), slug, panel, position: None, seen };
        Self { seen: receiver, watching: AbortOnDropHandle::new(tokio::spawn(watching.run())) }
    }

    /// What it has seen.
    pub(crate) fn seen(&self) -> Seen {
        assert!(!self.watching.is_finished(), "it has seen what may not be, as is written above");
        self.seen.borrow().clone()
    }

    /// Waits until it has seen what must come.
    pub(crate) async fn sees(&mut self, what: &str, is_so: impl FnMut(&Seen) -> bool) -> Seen {
        let waited = tokio::time::timeout(PATIENCE, self.seen.wait_for(is_so)).await.map(|seen| seen.unwrap().clone());
        waited.unwrap_or_else(|_| panic!("it waits in vain for {what}: {:?}", self.seen()))
    }

    /// Waits until it has been told so many things more.
    pub(crate) async fn goes_on_for(&mut self, messages: usize) {
        let wanted = self.seen().messages + messages;
        self.sees("what is new", |seen| seen.messages >= wanted).await;
    }
}

impl Watching {
    async fn run(mut self) {
        while self.seen.borrow().end.is_none() {
            let wait = self.watch_once().await;
            if self.seen.is_closed() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
        // What was seen can be looked at for as long as somebody does.
        self.seen.closed().await;
    }

    /// Watches until the connection ends, and returns when to come back.
    async fn watch_once(&mut self) -> Duration {
        self.visitor.moves_to(self.servers[0]);
        let resumed = self.position.as_ref().map(|(epoch, seq)| format!("?epoch={epoch}&seq={seq}")).unwrap_or_default();
        let path = format!("/live/{}{resumed}", self.slug);
        let mut board = match self.visitor.tries_to_watch(Some(&self.visitor.origin()), &path).await {
            Ok(board) => board,
            Err(error) => {
                if let tungstenite::Error::Http(refused) = &error
                    && refused.status().is_client_error()
                {
                    self.end(&format!("refused: {}", refused.status()));
                }
                self.servers.rotate_left(1);
                return RETRY;
            }
        };
        while let Some(message) = board.next_message().await {
            match message["type"].as_str() {
                Some("hello") => self.seen.send_modify(|seen| seen.connections += 1),
                Some("ping") => drop(board.tries_to_say(r#"{"type":"pong"}"#).await),
                Some("bye") => return self.take_leave(&message),
                Some("snapshot" | "batch") => self.note(&message),
                other => panic!("an unknown message: {other:?}"),
            }
        }
        self.servers.rotate_left(1);
        RETRY
    }

    /// Notes a batch or a snapshot.
    fn note(&mut self, message: &Value) {
        let is_snapshot = message["type"] == "snapshot";
        let seq = message["seq"].as_u64().expect("each has a number");
        if is_snapshot {
            self.position = message["epoch"].as_str().map(|epoch| (epoch.to_owned(), seq));
        } else {
            let (_, last) = self.position.as_mut().expect("a snapshot comes first");
            assert_eq!(seq, *last + 1, "batches are numbered without gaps");
            *last = seq;
        }
        let panel = &message["panels"][self.panel];
        self.seen.send_modify(|seen| {
            seen.messages += 1;
            seen.snapshots += usize::from(is_snapshot);
            if let Some(text) = panel["view"]["figure"]["text"].as_str() {
                seen.shown = Some(text.to_owned());
            }
            if let Some(at) = panel["at"].as_i64() {
                let gap = u64::try_from(at - seen.at.unwrap_or(at)).unwrap_or_default();
                seen.longest_gap = seen.longest_gap.max(Duration::from_millis(gap));
                seen.at = Some(at);
            }
        });
    }

    /// Notes a `bye`, and returns when to come back.
    fn take_leave(&mut self, bye: &Value) -> Duration {
        let (reason, retry) = (bye["reason"].as_str().expect("a bye has a reason"), bye["retry_ms"].as_u64());
        self.seen.send_modify(|seen| seen.byes.push((reason.to_owned(), retry)));
        if retry.is_none() {
            self.end(reason);
        }
        self.servers.rotate_left(1);
        retry.map_or(RETRY, Duration::from_millis)
    }

    fn end(&self, reason: &str) {
        self.seen.send_modify(|seen| seen.end = Some(reason.to_owned()));
    }
}
