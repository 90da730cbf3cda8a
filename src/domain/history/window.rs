use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use super::line::HistoryLine;
use crate::domain::Timestamp;

/// A window of time that ends with the newest point, and the lowest and highest value in it.
#[derive(Clone, Debug)]
pub(super) struct WindowExtent {
    pub(super) length: Duration,
    /// The number of its first point.
    pub(super) first: u64,
    extent: Option<(f64, f64)>,
    /// Whether a value at the edge of the extent has left.
    pub(super) is_stale: bool,
}

impl WindowExtent {
    /// A window that begins at the point with the number `first`, or later.
    pub(super) fn new(length: Duration, first: u64) -> Self {
        Self { length, first, extent: None, is_stale: true }
    }

    pub(super) fn extend(&mut self, value: f64) {
        extend(&mut self.extent, value);
    }

    /// Begins anew, with the point with the number `first` or a later one.
    pub(super) fn rewind(&mut self, first: u64) {
        (self.first, self.is_stale) = (first, true);
    }

    /// Moves on to the newest point. `oldest` is the number of the first of the times and values.
    pub(super) fn advance(&mut self, oldest: u64, times: &VecDeque<Timestamp>, lines: &[HistoryLine]) {
        let Some(newest) = times.back() else { return };
        let begin = *newest - self.length;
        while times[place(self.first - oldest)] < begin {
            let is_edge = |value: f64| self.extent.is_some_and(|(lo, hi)| value <= lo || value >= hi);
            self.is_stale |= lines.iter().any(|line| is_edge(line.values[place(self.first - oldest)]));
            self.first += 1;
        }
        if std::mem::take(&mut self.is_stale) {
            let (mut extent, begin) = (None, place(self.first - oldest));
            lines.iter().flat_map(|line| line.values.range(begin..)).for_each(|value| extend(&mut extent, *value));
            self.extent = extent;
        }
    }
}

/// Extends the extent (lowest and highest) to a value.
fn extend(extent: &mut Option<(f64, f64)>, value: f64) {
    if value.is_finite() {
        let (lo, hi) = extent.get_or_insert((value, value));
        *lo = lo.min(value);
        *hi = hi.max(value);
    }
}

/// How far somebody has drawn a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryCursor {
    /// How often points were changed that were there already.
    pub(super) generation: u64,
    /// How many points there were so far, with those that have left.
    pub(super) end: u64,
}

impl HistoryCursor {
    /// Whether the points up to `earlier` are still the same, or have left.
    pub fn continues(self, earlier: Self) -> bool {
        self.generation == earlier.generation
    }
}

/// The points of a history within one window of time, which ends with the newest point.
#[derive(Clone, Copy, Debug)]
pub struct HistoryWindow<'a> {
    pub(super) times: &'a VecDeque<Timestamp>,
    pub(super) lines: &'a [HistoryLine],
    pub(super) cursor: HistoryCursor,
    pub(super) window: &'a WindowExtent,
    pub(super) whole_numbers: bool,
}

impl<'a> HistoryWindow<'a> {
    /// How far it goes back.
    pub fn length(&self) -> Duration {
        self.window.length
    }

    /// The position behind its newest point.
    pub fn cursor(&self) -> HistoryCursor {
        self.cursor
    }

    /// The lowest and highest value of all its points.
    pub fn extent(&self) -> Option<(f64, f64)> {
        self.window.extent
    }

    /// Whether every value so far was a whole number.
    pub fn whole_numbers(&self) -> bool {
        self.whole_numbers
    }

    /// The lines that were in a reading within it.
    pub fn lines(&self) -> impl Iterator<Item = &'a HistoryLine> {
        let begin = self.times.back().map(|newest| *newest - self.window.length);
        self.lines.iter().filter(move |line| begin.is_some_and(|begin| line.last_seen >= begin))
    }

    /// Its points as they were at `cursor`, as far as they have not left meanwhile; all, where points before it were changed.
    pub fn points_until(&self, cursor: HistoryCursor) -> HistoryPoints<'a> {
        let (times, lines) = (self.times, self.lines);
        let end = if self.cursor.continues(cursor) { cursor.end } else { self.cursor.end };
        let mut places = self.places(0..end);
        if let Some(newest) = times.range(places.clone()).next_back() {
            places.start = times.partition_point(|time| *time < *newest - self.window.length);
        }
        HistoryPoints { times, lines, places }
    }

    /// The points after one cursor, up to another.
    pub fn points_between(&self, from: HistoryCursor, until: HistoryCursor) -> HistoryPoints<'a> {
        HistoryPoints { times: self.times, lines: self.lines, places: self.places(from.end..until.end) }
    }

    /// Where the points with these numbers are, as far as they are kept.
    fn places(&self, numbers: Range<u64>) -> Range<usize> {
        let first = first_number(self.cursor.end, self.times);
        let place = |number: u64| place(number.saturating_sub(first)).min(self.times.len());
        place(numbers.start).min(place(numbers.end))..place(numbers.end)
    }
}

/// A run of points.
#[derive(Clone, Debug)]
pub struct HistoryPoints<'a> {
    times: &'a VecDeque<Timestamp>,
    lines: &'a [HistoryLine],
    places: Range<usize>,
}

impl<'a> HistoryPoints<'a> {
    /// Their times, the oldest first.
    pub fn times(&self) -> impl Iterator<Item = Timestamp> + use<'a> {
        self.times.range(self.places.clone()).copied()
    }

    /// Each line, with a value for each time: NaN where it has a gap.
    pub fn lines(&self) -> impl Iterator<Item = (&'a HistoryLine, impl Iterator<Item = f64> + use<'a>)> + use<'a> {
        let places = self.places.clone();
        self.lines.iter().map(move |line| (line, line.values.range(places.clone()).copied()))
    }
}

/// The number of the first of these times, when the one after the last is `end`.
pub(super) fn first_number(end: u64, times: &VecDeque<Timestamp>) -> u64 {
    end - number(times.len())
}

pub(super) fn number(place: usize) -> u64 {
    u64::try_from(place).unwrap_or(u64::MAX)
}

pub(super) fn place(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
