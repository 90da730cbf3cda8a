//! Panels and readings for the tests of this room.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::config::{DiagnosticSink, Document, Fields, SourceLocation, parse_document};
use crate::domain::{Bindings, History, LabelledNumber, Reading, Timestamp};

/// The settings of a panel as a page file with `keys` has them.
pub(super) fn settings(kind: &str, keys: &str) -> PanelSettings {
    let has_source = PANEL_KINDS.iter().any(|known| known.word == kind && known.has_source);
    let source = if has_source { "source = \"host\"\nquery = \"q\"\n" } else { "" };
    let text = format!("title = \"Load\"\nkind = \"{kind}\"\n{source}{keys}\n");
    let document = Arc::new(Document::new(PathBuf::from("pages/p.toml"), text.clone()));
    let (entries, _) = parse_document(&document);
    let sink = DiagnosticSink::default();
    let panel = read_panel(Fields::new(SourceLocation::in_document(&document, 0..0), entries, &sink), Some(&[]));
    let diagnostics = sink.into_diagnostics();
    assert!(diagnostics.is_empty(), "{text}\n{diagnostics}");
    panel.unwrap().value
}

pub(super) fn panel(kind: &str, keys: &str) -> FedPanel {
    FedPanel::new(&settings(kind, keys), &Bindings::new())
}

/// A panel, and the history of its feed.
pub(super) struct FedPanel {
    panel: Panel,
    history: History,
}

impl FedPanel {
    pub(super) fn new(settings: &PanelSettings, bindings: &Bindings) -> Self {
        let mut history = History::new(Duration::from_secs(1));
        history.keep_windows(&settings.past().window.into_iter().collect());
        Self { panel: Panel::new(settings, bindings), history }
    }

    pub(super) fn add_reading(&mut self, at: Timestamp, reading: &Reading) -> Result<(), ReadingMismatch> {
        self.history.record(at, reading);
        self.panel.add_reading(at, reading, &self.history)
    }

    pub(super) fn set_trouble(&mut self, trouble: PanelTrouble) {
        self.history.record_failure(trouble.since);
        self.panel.set_trouble(trouble);
    }

    pub(super) fn has_something_to_show(&self) -> bool {
        self.panel.has_something_to_show()
    }

    pub(super) fn frame(&self) -> PanelFrame {
        self.panel.frame(&self.history)
    }

    pub(super) fn drain(&mut self) -> Option<PanelFrame> {
        self.panel.drain(&self.history)
    }
}

/// The keys of a panel whose percentages warn at 80 and are bad at 95.
pub(super) const THRESHOLDS: &str =
    "unit = \"percent\"\nthresholds = [{ at = 80, state = \"warn\" }, { at = 95, state = \"bad\" }]\n";

/// The settings of each kind's sample panels, with thresholds where they may be.
pub(super) fn samples() -> Vec<PanelSettings> {
    let of_kind = |kind: &&'static PanelKind| {
        let (word, common) = (kind.word, if kind.has_source { THRESHOLDS } else { "" });
        kind.samples.iter().map(move |keys| settings(word, &format!("{common}{keys}")))
    };
    PANEL_KINDS.iter().flat_map(of_kind).collect()
}

/// The JSON of what the panel shows.
pub(super) fn shown(panel: &FedPanel) -> Value {
    serde_json::to_value(panel.frame().view).unwrap()
}

pub(super) fn second(second: i64) -> Timestamp {
    Timestamp::from_millis(1_795_309_000_000 + second * 1000)
}

pub(super) fn numbers(numbers: &[(&str, f64)]) -> Reading {
    Reading::Numbers(
        numbers.iter().map(|(label, value)| LabelledNumber { label: (*label).to_owned(), value: *value }).collect(),
    )
}
