use serde::Serialize;

use crate::domain::{HealthState, Timestamp};

/// The JSON of a panel for a browser: all of it (`view`) or what is new (`append`).
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
    /// The points that a chart gains at its end, on top of the view the browser has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub append: Option<ChartAppend>,
    /// The reason why there is nothing newer. Absent means that all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<PanelTrouble>,
}

/// The failure by which a panel has no newer reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PanelTrouble {
    /// The reason, for people: `stock.corp answered 503`.
    pub reason: String,
    /// When it began.
    pub since: Timestamp,
    /// When the source is queried again.
    pub retry_at: Timestamp,
}

/// The content of a panel, by its kind.
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
    /// A table.
    Table(TableView),
    /// Up or down, for each of several things.
    States(StatesView),
    /// Text that the page's author wrote.
    Text(TextView),
}

/// A formatted number and its unit: `86.4` and `%`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Figure {
    /// The digits, with a sign, a point and grouping.
    pub text: String,
    /// The unit, shown small behind them; may be empty.
    pub unit: String,
}

/// A state and the word for it, so that colour never stands alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StateMark {
    /// The state.
    pub state: HealthState,
    /// The word: `ok`, `high`, `critical`, `low`, `unknown` …
    pub word: String,
}

/// One big number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatView {
    /// The number, or a text with an empty unit.
    pub figure: Figure,
    /// The state by the thresholds; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<StateMark>,
    /// A line beneath: `warns at 80 %, bad at 95 %`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The last minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spark: Option<Sparkline>,
}

/// A sparkline, as SVG path data in a box of 300 × 34.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sparkline {
    /// The line.
    pub line: String,
    /// The line closed along the bottom.
    pub area: String,
}

/// A dial: a half circle from `min` to `max`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GaugeView {
    /// The number.
    pub figure: Figure,
    /// The state by the thresholds; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<StateMark>,
    /// The value's position on the dial, from 0 to 100.
    pub percent: f64,
    /// The label at the left end.
    pub min: String,
    /// The label at the right end.
    pub max: String,
    /// The thresholds' positions, from 0 to 100, each with the state that begins there.
    pub marks: Vec<(f64, HealthState)>,
}

/// Lines over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChartView {
    /// The moments of the points, oldest first.
    pub times: Vec<Timestamp>,
    /// The lines; each has as many values as there are times.
    pub series: Vec<ChartSeries>,
    /// The vertical axis.
    pub axis: Axis,
    /// The chart's time window in milliseconds. Points older than this before the newest one are dropped.
    pub window: u64,
    /// The thresholds, each with the state that begins there.
    pub thresholds: Vec<(f64, HealthState)>,
    /// The decimals of values read off the chart.
    pub decimals: u8,
    /// The unit of values read off the chart.
    pub unit: String,
    /// The number to divide a value by to have it in `unit`.
    pub divisor: f64,
}

/// One line of a chart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChartSeries {
    /// The line's label; empty when there is only one.
    pub label: String,
    /// The last value.
    pub latest: Figure,
    /// A value for each of the chart's times; `null` where there was none.
    pub values: Vec<Option<f64>>,
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

/// A bar for each labelled number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BarView {
    /// The bars, in order.
    pub bars: Vec<BarRow>,
    /// The number beyond those shown.
    #[serde(skip_serializing_if = "is_zero")]
    pub more: usize,
}

/// One bar.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BarRow {
    /// The bar's label; empty for a lone number, which the panel's title names.
    pub label: String,
    /// The number.
    pub figure: Figure,
    /// The bar's length, from 0 to 100.
    pub percent: f64,
    /// The state by the thresholds; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<StateMark>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TableView {
    /// The columns, left to right.
    pub columns: Vec<ColumnView>,
    /// The rows, top to bottom; each has a cell for each column.
    pub rows: Vec<Vec<CellView>>,
    /// The number of rows beyond those shown.
    pub more: usize,
}

/// The header of a table's column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColumnView {
    /// The header's text.
    pub label: String,
    /// The alignment: numbers are to the right.
    pub align: Align,
}

/// The alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Align {
    /// For words.
    Left,
    /// For numbers.
    Right,
}

/// A table's cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CellView {
    /// The cell's text.
    pub text: String,
    /// Its state by the thresholds, where that is not good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<HealthState>,
}

/// Things that are watched, each with its state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatesView {
    /// The things, in order.
    pub rows: Vec<StateRow>,
    /// The number beyond those shown.
    #[serde(skip_serializing_if = "is_zero")]
    pub more: usize,
}

/// A thing that is watched, and its state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StateRow {
    /// The thing's name.
    pub label: String,
    /// Its state now: `up`, `down`, `warning`, `unknown`, or the word of a threshold.
    pub mark: StateMark,
    /// A few words beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Its states so far, oldest first, at most [`MAX_BEATS`](crate::panels::MAX_BEATS).
    pub beats: Vec<HealthState>,
    /// The share of beats that were not bad, of those that are known: `97.7 %`.
    pub uptime: String,
}

/// Text that the page's author wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TextView {
    /// Sanitised HTML.
    pub html: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
