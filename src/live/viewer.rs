use std::sync::Arc;

use tokio::sync::watch;

use super::channel::{Head, Position};
use super::cursor::Cursor;
use super::said::Said;
use super::seat::Seat;
use crate::telemetry::LiveMetrics;

/// One who watches and fetches what comes next, as a stream of events does.
pub struct Viewer {
    cursor: Cursor,
    head: watch::Receiver<Head>,
}

impl Viewer {
    /// Watches from `position` on, if the channel still holds all that came after it; otherwise from a snapshot.
    pub fn new(seat: Seat, position: Option<&Position>) -> Self {
        let head = seat.channel().head();
        Self { cursor: Cursor::new(seat, position), head }
    }

    /// The greeting, which says where the channel is, and by `revision` what a page that goes on from there shows.
    pub fn hello(&self, revision: &str) -> Arc<Said> {
        Arc::new(self.cursor.channel().hello(revision))
    }

    /// What is counted of it.
    pub(super) fn metrics(&self) -> &LiveMetrics {
        self.cursor.channel().metrics()
    }

    /// Whether all that was missed will be replayed.
    pub(super) fn resumes(&self) -> bool {
        self.cursor.resumes()
    }

    /// What a silent line is told.
    pub(super) fn ping(&self) -> Arc<Said> {
        Arc::clone(self.cursor.channel().ping())
    }

    /// What comes next: every batch in order while the ring holds it, one snapshot when it does not; `None` when the
    /// channel broke. Cancelling this loses nothing.
    pub async fn next(&mut self) -> Option<Arc<Said>> {
        loop {
            self.head.mark_unchanged();
            if self.cursor.channel().is_broken() {
                return None;
            }
            if let Some(said) = self.cursor.advance() {
                return Some(said);
            }
            // The sender lives in the channel, which the cursor holds: it cannot be gone.
            let _ = self.head.changed().await;
        }
    }
}
