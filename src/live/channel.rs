use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indexmap::IndexMap;
use tokio::sync::watch;

use crate::config::{LiveSettings, PanelSettings};
use crate::domain::{Bindings, PanelId, Timestamp};
use crate::pages::{InputChoice, Page};
use crate::panels::{Panel, PanelFrame, PanelTrouble, ReadingMismatch};

use super::feed::FeedState;
use super::ring::Ring;
use super::rows::Rows;
use super::said::{Message, PanelFrames, Said};
use crate::telemetry::LiveMetrics;
use crate::websocket;

/// A place in a channel's story: which story, and how far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Which run of the channel; a new one after every restart.
    pub epoch: String,
    /// How many batches it had said.
    pub seq: u64,
}

/// The state of a channel at one position, for the first paint.
#[derive(Clone, Debug)]
pub struct Painting {
    /// Where the socket goes on from.
    pub position: Position,
    /// Each panel as it stands, in the page's order.
    pub panels: IndexMap<PanelId, PanelFrame>,
}

/// One page with one choice of inputs: its panels, and an append-only ring of encoded batches.
pub(super) struct Channel {
    epoch: String,
    head: watch::Sender<Head>,
    broken: AtomicBool,
    heartbeat: Duration,
    ping: Arc<Said>,
    told: Mutex<Told>,
    rows: Rows,
    metrics: Arc<LiveMetrics>,
}

/// The newest batch of a channel.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Head {
    /// Its number; 0 before the first.
    pub(super) seq: u64,
    /// When the oldest of its readings was taken.
    pub(super) read_at: Option<Timestamp>,
}

/// What has been told up to `seq`. The panels change only together with the ring, so a state always belongs to a `seq`.
struct Told {
    panels: IndexMap<PanelId, Shown>,
    ring: Ring,
    snapshot: Option<Arc<Said>>,
}

/// A panel, and the reading it shows.
struct Shown {
    panel: Panel,
    every: Duration,
    /// The number of the reading that was taken last.
    taken: u64,
    /// Since when the source's answers are nothing that the panel can show.
    mismatched_since: Option<Timestamp>,
}

impl Channel {
    pub(super) fn new(page: &Page, choice: &InputChoice, settings: &LiveSettings, metrics: Arc<LiveMetrics>) -> Self {
        let panels = page.panels.iter().map(|panel| (panel.id.clone(), Shown::new(panel, &choice.bindings))).collect();
        Self {
            epoch: new_epoch(),
            head: watch::Sender::default(),
            broken: AtomicBool::new(false),
            heartbeat: settings.heartbeat,
            // Browsers' scripts cannot see a WebSocket's own ping, but every client answers one by itself: the first tells
            // the page that the line is alive, the second tells us.
            ping: Arc::new(Message::Ping.encode().followed_by(&websocket::ping_frame(&[]))),
            told: Mutex::new(Told { panels, ring: Ring::new(settings.ring), snapshot: None }),
            rows: Rows::default(),
            metrics,
        }
    }

    /// The channel as it stands, and where that is in its story.
    pub(super) fn paint(&self) -> Painting {
        let told = self.told();
        Painting {
            position: Position { epoch: self.epoch.clone(), seq: told.ring.head() },
            panels: told.panels.iter().map(|(id, shown)| (id.clone(), shown.panel.frame())).collect(),
        }
    }

    /// Gives the channel up after a fault of ours: its viewers are sent away to come back to a new one.
    pub(super) fn break_off(&self) {
        self.broken.store(true, Ordering::Relaxed);
        self.head.send_modify(|_| ());
    }

    /// Whether it was given up.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// How often a silent connection is told that it is alive.
    pub(super) fn heartbeat(&self) -> Duration {
        self.heartbeat
    }

    /// What it is told then.
    pub(super) fn ping(&self) -> &Arc<Said> {
        &self.ping
    }

    /// What is counted of it.
    pub(super) fn metrics(&self) -> &Arc<LiveMetrics> {
        &self.metrics
    }

    /// Those who watch over sockets.
    pub(super) fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The number of the newest batch.
    pub(super) fn seq(&self) -> u64 {
        self.head.borrow().seq
    }

    /// Wakes whenever the head moves.
    pub(super) fn head(&self) -> watch::Receiver<Head> {
        self.head.subscribe()
    }

