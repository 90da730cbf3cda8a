use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::unit::ReadoutUnit;
use super::view::{Axis, ChartAppend, Figure, StateMark};
use super::words;
use crate::domain::{HealthState, Series, SeriesLine, Timestamp};

/// Lines over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

impl ChartView {
    /// Its points, as a source tells the past. Lines whose labels were cut are left out: nobody knows whose past it is.
    pub(super) fn to_series(&self) -> Option<Series> {
        let values = |series: &ChartSeries| series.values.iter().map(|value| value.unwrap_or(f64::NAN)).collect();
        let whole = self.series.iter().filter(|series| !words::is_truncated(&series.label));
        let lines = whole.map(|series| SeriesLine { label: series.label.clone(), values: values(series) });
        Series::new(self.times.clone(), lines.collect(), None).ok()
    }

    /// Adds the points that are newer than its own, and drops those that have left its window.
    pub(super) fn append(&mut self, append: &ChartAppend) {
        let known = self.times.last().copied();
        let from = append.times.partition_point(|time| known.is_some_and(|known| *time <= known));
        self.times.extend(&append.times[from..]);
        let oldest = self.times.last().map(|newest| *newest - Duration::from_millis(self.window));
        let gone = self.times.partition_point(|time| oldest.is_some_and(|oldest| *time < oldest));
        self.times.drain(..gone);
        for (place, series) in self.series.iter_mut().enumerate() {
            let new = append.values.get(place).and_then(|values| values.get(from..)).unwrap_or_default();
            series.values.extend(new);
            series.values.resize(self.times.len() + gone, None);
            series.values.drain(..gone);
            series.state = append.states.get(place).copied().flatten();
            if let Some(latest) = append.latest.get(place) {
                series.latest = latest.clone();
            }
        }
        self.mark.clone_from(&append.mark);
        if let Some(axis) = &append.axis {
            self.axis = axis.clone();
        }
    }
}
