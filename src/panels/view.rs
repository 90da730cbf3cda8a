use serde::Serialize;

use crate::domain::{HealthState, Timestamp};

/// A panel as a browser gets it, whole (`view`) or what is new (`append`). The shape of DESIGN's wire protocol.
///
/// A frame with neither leaves the view as it is: the same reading came again (`at` is newer), or none did
/// (`trouble`).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PanelFrame {
    /// When the reading was taken; absent when there never was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// All there is to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<PanelView>,
    /// What a chart gains at its end, on top of the view the browser has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub append: Option<ChartAppend>,
    /// Why there is nothing newer. Absent means that all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<PanelTrouble>,
}

/// Why a panel has no newer reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PanelTrouble {
    /// In words: `stock.corp answered 503`.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// When the source is asked again.
    pub retry_at: Timestamp,
}

/// What a panel shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum PanelView {
    /// One big number, or a few words.
    Stat(StatView),
    /// A dial.
    Gauge(GaugeView),
    /// Lines over time.
    Line(ChartView),
    /// Lines over time, filled beneath.
    Area(ChartView),
    /// A bar for each labelled number.
    Bar(BarView),
    /// Rows under columns.
    Table(TableView),
    /// Up or down, for each of several things.
    States(StatesView),
    /// The author's words.
    Text(TextView),
}

/// A number as it is read: `86.4` and `%`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Figure {
    /// The digits, with a sign, a point and grouping.
    pub text: String,
    /// What stands small behind them; may be empty.
    pub unit: String,
}

/// A judgement: a state, and the word for it, so that colour never stands alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// How it is doing.
    pub state: HealthState,
    /// `ok`, `high`, `critical`, `low`, `unknown` …
    pub word: String,
}

/// One big number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatView {
    /// The number, or the words with an empty unit.
    pub figure: Figure,
    /// How it is judged; absent without thresholds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
    /// A line beneath: `warns at 80 %, bad at 95 %`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The last minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spark: Option<Sparkline>,
}

/// A small line, as SVG path data in a box of 300 × 34.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sparkline {
    /// The line.
    pub line: String,
    /// The same, closed along the bottom.
    pub area: String,
}

/// A dial: a half circle from `min` to `max`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GaugeView {
    /// The number.
    pub figure: Figure,
    /// How it is judged; absent without thresholds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
    /// How far round, from 0 to 100.
    pub percent: f64,
    /// What stands at the left end.
    pub min: String,
    /// What stands at the right end.
    pub max: String,
    /// Where the thresholds are, from 0 to 100, each with the state that begins there.
    pub marks: Vec<(f64, HealthState)>,
}

/// Lines over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChartView {
    /// The moments of the points, oldest first.
    pub times: Vec<Timestamp>,
    /// The lines; each has as many values as there are times.
    pub series: Vec<ChartSeries>,
    /// The upright axis.
    pub axis: Axis,
    /// How far back the chart goes, in milliseconds. Points older than this before the newest one are dropped.
    pub window: u64,
    /// The thresholds, each with the state that begins there.
    pub thresholds: Vec<(f64, HealthState)>,
    /// Digits behind the point for values read off the chart.
    pub decimals: u8,
    /// What stands behind values read off the chart.
    pub unit: String,
    /// What a value read off the chart is divided by to be in `unit`.
    pub divisor: f64,
}

/// One line of a chart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChartSeries {
    /// What it is the line of; empty when there is only one.
    pub label: String,
    /// The last value.
    pub latest: Figure,
    /// A value for each of the chart's times; `null` where there was none.
    pub values: Vec<Option<f64>>,
}

/// The upright axis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Axis {
    /// The value at the bottom.
    pub min: f64,
    /// The value at the top.
    pub max: f64,
    /// Where lines are ruled, bottom first.
    pub ticks: Vec<AxisTick>,
}

/// A ruled line of an axis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AxisTick {
    /// The value.
    pub at: f64,
    /// What stands beside it.
    pub text: String,
}

/// What a chart gains at its end. A moment that is not newer than the last one a browser has is already known to
/// it, and is skipped.
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

/// A bar for each labelled number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BarView {
    /// The bars, in order.
    pub bars: Vec<BarRow>,
    /// How many more the source gave than are shown.
    #[serde(skip_serializing_if = "is_zero")]
    pub more: usize,
}

/// One bar.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BarRow {
    /// What it is the bar of; empty for a lone number, which the panel's title names.
    pub label: String,
    /// The number.
    pub figure: Figure,
    /// How long, from 0 to 100.
    pub percent: f64,
    /// How it is judged; absent without thresholds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
}

/// Rows under columns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TableView {
    /// The columns, left to right.
    pub columns: Vec<ColumnView>,
    /// The rows, top to bottom; each has a cell for each column.
    pub rows: Vec<Vec<CellView>>,
    /// How many more rows the source gave than are shown.
    pub more: usize,
}

/// A column's head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColumnView {
    /// What stands at its head.
    pub label: String,
    /// Numbers stand to the right.
    pub align: Align,
}

/// To which side a column keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CellView {
    /// What stands in it.
    pub text: String,
    /// How it is judged, where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<HealthState>,
}

/// Things, and how each is doing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatesView {
    /// The things, in order.
    pub rows: Vec<StateRow>,
    /// How many more the source gave than are shown.
    #[serde(skip_serializing_if = "is_zero")]
    pub more: usize,
}

/// One thing, and how it is doing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StateRow {
    /// The thing.
    pub label: String,
    /// How it is doing now: `up`, `down`, `warning`, `unknown`, or a judgement's word.
    pub mark: Mark,
    /// A few words beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// How it was doing, oldest first, at most [`crate::panels::BEATS`].
    pub beats: Vec<HealthState>,
    /// The share of beats that were not bad, of those anyone could tell: `97.7 %`.
    pub uptime: String,
}

/// The author's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TextView {
    /// Sanitised HTML.
    pub html: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
