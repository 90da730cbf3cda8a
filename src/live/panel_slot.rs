use std::time::Duration;

use crate::domain::{Bindings, History, Timestamp};
use crate::feeds::{FeedState, FeedSubscription};
use crate::panels::{Panel, PanelFrame, PanelSettings, PanelTrouble, ReadingMismatch};

/// A panel of a channel, and which readings of its feed it has taken.
pub(super) struct PanelSlot {
    panel: Panel,
    every: Duration,
    /// How many of the feed's newest readings the panel takes.
    most_readings: u64,
    /// The feed's `reading_count` when readings were applied last.
    applied_count: u64,
    /// Since when the source's answers are of a type that the panel cannot show.
    mismatched_since: Option<Timestamp>,
}

impl PanelSlot {
    pub(super) fn new(panel: &PanelSettings, bindings: &Bindings) -> Self {
        let every = panel.source.as_ref().map_or(Duration::ZERO, |source| source.every);
        let most_readings = u64::try_from(panel.past().readings).unwrap_or(u64::MAX);
        Self { panel: Panel::new(panel, bindings), every, most_readings, applied_count: 0, mismatched_since: None }
    }

    /// Whether there is a view, or at least a reason why there is none.
    pub(super) fn has_something_to_show(&self) -> bool {
        self.panel.has_something_to_show()
    }

    /// The whole panel after its last update.
    pub(super) fn frame(&self, feed: Option<&FeedSubscription>) -> PanelFrame {
        match feed {
            Some(feed) => self.panel.frame(feed.state().history()),
            None => self.panel.frame(&History::default()),
        }
    }

    /// Applies a feed's state, its new readings and then its trouble, and returns what that changes.
    pub(super) fn update(&mut self, feed: &FeedState) -> Option<PanelFrame> {
        let skipped = feed.reading_count().saturating_sub(self.most_readings);
        for (at, reading) in feed.readings_after(self.applied_count.max(skipped)) {
            match self.panel.add_reading(at, reading, feed.history()) {
                Ok(()) => self.mismatched_since = None,
                Err(mismatch) => self.report_mismatch(at, &mismatch),
            }
        }
        if feed.reading_count() == 0 && feed.trouble().is_some() {
            self.panel.restore(feed.history());
        }
        self.applied_count = feed.reading_count();
        if let Some(trouble) = feed.trouble() {
            self.panel.set_trouble(trouble.for_visitors());
        }
        self.panel.drain(feed.history())
    }

    fn report_mismatch(&mut self, at: Timestamp, mismatch: &ReadingMismatch) {
        let since = *self.mismatched_since.get_or_insert_with(|| {
            tracing::warn!(%mismatch, "a panel cannot show what its source answers");
            at
        });
        self.panel.set_trouble(PanelTrouble { reason: mismatch.for_visitors(), since, retry_at: at + self.every });
    }
}
