//! A chart as a static SVG: what the first paint shows, and what stays without JavaScript.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::chart_view::{ChartSeries, ChartView};
use super::sparkline::{push_coordinate, push_point};
use super::view::{ChartAppend, Figure, StateMark, View};
use crate::domain::{HealthState, Series};

/// The size of the drawing's box. It is scaled to the panel's width.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 190.0;

/// The width within which points are drawn as one vertical stroke, which looks the same and is shorter.
const COLUMN_WIDTH: f64 = 2.0;

/// A chart drawn into a box, as SVG path data and positions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct StaticChart {
    /// The box's width.
    pub(super) width: f64,
    /// The box's height.
    pub(super) height: f64,
    /// The lines, in the chart's order.
    pub(super) lines: Vec<StaticChartLine>,
    /// The axis's ticks, bottom first.
    pub(super) ticks: Vec<StaticChartTick>,
}

/// One line of a static chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct StaticChartLine {
    /// Path data of the line; empty when there is no point.
    pub(super) line: String,
    /// The line closed along the baseline.
    pub(super) area: String,
}

/// A tick of a static chart, with its grid line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct StaticChartTick {
    /// The distance from the top.
    pub(super) y: f64,
    /// Its label.
    pub(super) text: String,
}

/// The data for the template of a chart: a still picture, and the legend.
#[derive(Serialize)]
struct StillChart<'a> {
    picture: StaticChart,
    legend: Vec<LegendEntry<'a>>,
    is_empty: bool,
}

#[derive(Serialize)]
struct LegendEntry<'a> {
    label: &'a str,
    latest: &'a Figure,
    state: Option<HealthState>,
}

impl View for ChartView {
    fn template_data(&self) -> Value {
        let still = StillChart {
            picture: self.static_chart(),
            legend: self
                .series
                .iter()
                .map(|series| LegendEntry { label: &series.label, latest: &series.latest, state: series.state })
                .collect(),
            is_empty: self.times.is_empty(),
        };
        serde_json::to_value(still).unwrap_or_default()
    }

    fn mark(&self) -> Option<&StateMark> {
        self.mark.as_ref()
    }

    fn past(&self) -> Option<Series> {
        self.to_series()
    }

    fn appended(&self, append: &ChartAppend) -> Option<Arc<dyn View>> {
        let mut chart = self.clone();
        chart.append(append);
        Some(Arc::new(chart))
    }
}

impl ChartView {
    /// Draws the chart into a box of 760 × 190. The right edge is the newest point, the left edge lies one window before it.
    pub(super) fn static_chart(&self) -> StaticChart {
        let baseline = self.y(0f64.clamp(self.axis.min, self.axis.max.max(self.axis.min)));
        let ticks =
            self.axis.ticks.iter().map(|tick| StaticChartTick { y: round_to_tenth(self.y(tick.at)), text: tick.text.clone() });
        StaticChart {
            width: WIDTH,
            height: HEIGHT,
            lines: self.series.iter().map(|series| self.draw_line(series, baseline)).collect(),
            ticks: ticks.collect(),
        }
    }

    fn draw_line(&self, series: &ChartSeries, baseline: f64) -> StaticChartLine {
        let (mut line, mut area) = (String::new(), String::new());
        let mut segment = LineSegment::default();
        for (i, value) in series.values.iter().enumerate() {
            match value {
                Some(value) => segment.push(self.x(i), self.y(*value)),
                None => segment.finish(baseline, &mut line, &mut area),
            }
        }
        segment.finish(baseline, &mut line, &mut area);
        StaticChartLine { line, area }
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds within a window are far below 2^53")]
    fn x(&self, point: usize) -> f64 {
        let (Some(time), Some(newest)) = (self.times.get(point), self.times.last()) else { return 0.0 };
        let age = (newest.as_millis() - time.as_millis()) as f64;
        (WIDTH - age / self.window.max(1) as f64 * WIDTH).max(0.0)
    }

    fn y(&self, value: f64) -> f64 {
        // Halved, because the distance of two doubles may itself be too large for one.
        let share = (value / 2.0 - self.axis.min / 2.0) / (self.axis.max / 2.0 - self.axis.min / 2.0);
        if share.is_nan() { HEIGHT } else { HEIGHT - share.clamp(0.0, 1.0) * HEIGHT }
    }
}

/// A stretch of a line without gaps.
#[derive(Default)]
struct LineSegment {
    points: Vec<(f64, f64)>,
    column: PixelColumn,
}

/// Points so near to each other that only their lowest and highest are drawn.
#[derive(Default)]
struct PixelColumn {
    begin: f64,
    points: Vec<(f64, f64)>,
}

impl LineSegment {
    fn push(&mut self, x: f64, y: f64) {
        if self.column.points.is_empty() || x >= self.column.begin + COLUMN_WIDTH {
            self.column.flush(&mut self.points);
            self.column.begin = x;
        }
        self.column.points.push((x, y));
    }

    /// Writes the segment to the paths and begins another.
    fn finish(&mut self, baseline: f64, line: &mut String, area: &mut String) {
        self.column.flush(&mut self.points);
        let (Some(&(first, _)), Some(&(last, _))) = (self.points.first(), self.points.last()) else { return };
        let mut path = String::with_capacity(self.points.len() * 12);
        for (x, y) in self.points.drain(..) {
            push_point(&mut path, x, y);
        }
        if first >= last {
            // A point alone: a stroke too short to have a direction, which round ends make a dot.
            path.push_str("h0.1");
        }
        line.push_str(&path);
        area.push_str(&path);
        area.push('V');
        push_coordinate(area, baseline);
        area.push('H');
        push_coordinate(area, first);
        area.push('Z');
    }
}

impl PixelColumn {
    fn flush(&mut self, out: &mut Vec<(f64, f64)>) {
        let order = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        if let (Some(&top), Some(&bottom)) = (self.points.iter().min_by(order), self.points.iter().max_by(order)) {
            let (first, second) = if top.0 <= bottom.0 { (top, bottom) } else { (bottom, top) };
            out.push(first);
            if second != first {
                out.push(second);
            }
        }
        self.points.clear();
    }
}

fn round_to_tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests;
