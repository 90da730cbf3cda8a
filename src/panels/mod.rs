//! Panels turn readings into views: numbers formatted, thresholds applied, points ready to draw.
//!
//! A [`PanelKind`] is declared in a file of its own, which owns its word, its keys in page files and what they mean, which
//! readings it can show, and its view. One line in [`PANEL_KINDS`] makes it known; nothing else names a kind. A [`Panel`] is
//! the state of one panel in one channel: it takes readings and failures, and gives either all there is to show
//! ([`Panel::frame`]) or only what is new ([`Panel::drain`]). A view is what templates and browsers get, and they only apply
//! it. This room does no I/O, never looks at a clock, and knows nothing of who is watching.

mod kind;
mod registry;

mod area;
mod bar;
mod gauge;
mod line;
mod stat;
mod states;
mod table;
mod text;

mod panel;
mod read_panel;
mod read_view;
mod rendered;
mod settings;
mod view;

mod axis;
mod chart;
mod chart_view;
mod digits;
mod markdown;
mod mismatch;
mod shared_keys;
mod sparkline;
mod static_chart;
mod unit;
mod words;

#[cfg(test)]
mod tests;

pub use kind::{PanelKind, PanelSettings, Past};
pub use mismatch::ReadingMismatch;
pub use panel::Panel;
pub(crate) use read_panel::{KEEP_RANGE, read_panel, reject_page_keys};
pub use registry::PANEL_KINDS;
pub use settings::{PanelSource, Unit};
pub(crate) use view::MAX_ROWS;
pub use view::{Axis, AxisTick, ChartAppend, Figure, PanelFrame, PanelTrouble, PanelView, StateMark};
