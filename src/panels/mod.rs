//! Panels turn readings into views: numbers formatted, states judged, points ready to draw.
//!
//! A view is what templates and browsers get, and they only apply it. This room does no I/O and knows nothing of
//! who is watching.

mod view;

pub use view::{
    Align, Append, Axis, BarRow, BarView, CellView, ChartView, ColumnView, Figure, GaugeView, Mark, PanelFrame, Series,
    Spark, StatView, StateRow, StatesView, TableView, TextView, Tick, Trouble, View,
};
