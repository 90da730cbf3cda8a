use std::collections::VecDeque;
use std::time::Duration;

use super::axis::{self, Bounds, Ruled};
use super::mismatch::Mismatch;
use super::points::{Line, known, widen};
use super::spark::spacing;
use super::unit::Format;
use super::view::{Append, ChartView, Series};
use super::words;
use crate::config::PanelSettings;
use crate::domain::{HealthState, LabelledNumber, Reading, Timestamp};

/// An hour of one reading a second, with room for readings that come a little early: as many points as a wide
/// screen has pixels to show. Readings that come faster are averaged.
pub(super) const MOST_POINTS: u32 = 4_000;

/// Enough for the cores of a large machine; no eye follows more.
pub(super) const MOST_LINES: usize = 128;

/// Lines over time, bare (`line`) or filled beneath (`area`).
///
/// A line that is missing from a reading goes on with gaps, and leaves the chart when its last point does. A panel
/// that was in trouble has a gap from then until its next reading.
#[derive(Debug)]
pub(super) struct Chart {
    format: Format,
    bounds: Bounds,
    window: Duration,
    /// At least so much time lies between two points.
    spacing: Duration,
    thresholds: Vec<(f64, HealthState)>,
    times: VecDeque<Timestamp>,
    lines: Vec<Line>,
    /// The lowest and highest value of all points.
    extent: Option<(f64, f64)>,
    /// Whether a point that stood at the edge of the extent is gone.
    extent_is_stale: bool,
    /// Whether every value so far was a whole number.
    whole_numbers: bool,
    ruled: Ruled,
    /// For which extent, and whether whole numbers, the axis was ruled.
    ruled_for: (Option<(f64, f64)>, bool),
    news: News,
}

/// What a browser that has seen everything up to the last drain does not know yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    None,
    /// So many points at the end, perhaps a new axis, and the latest values.
    Points {
        points: usize,
        axis: bool,
    },
    /// Too much to append: another set of lines, another unit, a clock that was set back.
    Everything,
}

/// What a chart has to tell.
pub(super) enum Told {
    Append(Append),
    View(ChartView),
}

impl Chart {
    pub(super) fn new(settings: &PanelSettings, window: Duration, bounds: Bounds) -> Self {
        let format = Format::of(settings);
        Self {
            ruled: axis::rule(None, true, bounds, &format),
            format,
            bounds,
            window,
            spacing: spacing(window, MOST_POINTS),
            thresholds: settings.thresholds.iter().map(|threshold| (threshold.at, threshold.state)).collect(),
            times: VecDeque::new(),
            lines: Vec::new(),
            extent: None,
            extent_is_stale: false,
            whole_numbers: true,
            ruled_for: (None, true),
            news: News::Everything,
        }
    }

    /// Adds a reading. `gap` is the moment since when there was none, when the panel was in trouble.
    pub(super) fn take(&mut self, at: Timestamp, reading: &Reading, gap: Option<Timestamp>) -> Result<(), Mismatch> {
        let single;
        let numbers = match reading {
            Reading::Numbers(numbers) => numbers.as_slice(),
            Reading::Number(value) => {
                single = [LabelledNumber { label: String::new(), value: *value }];
                &single
            }
            _ => return Err(Mismatch::kind("a chart", "numbers", reading)),
        };
        let same_lines = numbers.len() == self.lines.len()
            && numbers.iter().zip(&self.lines).all(|(number, line)| number.label == line.label);
        if !same_lines {
            check_labels(numbers)?;
        }
        self.rewind(at);
        if let Some(since) = gap.filter(|since| *since < at && self.is_due(*since)) {
            self.add_gap(since);
        }
        self.note(at, numbers, same_lines);
        if self.is_due(at) {
            self.add_point(at);
        }
        self.trim(at);
        self.rule();
        if self.news == News::None {
            self.news = News::Points { points: 0, axis: false };
        }
        Ok(())
    }

