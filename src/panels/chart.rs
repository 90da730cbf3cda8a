//! Charts, which the kinds `line` and `area` are.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::axis::{self, AxisBounds, AxisLayout};
use super::chart_line::{ChartLine, extend, finite};
use super::chart_view::{ChartAppend, ChartSeries, ChartView};
use super::kind::{KindOptions, PanelKind, PanelState, ReadContext, ViewChange};
use super::mismatch::ReadingMismatch;
use super::settings::PanelSettings;
use super::shared_keys::{read_bounds, read_window};
use super::sparkline::spacing;
use super::unit::NumberFormat;
use super::view::PanelView;
use super::words;
use crate::config::Fields;
use crate::domain::{Bindings, HealthState, LabelledNumber, Reading, Timestamp};

/// The own keys of charts.
pub(super) const KEYS: &[&str] = &["window", "min", "max"];

/// The stylesheets of charts.
pub(super) const STYLES: &[&str] = &["vendor/uplot/uPlot.min.css", "css/panels/chart.css"];

/// The scripts of charts.
pub(super) const SCRIPTS: &[&str] = &["js/panels/chart.js", "vendor/uplot/uPlot.esm.js"];

/// The most points of a chart: an hour of one reading a second, with room for readings that come a little early, and as
/// many as a wide screen has pixels. Readings that come faster are averaged.
pub(super) const MAX_POINTS: u32 = 4_000;

/// The most lines of a chart: enough for the cores of a large machine; no eye follows more.
pub(super) const MAX_LINES: usize = 128;

#[derive(Clone, Copy, Debug)]
struct ChartOptions {
    window: Duration,
    bounds: AxisBounds,
}

/// Reads the keys of a chart; `filled` is whether the area beneath its lines is.
pub(super) fn read(fields: &mut Fields<'_>, context: &ReadContext<'_>, filled: bool) -> Option<Arc<dyn KindOptions>> {
    let (window, (min, max)) = (read_window(fields, context), read_bounds(fields)?);
    Some(Arc::new(ChartOptions { window: window?, bounds: AxisBounds { min, max, filled } }))
}

impl KindOptions for ChartOptions {
    fn state(&self, panel: &PanelSettings, _: &Bindings) -> Box<dyn PanelState> {
        Box::new(ChartPanel::new(panel, self.window, self.bounds))
    }

    fn window(&self) -> Option<Duration> {
        Some(self.window)
    }
}

/// Lines over time, bare or filled beneath.
///
/// A line that is missing from a reading goes on with gaps, and leaves the chart when its last point does. A panel whose
/// source failed has a gap from then until its next reading.
#[derive(Debug)]
struct ChartPanel {
    kind: &'static PanelKind,
    format: NumberFormat,
    bounds: AxisBounds,
    window: Duration,
    /// The least time between two points.
    spacing: Duration,
    thresholds: Vec<(f64, HealthState)>,
    times: VecDeque<Timestamp>,
    lines: Vec<ChartLine>,
    /// The lowest and highest value of all points.
    extent: Option<(f64, f64)>,
    /// Whether a point at the edge of the extent was removed.
    extent_is_stale: bool,
    /// Whether every value so far was a whole number.
    whole_numbers: bool,
    axis_layout: AxisLayout,
    /// The extent, and whether all values are whole numbers, that the axis was laid out for.
    axis_inputs: (Option<(f64, f64)>, bool),
    pending: PendingUpdate,
}

/// The changes since the last drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PendingUpdate {
    None,
    /// Points at the end, perhaps a new axis, and the latest values.
    Points {
        points: usize,
        axis: bool,
    },
    /// Changes that cannot be appended: another set of lines, another unit, a clock that was set back.
    Full,
}

