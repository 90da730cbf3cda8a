use std::time::Duration;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use crate::domain::{PanelId, Series, Timestamp};
use crate::panels::PanelFrame;

/// How much older a reading is at most that has yet to come to a node: less than where clocks are wrong.
const MAX_AHEAD: Duration = Duration::from_secs(2);

/// How far the moments of one reading may lie apart on two nodes.
const MAX_CLOCK_DIFFERENCE_MS: u64 = 1_000;

/// The panels of a channel as another node draws them: its snapshot, and every batch since applied to that, as a browser does.
pub(super) struct PanelCopies(IndexMap<PanelId, PanelCopy>);

/// A panel as another node draws it. Its moments are of that node's clock, for viewers too, so that all nodes show the same.
#[derive(Default)]
struct PanelCopy {
    frame: PanelFrame,
    /// How many milliseconds this node's clock is ahead of that one.
    clock_ahead: i64,
}

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

    /// How many milliseconds this node's clock, on which the batch was sent at `sent`, is ahead of that of the node that has encoded it.
    /// Less than clocks are usually wrong by is none: the difference has the batch's way to the bus in it, and by so much one reading would
    /// seem to be newer than another.
    pub(super) fn clock_ahead(&self, sent: Timestamp) -> Option<i64> {
        let ahead = sent.as_millis().saturating_sub(self.sent?.as_millis());
        Some(if ahead.unsigned_abs() <= MAX_CLOCK_DIFFERENCE_MS { 0 } else { ahead })
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
        Self(frames.map(|(id, frame)| (id.clone(), PanelCopy { frame, clock_ahead: 0 })).collect())
    }

    /// The panels of a snapshot, by a node than whose clock this one's is so many milliseconds ahead.
    pub(super) fn of_snapshot(received: ReceivedPanels, clock_ahead: i64) -> Self {
        Self(received.panels.into_iter().map(|(id, frame)| (id, PanelCopy { frame, clock_ahead })).collect())
    }

    /// Applies the panels of the next batch, by a node than whose clock this one's is so many milliseconds ahead.
    pub(super) fn apply(&mut self, batch: ReceivedPanels, clock_ahead: i64) {
        for (id, change) in batch.panels {
            let copy = self.0.entry(id).or_default();
            copy.frame.apply(change);
            copy.clock_ahead = clock_ahead;
        }
    }

    /// Whether every panel has something to show.
    pub(super) fn is_complete(&self) -> bool {
        self.0.values().all(|copy| copy.frame.has_something_to_show())
    }

    /// The whole panels.
    pub(super) fn frames(&self) -> impl Iterator<Item = (&PanelId, PanelFrame)> {
        self.0.iter().map(|(id, copy)| (id, copy.frame.clone()))
    }

    /// The past that each panel shows, in order and on this node's clock; `None` where it is no chart.
    pub(super) fn pasts(&self) -> impl Iterator<Item = Option<Series>> {
        self.0.values().map(|copy| Some(copy.frame.view.as_ref()?.past()?.shifted(copy.clock_ahead)))
    }

    /// Whether a panel that shows something looks otherwise here. One that is about to show a newer reading does not, unless it was
    /// waited for long enough: then `is_last` is set.
    pub(super) fn differs(&self, id: &PanelId, frame: &PanelFrame, is_last: bool) -> bool {
        let Some(copy) = self.0.get(id) else { return frame.has_something_to_show() };
        let may_differ = (is_last && frame.at.is_some()) || !copy.may_be_ahead_of(frame);
        may_differ && frame.has_something_to_show() && !looks_like(&copy.frame, frame)
    }

    /// Whether a panel shows another reading here, which is no newer: of two of one moment nobody knows which came first.
    pub(super) fn is_behind(&self, id: &PanelId, frame: &PanelFrame) -> bool {
        let Some(copy) = self.0.get(id) else { return frame.at.is_some() };
        frame.at.is_some_and(|other| copy.at().is_none_or(|at| at <= other)) && !looks_like(&copy.frame, frame)
    }

    /// Whether a panel shows another reading here, which is no older, and about to come there.
    pub(super) fn is_ahead_of(&self, id: &PanelId, frame: &PanelFrame) -> bool {
        let is_other = |copy: &PanelCopy| frame.at.is_none() || !looks_like(&copy.frame, frame);
        self.0.get(id).is_some_and(|copy| copy.may_be_ahead_of(frame) && is_other(copy))
    }
}

impl PanelCopy {
    /// When its reading was taken, on this node's clock.
    fn at(&self) -> Option<Timestamp> {
        Some(self.frame.at?.shifted(self.clock_ahead))
    }

    /// Whether its reading is no older than the frame's, and about to come there, if it is another.
    fn may_be_ahead_of(&self, frame: &PanelFrame) -> bool {
        match (self.at(), frame.at) {
            (Some(at), Some(other)) => other <= at && at.since(other) < MAX_AHEAD,
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::panels::PanelTrouble;

    /// A panel that looks otherwise at each moment.
    fn frame(millis: i64) -> PanelFrame {
        let at = Timestamp::from_millis(millis);
        let trouble = PanelTrouble { reason: "away".to_owned(), since: at, retry_at: at };
        PanelFrame { at: Some(at), trouble: Some(trouble), ..PanelFrame::default() }
    }

    /// A panel that another node, whose clock is five minutes ahead, has drawn when it was 10 s here.
    fn copies() -> (PanelCopies, PanelId) {
        let batch = ReceivedPanels::parse(r#"{"sent":310500,"panels":{"cpu":{"at":310000}}}"#).unwrap();
        let clock_ahead = batch.clock_ahead(Timestamp::from_millis(10_500)).unwrap();
        let copies = PanelCopies::of_snapshot(batch, clock_ahead);
        let id = copies.0.keys().next().unwrap().clone();
        (copies, id)
    }

    #[test]
    fn moments_of_a_node_whose_clock_is_wrong_are_compared_on_this_nodes_clock() {
        let (copies, id) = copies();
        assert!(copies.is_ahead_of(&id, &frame(9_000)));
        assert!(!copies.is_ahead_of(&id, &frame(10_001)) && !copies.is_behind(&id, &frame(9_999)));
        assert!(copies.is_behind(&id, &frame(11_000)));
    }

    #[test]
    fn a_batch_that_was_long_on_its_way_makes_no_reading_newer() {
        let batch = ReceivedPanels::parse(r#"{"sent":10000,"panels":{"cpu":{"at":9900}}}"#).unwrap();
        let clock_ahead = batch.clock_ahead(Timestamp::from_millis(10_400)).unwrap();
        let copies = PanelCopies::of_snapshot(batch, clock_ahead);
        let id = copies.0.keys().next().unwrap().clone();
        assert!(copies.is_behind(&id, &frame(10_000)));
    }

    #[test]
    fn of_two_readings_of_nearly_the_same_moment_the_older_does_not_come_after_the_newer() {
        let (copies, id) = copies();
        assert!(copies.is_ahead_of(&id, &frame(9_997)) && copies.is_behind(&id, &frame(10_003)));
        let same = |millis| PanelFrame { at: Some(Timestamp::from_millis(millis)), ..PanelFrame::default() };
        assert!(!copies.is_ahead_of(&id, &same(9_997)) && !copies.is_behind(&id, &same(10_003)), "one reading, by two clocks");
    }

    #[test]
    fn what_seems_to_be_older_here_is_told_when_nothing_newer_has_come() {
        let (copies, id) = copies();
        assert!(!copies.differs(&id, &frame(9_000), false));
        assert!(copies.differs(&id, &frame(9_000), true));
    }
}
