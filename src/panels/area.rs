//! `area`: lines over time, filled beneath.

use super::chart;
use super::kind::PanelKind;

pub(super) static KIND: PanelKind = PanelKind {
    shows_interval: true,
    shared_styles: chart::STYLES,
    shared_scripts: chart::SCRIPTS,
    keys: chart::KEYS,
    ..PanelKind::new("area", 6, |fields, context| chart::read(fields, context, true))
};
