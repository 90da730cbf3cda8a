//! `line`: lines over time.

use super::chart;
use super::chart_view::ChartView;
use super::kind::{PanelKind, read_view};

pub(super) static KIND: PanelKind = PanelKind {
    shows_interval: true,
    shared_styles: chart::STYLES,
    shared_scripts: chart::SCRIPTS,
    keys: chart::KEYS,
    ..PanelKind::new("line", 6, read_view::<ChartView>, |fields, context| chart::read(fields, context, false))
};
