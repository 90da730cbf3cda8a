//! `area`: lines over time, filled beneath.

use super::chart;
use super::kind::PanelKind;

pub(super) static KIND: PanelKind = PanelKind {
    word: "area",
    has_source: true,
    shows_interval: true,
    shared_styles: chart::STYLES,
    shared_scripts: chart::SCRIPTS,
    samples: &[""],
    default_span: 6,
    keys: chart::KEYS,
    read: |fields, context| chart::read(fields, context, true),
};