impl ChartPanel {
    fn new(settings: &PanelSettings, window: Duration, bounds: AxisBounds) -> Self {
        let format = NumberFormat::for_panel(settings);
        Self {
            kind: settings.kind,
            axis_layout: axis::layout(None, true, bounds, &format),
            format,
            bounds,
            window,
            spacing: spacing(window, MAX_POINTS),
            thresholds: settings.thresholds.iter().map(|threshold| (threshold.at, threshold.state)).collect(),
            times: VecDeque::new(),
            lines: Vec::new(),
            extent: None,
            extent_is_stale: false,
            whole_numbers: true,
            axis_inputs: (None, true),
            pending: PendingUpdate::Full,
        }
    }

    /// The whole chart.
    fn chart_view(&self) -> ChartView {
        ChartView {
            times: self.times.iter().copied().collect(),
            series: self
                .lines
                .iter()
                .map(|line| ChartSeries {
                    label: words::truncate(&line.label),
                    latest: self.format.figure(line.latest),
                    values: line.values.iter().copied().map(finite).collect(),
                })
                .collect(),
            axis: self.axis_layout.axis.clone(),
            window: u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX),
            thresholds: self.thresholds.clone(),
            decimals: self.axis_layout.decimals,
            unit: self.axis_layout.scale.unit.clone(),
            divisor: self.axis_layout.scale.divisor,
        }
    }

    /// Drops the points after `at`: a clock was set back, and they are not the past any more.
    fn rewind(&mut self, at: Timestamp) {
        let mut rewound = false;
        while self.times.back().is_some_and(|last| *last > at) {
            self.times.pop_back();
            self.lines.iter_mut().for_each(|line| line.values.truncate(self.times.len()));
            rewound = true;
        }
        if rewound {
            self.pending = PendingUpdate::Full;
            self.extent_is_stale = true;
            self.lines.iter_mut().for_each(|line| line.last_seen = line.last_seen.min(at));
        }
    }

    /// Whether enough time has passed for another point.
    fn is_due(&self, at: Timestamp) -> bool {
        self.times.back().is_none_or(|last| at >= *last + self.spacing)
    }

    /// Records the values for the next point, and adds lines for new labels.
    fn record(&mut self, at: Timestamp, numbers: &[LabelledNumber], same_lines: bool) {
        if same_lines {
            let whole_numbers = &mut self.whole_numbers;
            self.lines.iter_mut().zip(numbers).for_each(|(line, number)| line.record(at, number.value, whole_numbers));
            return;
        }
        self.lines.iter_mut().for_each(|line| line.latest = f64::NAN);
        // Known lines first: what makes room for a new one is then a line that is not in the reading.
        let mut new = Vec::new();
        for number in numbers {
            match self.lines.iter_mut().find(|line| line.label == number.label) {
                Some(line) => line.record(at, number.value, &mut self.whole_numbers),
                None => new.push(number),
            }
        }
        for number in new {
            self.evict_stalest_line();
            let mut line = ChartLine::new(&number.label, self.times.len(), at);
            line.record(at, number.value, &mut self.whole_numbers);
            self.lines.push(line);
            self.pending = PendingUpdate::Full;
        }
    }

    /// Removes the line that was missing for the longest time, when there are too many.
    fn evict_stalest_line(&mut self) {
        if self.lines.len() < MAX_LINES {
            return;
        }
        if let Some((oldest, _)) = self.lines.iter().enumerate().min_by_key(|(_, line)| line.last_seen) {
            self.lines.remove(oldest);
            self.extent_is_stale = true;
        }
    }

    /// Adds a point without values, where the lines break.
    fn add_gap(&mut self, at: Timestamp) {
        self.lines.iter_mut().for_each(|line| line.pending = (0.0, 0));
        self.add_point(at);
    }

    fn add_point(&mut self, at: Timestamp) {
        self.times.push_back(at);
        for line in &mut self.lines {
            extend(&mut self.extent, line.add_point());
        }
        if let PendingUpdate::Points { points, .. } = &mut self.pending {
            *points += 1;
        } else if self.pending == PendingUpdate::None {
            self.pending = PendingUpdate::Points { points: 1, axis: false };
        }
    }

    /// Drops the points, and the lines without points, that have left the window.
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
        self.lines.retain(|line| line.last_seen >= oldest);
        if self.lines.len() < before {
            self.pending = PendingUpdate::Full;
        }
    }

    /// Lays the axis out anew when the points' extent has changed.
    fn update_axis(&mut self) {
        if std::mem::take(&mut self.extent_is_stale) {
            self.extent = None;
            let Self { extent, lines, .. } = self;
            lines.iter().flat_map(|line| &line.values).for_each(|value| extend(extent, *value));
        }
        if self.axis_inputs == (self.extent, self.whole_numbers) {
            return;
        }
        let layout = axis::layout(self.extent, self.whole_numbers, self.bounds, &self.format);
        self.axis_inputs = (self.extent, self.whole_numbers);
        if layout.scale != self.axis_layout.scale || layout.decimals != self.axis_layout.decimals {
            self.pending = PendingUpdate::Full;
        } else if layout.axis != self.axis_layout.axis
            && let PendingUpdate::Points { axis, .. } = &mut self.pending
        {
            *axis = true;
        }
        self.axis_layout = layout;
    }
}

