//! `area`: lines over time, filled beneath.

use super::chart;
use super::chart_view::ChartView;
use super::kind::{PanelKind, read_view};

pub(super) static KIND: PanelKind = PanelKind {
    shows_interval: true,
    shared_styles: chart::STYLES,
    shared_scripts: chart::SCRIPTS,
    keys: chart::KEYS,
    ..PanelKind::new("area", 6, read_view::<ChartView>, |fields, context| chart::read(fields, context, true))
};
