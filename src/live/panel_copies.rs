use std::time::Duration;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use crate::domain::{PanelId, Series, Timestamp};
use crate::panels::PanelFrame;

/// How much older a reading is that has yet to come to a node: more than clocks differ by themselves, and less than where they are
/// wrong.
const MIN_AHEAD: Duration = Duration::from_millis(20);
const MAX_AHEAD: Duration = Duration::from_secs(2);

/// How far the moments of one reading may lie apart on two nodes.
const MAX_CLOCK_DIFFERENCE_MS: u64 = 1_000;

/// The panels of a channel as another node draws them: its snapshot, and every batch since applied to that, as a browser does.
pub(super) struct PanelCopies(IndexMap<PanelId, PanelFrame>);

/// The panels in the JSON of a snapshot or a batch.
#[derive(Deserialize)]
pub(super) struct ReceivedPanels {
    /// When the batch was sent, on the clock of the node that has encoded it.
    sent: Option<Timestamp>,
    panels: IndexMap<PanelId, PanelFrame>,
}

impl ReceivedPanels {
    /// Reads a message; `None` where it is of another program.
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).inspect_err(|error| tracing::error!(%error, "another node's message cannot be read")).ok()
    }

    /// When the oldest of its readings was taken, for a batch that was sent at `sent` on this node's clock.
    pub(super) fn read_at(&self, sent: Timestamp) -> Option<Timestamp> {
        let read_at = self.panels.values().filter_map(|frame| frame.at).min()?;
        Some(sent - self.sent?.since(read_at))
    }
}

impl PanelCopies {
    /// Copies of panels that this node draws itself.
    pub(super) fn of<'a>(frames: impl Iterator<Item = (&'a PanelId, PanelFrame)>) -> Self {
        Self(frames.map(|(id, frame)| (id.clone(), frame)).collect())
    }

    /// The panels of a snapshot.
    pub(super) fn of_snapshot(received: ReceivedPanels) -> Self {
        Self(received.panels)
    }

    /// Applies the panels of the next batch.
    pub(super) fn apply(&mut self, batch: ReceivedPanels) {
        for (id, change) in batch.panels {
            self.0.entry(id).or_default().apply(change);
        }
    }

    /// Whether every panel has something to show.
    pub(super) fn is_complete(&self) -> bool {
        self.0.values().all(|frame| frame.view.is_some() || frame.trouble.is_some())
    }

    /// The whole panels.
    pub(super) fn frames(&self) -> impl Iterator<Item = (&PanelId, PanelFrame)> {
        self.0.iter().map(|(id, frame)| (id, frame.clone()))
    }

    /// The past that each panel shows, in order; `None` where it is no chart.
    pub(super) fn pasts(&self) -> impl Iterator<Item = Option<Series>> {
        self.0.values().map(|frame| frame.view.as_ref()?.past())
    }

    /// Whether a panel that shows something looks otherwise here.
    pub(super) fn differs(&self, id: &PanelId, frame: &PanelFrame) -> bool {
        let shows = frame.view.is_some() || frame.trouble.is_some();
        shows && !self.is_ahead_of(id, frame) && self.0.get(id).is_none_or(|copy| !looks_like(copy, frame))
    }

    /// Whether a panel shows an older reading here.
    pub(super) fn is_behind(&self, id: &PanelId, frame: &PanelFrame) -> bool {
        let at = self.0.get(id).and_then(|copy| copy.at);
        frame.at.is_some_and(|other| at.is_none_or(|at| other.since(at) > MIN_AHEAD))
    }

    /// Whether a panel shows a newer reading here, which is about to come there.
    pub(super) fn is_ahead_of(&self, id: &PanelId, frame: &PanelFrame) -> bool {
        match (self.0.get(id).and_then(|copy| copy.at), frame.at) {
            (Some(at), Some(other)) => (MIN_AHEAD..MAX_AHEAD).contains(&at.since(other)),
            (Some(_), None) => frame.trouble.is_none(),
            (None, _) => false,
        }
    }
}

/// Whether two nodes draw the same. What one of them has asked and the other was told has moments that differ by what their clocks
/// do.
fn looks_like(copy: &PanelFrame, frame: &PanelFrame) -> bool {
    let [(times, rest), (other_times, other_rest)] = [copy, frame].map(|frame| {
        let mut view = serde_json::to_value(&frame.view).unwrap_or_default();
        let times = view.get_mut("times").map(Value::take).unwrap_or_default();
        (times, view)
    });
    let millis = |times: Value| serde_json::from_value::<Vec<i64>>(times).unwrap_or_default();
    let (times, other_times) = (millis(times), millis(other_times));
    let are_near = times.len() == other_times.len()
        && times.iter().zip(&other_times).all(|(time, other)| time.abs_diff(*other) <= MAX_CLOCK_DIFFERENCE_MS);
    rest == other_rest && are_near && copy.trouble.as_ref().map(|it| it.since) == frame.trouble.as_ref().map(|it| it.since)
}