    /// The whole chart.
    pub(super) fn view(&self) -> ChartView {
        ChartView {
            times: self.times.iter().copied().collect(),
            series: self
                .lines
                .iter()
                .map(|line| Series {
                    label: words::cut(&line.label),
                    latest: self.format.figure(line.latest),
                    values: line.values.iter().copied().map(known).collect(),
                })
                .collect(),
            axis: self.ruled.axis.clone(),
            window: u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX),
            thresholds: self.thresholds.clone(),
            decimals: self.ruled.decimals,
            unit: self.ruled.scale.unit.clone(),
            divisor: self.ruled.scale.divisor,
        }
    }

    /// What is new since the last drain; `None` when nothing is.
    pub(super) fn drain(&mut self) -> Option<Told> {
        match std::mem::replace(&mut self.news, News::None) {
            News::None => None,
            News::Everything => Some(Told::View(self.view())),
            News::Points { points, axis } => {
                let from = self.times.len() - points.min(self.times.len());
                Some(Told::Append(Append {
                    times: self.times.range(from..).copied().collect(),
                    values: self
                        .lines
                        .iter()
                        .map(|line| line.values.range(from..).copied().map(known).collect())
                        .collect(),
                    latest: self.lines.iter().map(|line| self.format.figure(line.latest)).collect(),
                    axis: axis.then(|| self.ruled.axis.clone()),
                }))
            }
        }
    }

    /// A clock that was set back: what lies ahead of it is not the past any more.
    fn rewind(&mut self, at: Timestamp) {
        let mut rewound = false;
        while self.times.back().is_some_and(|last| *last > at) {
            self.times.pop_back();
            self.lines.iter_mut().for_each(|line| line.values.truncate(self.times.len()));
            rewound = true;
        }
        if rewound {
            self.news = News::Everything;
            self.extent_is_stale = true;
            self.lines.iter_mut().for_each(|line| line.seen = line.seen.min(at));
        }
    }

    /// Whether a point may stand at this moment.
    fn is_due(&self, at: Timestamp) -> bool {
        self.times.back().is_none_or(|last| at >= *last + self.spacing)
    }

    /// Notes the values for the next point, and gives new labels their lines.
    fn note(&mut self, at: Timestamp, numbers: &[LabelledNumber], same_lines: bool) {
        if same_lines {
            let whole_numbers = &mut self.whole_numbers;
            self.lines.iter_mut().zip(numbers).for_each(|(line, number)| line.note(at, number.value, whole_numbers));
            return;
        }
        self.lines.iter_mut().for_each(|line| line.latest = f64::NAN);
        // Known lines first: what makes room for a new one is then a line that is not in the reading.
        let mut new = Vec::new();
        for number in numbers {
            match self.lines.iter_mut().find(|line| line.label == number.label) {
                Some(line) => line.note(at, number.value, &mut self.whole_numbers),
                None => new.push(number),
            }
        }
        for number in new {
            self.make_room();
            let mut line = Line::new(&number.label, self.times.len(), at);
            line.note(at, number.value, &mut self.whole_numbers);
            self.lines.push(line);
            self.news = News::Everything;
        }
    }

    /// Lets go of the line that was not seen for the longest time, when there are too many.
    fn make_room(&mut self) {
        if self.lines.len() < MOST_LINES {
            return;
        }
        if let Some((oldest, _)) = self.lines.iter().enumerate().min_by_key(|(_, line)| line.seen) {
            self.lines.remove(oldest);
            self.extent_is_stale = true;
        }
    }

    /// A point without values, where the lines break.
    fn add_gap(&mut self, at: Timestamp) {
        self.lines.iter_mut().for_each(|line| line.pending = (0.0, 0));
        self.add_point(at);
    }

    fn add_point(&mut self, at: Timestamp) {
        self.times.push_back(at);
        for line in &mut self.lines {
            widen(&mut self.extent, line.add_point());
        }
        if let News::Points { points, .. } = &mut self.news {
            *points += 1;
        } else if self.news == News::None {
            self.news = News::Points { points: 1, axis: false };
        }
    }

    /// Lets go of what has left the window.
    fn trim(&mut self, now: Timestamp) {
        let oldest = self.times.back().copied().unwrap_or(now) - self.window;
        while self.times.front().is_some_and(|first| *first < oldest) {
            self.times.pop_front();
            for line in &mut self.lines {
                let gone = line.values.pop_front().unwrap_or(f64::NAN);
                self.extent_is_stale |= self.extent.is_some_and(|(lo, hi)| gone <= lo || gone >= hi);
            }
        }
        let before = self.lines.len();
        self.lines.retain(|line| line.seen >= oldest);
        if self.lines.len() < before {
            self.news = News::Everything;
        }
    }

    /// Brings the axis up to date with the points.
    fn rule(&mut self) {
        if std::mem::take(&mut self.extent_is_stale) {
            self.extent = None;
            let Self { extent, lines, .. } = self;
            lines.iter().flat_map(|line| &line.values).for_each(|value| widen(extent, *value));
        }
        if self.ruled_for == (self.extent, self.whole_numbers) {
            return;
        }
        let ruled = axis::rule(self.extent, self.whole_numbers, self.bounds, &self.format);
        self.ruled_for = (self.extent, self.whole_numbers);
        if ruled.scale != self.ruled.scale || ruled.decimals != self.ruled.decimals {
            self.news = News::Everything;
        } else if ruled.axis != self.ruled.axis
            && let News::Points { axis, .. } = &mut self.news
        {
            *axis = true;
        }
        self.ruled = ruled;
    }
}

fn check_labels(numbers: &[LabelledNumber]) -> Result<(), Mismatch> {
    if numbers.len() > MOST_LINES {
        return Err(Mismatch::TooManyLines { most: MOST_LINES, count: numbers.len() });
    }
    for (i, number) in numbers.iter().enumerate() {
        if numbers[..i].iter().any(|earlier| earlier.label == number.label) {
            return Err(Mismatch::TwiceLabelled { label: words::cut(&number.label) });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
