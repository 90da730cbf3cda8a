//! `line`: lines over time.

use super::chart;
use super::kind::PanelKind;

pub(super) static KIND: PanelKind = PanelKind {
    word: "line",
    has_source: true,
    shows_interval: true,
    shared_styles: chart::STYLES,
    shared_scripts: chart::SCRIPTS,
    samples: &[""],
    default_span: 6,
    keys: chart::KEYS,
    read: |fields, context| chart::read(fields, context, false),
};