    /// Resolves once every panel has something to show, if only its trouble.
    pub(super) async fn complete(&self) {
        let mut head = self.head();
        loop {
            head.mark_unchanged();
            if self.told().is_complete() {
                return;
            }
            // The sender is a field of `self`.
            let _ = head.changed().await;
        }
    }

    /// Whether everything after `position` can still be replayed.
    pub(super) fn can_resume(&self, position: &Position) -> bool {
        position.epoch == self.epoch && self.told().ring.holds_after(position.seq)
    }

    /// The greeting of a connection.
    pub(super) fn hello(&self, revision: &str) -> Said {
        let seq = self.told().ring.head();
        Message::Hello { epoch: &self.epoch, seq, heartbeat: self.heartbeat.as_secs(), revision }.encode()
    }

    /// What someone at `cursor` is told next: the next batch while the ring holds it, otherwise one snapshot; `None`
    /// at the head.
    pub(super) fn after(&self, cursor: Option<u64>) -> Option<Arc<Said>> {
        let mut told = self.told();
        match cursor {
            Some(seq) if seq == told.ring.head() => None,
            Some(seq) if told.ring.holds_after(seq) => told.ring.after(seq).cloned(),
            _ => {
                self.metrics.snapshot();
                Some(told.snapshot(&self.epoch))
            }
        }
    }

    /// Takes in what the feeds said and tells it in one batch. Silent when nothing changed.
    pub(super) fn tell(&self, news: &[(usize, FeedState)], now: Timestamp) {
        let mut told = self.told();
        for (panel, state) in news {
            if let Some((_, shown)) = told.panels.get_index_mut(*panel) {
                shown.take(state);
            }
        }
        let seq = told.ring.head() + 1;
        let batch = {
            let frames: PanelFrames<'_> =
                told.panels.iter_mut().filter_map(|(id, shown)| Some((id, shown.panel.drain()?))).collect();
            if frames.is_empty() {
                return;
            }
            let position = Position { epoch: self.epoch.clone(), seq };
            Message::Batch { seq, sent: now, panels: &frames }.encode_at(Some(position))
        };
        told.snapshot = None;
        let read_at = batch.read_at();
        told.ring.push(Arc::new(batch));
        drop(told);
        self.head.send_replace(Head { seq, read_at });
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    fn is_complete(&self) -> bool {
        self.panels.values().all(|shown| shown.panel.has_something_to_show())
    }

    fn snapshot(&mut self, epoch: &str) -> Arc<Said> {
        let Self { panels, ring, snapshot } = self;
        let said = snapshot.get_or_insert_with(|| {
            let frames = panels.iter().map(|(id, shown)| (id, shown.panel.frame())).collect();
            let position = Position { epoch: epoch.to_owned(), seq: ring.head() };
            Arc::new(Message::Snapshot { epoch, seq: ring.head(), panels: &frames }.encode_at(Some(position)))
        });
        Arc::clone(said)
    }
}

impl Shown {
    fn new(panel: &PanelSettings, bindings: &Bindings) -> Self {
        let every = panel.source.as_ref().map_or(Duration::ZERO, |source| source.every);
        Self { panel: Panel::new(panel, bindings), every, taken: 0, mismatched_since: None }
    }

    /// Takes in what a feed knows: its reading unless it is the one shown already, then its trouble.
    fn take(&mut self, state: &FeedState) {
        if let Some((at, reading)) = &state.reading
            && self.taken != state.readings
        {
            self.taken = state.readings;
            match self.panel.add_reading(*at, reading) {
                Ok(()) => self.mismatched_since = None,
                Err(mismatch) => self.does_not_fit(*at, &mismatch),
            }
        }
        if let Some(trouble) = &state.trouble {
            self.panel.set_trouble(trouble.clone());
        }
    }

    fn does_not_fit(&mut self, at: Timestamp, mismatch: &ReadingMismatch) {
        let since = *self.mismatched_since.get_or_insert_with(|| {
            tracing::warn!(%mismatch, "a panel cannot show what its source answers");
            at
        });
        self.panel.set_trouble(PanelTrouble { reason: mismatch.to_string(), since, retry_at: at + self.every });
    }
}

/// 64 random bits, so that no two runs of a channel are taken for one another. It guards no secret.
fn new_epoch() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}
