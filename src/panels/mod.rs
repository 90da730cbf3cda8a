//! Panels turn readings into views: numbers formatted, thresholds applied, points ready to draw.
//!
//! A [`Panel`] is the state of one panel in one channel: it takes readings and failures, and gives either all there
//! is to show ([`Panel::frame`]) or only what is new ([`Panel::drain`]). Each kind has its own file. A view is what
//! templates and browsers get, and they only apply it. This room does no I/O, never looks at a clock, and knows
//! nothing of who is watching.

mod axis;
mod bar;
mod chart;
mod chart_line;
mod digits;
mod gauge;
mod mismatch;
mod panel;
mod sparkline;
mod stat;
mod states;
mod static_chart;
mod table;
mod text;
mod unit;
mod view;
mod words;

pub use mismatch::ReadingMismatch;
pub use panel::Panel;
pub use states::MAX_BEATS;
pub use static_chart::{StaticChart, StaticChartLine, StaticChartThreshold, StaticChartTick};
pub use view::{
    Align, Axis, AxisTick, BarRow, BarView, CellView, ChartAppend, ChartSeries, ChartView, ColumnView, Figure, GaugeView,
    PanelFrame, PanelTrouble, PanelView, Sparkline, StatView, StateMark, StateRow, StatesView, TableView, TextView,
};

/// The most bars or states that one panel shows. What a source gives beyond them is counted in `more`, so that one long
/// answer does not grow what every viewer gets.
const MAX_ROWS: usize = 200;
