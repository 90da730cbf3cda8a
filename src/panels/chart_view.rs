use serde::Serialize;
use serde_json::Value;

use super::kind::View;
use super::static_chart::StaticChart;
use super::view::Figure;
use crate::domain::{HealthState, Timestamp};

/// Lines over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct ChartView {
    /// The moments of the points, oldest first.
    pub(super) times: Vec<Timestamp>,
    /// The lines; each has as many values as there are times.
    pub(super) series: Vec<ChartSeries>,
    /// The vertical axis.
    pub(super) axis: Axis,
    /// The chart's time window in milliseconds. Points older than this before the newest one are dropped.
    pub(super) window: u64,
    /// The thresholds, each with the state that begins there.
    pub(super) thresholds: Vec<(f64, HealthState)>,
    /// The decimals of values read off the chart.
    pub(super) decimals: u8,
    /// The unit of values read off the chart.
    pub(super) unit: String,
    /// The number to divide a value by to have it in `unit`.
    pub(super) divisor: f64,
}

/// One line of a chart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct ChartSeries {
    /// The line's label; empty when there is only one.
    pub(super) label: String,
    /// The last value.
    pub(super) latest: Figure,
    /// A value for each of the chart's times; `null` where there was none.
    pub(super) values: Vec<Option<f64>>,
}

/// The vertical axis of a chart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Axis {
    /// The value at the bottom.
    pub min: f64,
    /// The value at the top.
    pub max: f64,
    /// The ticks, bottom first.
    pub ticks: Vec<AxisTick>,
}

/// A tick of an axis, with its grid line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AxisTick {
    /// The value.
    pub at: f64,
    /// Its label.
    pub text: String,
}

/// The points that a chart gains at its end. A moment that is not newer than the last one a browser has is known to it
/// already, and is skipped.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChartAppend {
    /// The new moments.
    pub times: Vec<Timestamp>,
    /// For each line, as many new values as there are new moments.
    pub values: Vec<Vec<Option<f64>>>,
    /// For each line, its last value.
    pub latest: Vec<Figure>,
    /// The axis, when it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub axis: Option<Axis>,
}

/// What the template of a chart gets: a still picture, and the legend.
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
}

impl View for ChartView {
    fn template_data(&self) -> Value {
        let still = StillChart {
            picture: self.static_chart(),
            legend: self.series.iter().map(|series| LegendEntry { label: &series.label, latest: &series.latest }).collect(),
            is_empty: self.times.is_empty(),
        };
        serde_json::to_value(still).unwrap_or_default()
    }
}
