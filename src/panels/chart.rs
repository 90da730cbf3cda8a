//! Charts, which the kinds `line` and `area` are.

use std::sync::Arc;
use std::time::Duration;

use super::axis::{self, AxisBounds, AxisLayout};
use super::chart_view::{ChartSeries, ChartView};
use super::kind::{KindOptions, PanelKind, PanelSettings, PanelState, Past, ReadContext, ViewChange};
use super::mismatch::{NUMBERS, ReadingMismatch};
use super::shared_keys::{read_bounds, read_window};
use super::unit::NumberFormat;
use super::view::{ChartAppend, PanelView, StateMark};
use super::words;
use crate::config::Fields;
use crate::domain::{
    Bindings, HealthState, History, HistoryCursor, HistoryLine, HistoryPoints, MAX_LINES, Reading, Threshold,
    UnrecordableReading,
};

/// The own keys of charts.
pub(super) const KEYS: &[&str] = &["window", "min", "max"];

/// The stylesheets of charts.
pub(super) const STYLES: &[&str] = &["vendor/uplot/uPlot.min.css", "css/panels/chart.css"];

/// The scripts of charts.
pub(super) const SCRIPTS: &[&str] = &["js/panels/chart.js", "vendor/uplot/uPlot.esm.js"];

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

    fn past(&self) -> Past {
        Past { window: Some(self.window), readings: 1 }
    }
}

/// Lines over time, bare or filled beneath: a feed's history, as far as this panel has drawn it.
#[derive(Debug)]
struct ChartPanel {
    kind: &'static PanelKind,
    format: NumberFormat,
    bounds: AxisBounds,
    window: Duration,
    thresholds: Vec<Threshold>,
    /// `None` before the first reading.
    drawn: Option<DrawnLines>,
    axis_layout: AxisLayout,
    /// The extent, and whether all values are whole numbers, that the axis was laid out for.
    axis_inputs: (Option<(f64, f64)>, bool),
    pending: PendingUpdate,
}

/// How far the history has been drawn, and its lines there. It may have gone on since.
#[derive(Debug)]
struct DrawnLines {
    cursor: HistoryCursor,
    ids: Vec<u64>,
    latest: Vec<f64>,
}