impl PanelState for ChartPanel {
    fn update(&mut self, at: Timestamp, reading: &Reading, failing_since: Option<Timestamp>) -> Result<(), ReadingMismatch> {
        let single;
        let numbers = match reading {
            Reading::Numbers(numbers) => numbers.as_slice(),
            Reading::Number(value) => {
                single = [LabelledNumber { label: String::new(), value: *value }];
                &single
            }
            _ => return Err(ReadingMismatch::wrong_kind("a chart", "numbers", reading)),
        };
        let same_lines = numbers.len() == self.lines.len()
            && numbers.iter().zip(&self.lines).all(|(number, line)| number.label == line.label);
        if !same_lines {
            check_labels(numbers)?;
        }
        self.rewind(at);
        if let Some(since) = failing_since.filter(|since| *since < at && self.is_due(*since)) {
            self.add_gap(since);
        }
        self.record(at, numbers, same_lines);
        if self.is_due(at) {
            self.add_point(at);
        }
        self.trim(at);
        self.update_axis();
        if self.pending == PendingUpdate::None {
            self.pending = PendingUpdate::Points { points: 0, axis: false };
        }
        Ok(())
    }

    fn has_view(&self) -> bool {
        !self.times.is_empty()
    }

    /// Before the first reading there is no chart, rather than an empty one.
    fn view(&self) -> Option<PanelView> {
        self.has_view().then(|| PanelView::new(self.kind, Arc::new(self.chart_view())))
    }

    fn drain(&mut self) -> Option<ViewChange> {
        if !self.has_view() {
            return None;
        }
        match std::mem::replace(&mut self.pending, PendingUpdate::None) {
            PendingUpdate::None => None,
            PendingUpdate::Full => self.view().map(ViewChange::Whole),
            PendingUpdate::Points { points, axis } => {
                let from = self.times.len() - points.min(self.times.len());
                Some(ViewChange::Append(ChartAppend {
                    times: self.times.range(from..).copied().collect(),
                    values: self.lines.iter().map(|line| line.values.range(from..).copied().map(finite).collect()).collect(),
                    latest: self.lines.iter().map(|line| self.format.figure(line.latest)).collect(),
                    axis: axis.then(|| self.axis_layout.axis.clone()),
                }))
            }
        }
    }
}

fn check_labels(numbers: &[LabelledNumber]) -> Result<(), ReadingMismatch> {
    if numbers.len() > MAX_LINES {
        return Err(ReadingMismatch::TooManyLines { most: MAX_LINES, count: numbers.len() });
    }
    for (i, number) in numbers.iter().enumerate() {
        if numbers[..i].iter().any(|earlier| earlier.label == number.label) {
            return Err(ReadingMismatch::DuplicateLabel { label: words::truncate(&number.label) });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
