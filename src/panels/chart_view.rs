use serde::Serialize;

use super::unit::ReadoutUnit;
use super::view::{Axis, Figure, StateMark};
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
    /// The fewest decimals that tell two values apart on the axis.
    pub(super) decimals: u8,
    /// The unit of the axis.
    pub(super) unit: String,
    /// The number to divide a value by to have it in `unit`.
    pub(super) divisor: f64,
    /// The mark of the line that is worst now, where that needs a look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mark: Option<StateMark>,
    /// The units of values read off the chart, smallest first: each value has the one of its own size, not that of the axis.
    pub(super) units: Vec<ReadoutUnit>,
}

/// One line of a chart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct ChartSeries {
    /// The line's label; empty when there is only one.
    pub(super) label: String,
    /// The last value.
    pub(super) latest: Figure,
    /// The last value's state, where that needs a look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<HealthState>,
    /// A value for each of the chart's times; `null` where there was none.
    pub(super) values: Vec<Option<f64>>,
}
