//! `stat`: one big number with its state and a sparkline of the last minutes, or a few words.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::kind::{KindOptions, PanelKind, PanelSettings, PanelState, Past, ReadContext, read_view};
use super::mismatch::{NUMBER_OR_TEXT, ReadingMismatch, one_number};
use super::rendered::{Render, Rendered};
use super::shared_keys::read_window;
use super::sparkline::Sparkline;
use super::unit::NumberFormat;
use super::view::{Figure, StateMark, View};
use super::words;
use crate::config::Fields;
use crate::domain::{Bindings, History, Reading, Threshold};

pub(super) static KIND: PanelKind = PanelKind {
    marks_figure: true,
    shared_styles: &["css/panels/figure.css"],
    keys: &["sparkline", "window"],
    samples: &["", "sparkline = true"],
    ..PanelKind::new("stat", 3, read_view::<StatView>, |fields, context| Some(Arc::new(StatOptions::read(fields, context)?)))
};

#[derive(Debug)]
struct StatOptions {
    /// How far back the sparkline goes, when there is one.
    sparkline: Option<Duration>,
}

impl StatOptions {
    fn read(fields: &mut Fields<'_>, context: &ReadContext<'_>) -> Option<Self> {
        let has_sparkline = fields.boolean("sparkline").unwrap_or(false);
        if !has_sparkline {
            fields.reject("window", "`window` is how far the sparkline goes back, and there is none", "add `sparkline = true`");
        }
        let window = read_window(fields, context)?;
        Some(Self { sparkline: has_sparkline.then_some(window) })
    }
}

impl KindOptions for StatOptions {
    fn state(&self, panel: &PanelSettings, _: &Bindings) -> Box<dyn PanelState> {
        Rendered::boxed(panel.kind, StatPanel::new(panel, self))
    }

    fn past(&self) -> Past {
        Past { window: self.sparkline, readings: 1 }
    }
}

/// One big number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StatView {
    /// The number, or a text with an empty unit.
    figure: Figure,
    /// The number in few characters, for a panel that has no room for all of it; absent where it is short already.
    #[serde(skip_serializing_if = "Option::is_none")]
    short: Option<String>,
    /// Whether it is a text, which may be broken between its words, as a number never is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    words: bool,
    /// The state by the thresholds; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<StateMark>,
    /// A line beneath: `warns at 80 %, bad at 95 %`.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// The last minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    spark: Option<Sparkline>,
}

impl View for StatView {
    fn mark(&self) -> Option<&StateMark> {
        self.mark.as_ref()
    }
}

#[derive(Debug)]
struct StatPanel {
    format: NumberFormat,
    thresholds: Vec<Threshold>,
    note: Option<String>,
    /// How far back the sparkline goes, when there is one.
    sparkline: Option<Duration>,
}

impl StatPanel {
    fn new(settings: &PanelSettings, options: &StatOptions) -> Self {
        let format = NumberFormat::for_panel(settings);
        Self {
            note: words::describe_thresholds(&settings.thresholds, &format),
            thresholds: settings.thresholds.clone(),
            sparkline: options.sparkline,
            format,
        }
    }
}

impl Render for StatPanel {
    type View = StatView;

    fn render(&mut self, reading: &Reading, history: &History) -> Result<StatView, ReadingMismatch> {
        if let Some(text) = reading.text() {
            let figure = Figure { text: words::truncate(text.trim()), unit: String::new() };
            return Ok(StatView { figure, short: None, words: true, mark: None, note: None, spark: None });
        }
        let value = one_number("a stat", NUMBER_OR_TEXT, reading)?;
        let spark = self.sparkline.and_then(|window| Sparkline::draw(&history.window(window)?));
        Ok(StatView {
            figure: self.format.figure(value),
            short: self.format.short_text(value),
            words: false,
            mark: words::threshold_mark(&self.thresholds, value),
            note: self.note.clone(),
            spark,
        })
    }
}
