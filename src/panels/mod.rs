//! Panels turn readings into views: numbers formatted, states judged, points ready to draw.
//!
//! A [`Panel`] is the state of one panel in one channel: it takes readings and failures, and tells either all there
//! is to show ([`Panel::frame`]) or only what is new ([`Panel::drain`]). Each kind has its own file. A view is what
//! templates and browsers get, and they only apply it. This room does no I/O, never looks at a clock, and knows
//! nothing of who is watching.

mod axis;
mod bar;
mod chart;
mod digits;
mod gauge;
mod mismatch;
mod panel;
mod points;
mod spark;
mod stat;
mod states;
mod still;
mod table;
mod text;
mod unit;
mod view;
mod words;

pub use mismatch::Mismatch;
pub use panel::Panel;
pub use states::BEATS;
pub use still::{Still, StillLine, StillThreshold, StillTick};
pub use view::{
    Align, Append, Axis, BarRow, BarView, CellView, ChartView, ColumnView, Figure, GaugeView, Mark, PanelFrame, Series,
    Spark, StatView, StateRow, StatesView, TableView, TextView, Tick, Trouble, View,
};

/// How many bars or things one panel shows. A source that gives more is told of in `more`, so that one long answer
/// does not grow what every viewer gets.
const MOST_ROWS: usize = 200;