/// The changes since the last drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PendingUpdate {
    None,
    /// Points at the end, perhaps a new axis, and the latest values.
    Points {
        from: HistoryCursor,
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
            thresholds: settings.thresholds.clone(),
            drawn: None,
            axis_inputs: (None, true),
            pending: PendingUpdate::Full,
        }
    }

    /// The whole chart; `None` before the first reading: there is no chart then, rather than an empty one.
    fn chart_view(&self, history: &History) -> Option<ChartView> {
        let drawn = self.drawn.as_ref()?;
        let points = history.window(self.window)?.points_until(drawn.cursor);
        let series = drawn.values_of(&points).map(|(line, latest, values)| ChartSeries {
            label: words::truncate(&line.label),
            latest: self.format.figure(latest),
            state: self.state_of(latest),
            values,
        });
        Some(ChartView {
            times: points.times().collect(),
            series: series.collect(),
            axis: self.axis_layout.axis.clone(),
            window: u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX),
            thresholds: self.thresholds.iter().map(|threshold| (threshold.at, threshold.state)).collect(),
            mark: self.mark(&drawn.latest),
            decimals: self.axis_layout.decimals,
            unit: self.axis_layout.scale.unit.clone(),
            divisor: self.axis_layout.scale.divisor,
            units: self.format.readout_units(),
        })
    }

    fn append(&self, history: &History, from: HistoryCursor, axis: bool) -> Option<ChartAppend> {
        let drawn = self.drawn.as_ref()?;
        let points = history.window(self.window)?.points_between(from, drawn.cursor);
        let mark = self.mark(&drawn.latest);
        Some(ChartAppend {
            times: points.times().collect(),
            values: drawn.values_of(&points).map(|(_, _, values)| values).collect(),
            latest: drawn.latest.iter().map(|latest| self.format.figure(*latest)).collect(),
            states: if mark.is_some() {
                drawn.latest.iter().map(|latest| self.state_of(*latest)).collect()
            } else {
                Vec::new()
            },
            mark,
            axis: axis.then(|| self.axis_layout.axis.clone()),
        })
    }

    /// Draws the history as far as it goes now.
    fn draw(&mut self, history: &History) {
        let Some(window) = history.window(self.window) else { return };
        let (ids, latest) = window.lines().map(|line| (line.id, line.latest)).unzip();
        let now = DrawnLines { cursor: window.cursor(), ids, latest };
        match &self.drawn {
            Some(drawn) if drawn.ids == now.ids && now.cursor.continues(drawn.cursor) => {
                if self.pending == PendingUpdate::None {
                    self.pending = PendingUpdate::Points { from: drawn.cursor, axis: false };
                }
            }
            _ => self.pending = PendingUpdate::Full,
        }
        self.drawn = Some(now);
        self.update_axis(window.extent(), window.whole_numbers());
    }

    /// The state of a line's last value, where that needs a look.
    fn state_of(&self, latest: f64) -> Option<HealthState> {
        Threshold::evaluate(&self.thresholds, latest).filter(|state| state.needs_a_look())
    }

    /// The mark of the whole chart: what has been is drawn, and what is now is judged.
    fn mark(&self, latest: &[f64]) -> Option<StateMark> {
        words::worst_mark(latest.iter().filter_map(|latest| words::judge(&self.thresholds, *latest)))
    }

    /// Lays the axis out anew when the points' extent has changed.
    fn update_axis(&mut self, extent: Option<(f64, f64)>, whole_numbers: bool) {
        if self.axis_inputs == (extent, whole_numbers) {
            return;
        }
        let layout = axis::layout(extent, whole_numbers, self.bounds, &self.format);
        self.axis_inputs = (extent, whole_numbers);
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

impl DrawnLines {
    /// The lines that were drawn, with the latest value there, and a value for each of the points.
    fn values_of<'a>(&'a self, points: &HistoryPoints<'a>) -> impl Iterator<Item = (&'a HistoryLine, f64, Vec<Option<f64>>)> {
        points.lines().filter_map(|(line, values)| {
            let place = self.ids.iter().position(|id| *id == line.id)?;
            Some((line, self.latest[place], values.map(finite).collect()))
        })
    }
}

impl PanelState for ChartPanel {
    fn update(&mut self, reading: &Reading, history: &History) -> Result<(), ReadingMismatch> {
        match history.unrecordable() {
            Some(UnrecordableReading::NoNumbers) => Err(ReadingMismatch::wrong_kind("a chart", NUMBERS, reading)),
            Some(UnrecordableReading::TooManyLines(count)) => {
                Err(ReadingMismatch::TooManyLines { most: MAX_LINES, count: *count })
            }
            Some(UnrecordableReading::DuplicateLabel(label)) => {
                Err(ReadingMismatch::DuplicateLabel { label: words::truncate(label) })
            }
            None => Ok(()),
        }?;
        self.draw(history);
        Ok(())
    }

    fn restore(&mut self, history: &History) {
        self.draw(history);
    }

    fn has_view(&self) -> bool {
        self.drawn.is_some()
    }

    fn view(&self, history: &History) -> Option<PanelView> {
        self.chart_view(history).map(|view| PanelView::new(self.kind.word, Arc::new(view)))
    }

    fn drain(&mut self, history: &History) -> Option<ViewChange> {
        match std::mem::replace(&mut self.pending, PendingUpdate::None) {
            PendingUpdate::None => None,
            PendingUpdate::Full => self.view(history).map(ViewChange::Whole),
            PendingUpdate::Points { from, axis } => self.append(history, from, axis).map(ViewChange::Append),
        }
    }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests;
