//! `bar`: a bar for each labelled number.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::gauge::percent;
use super::kind::{KindOptions, PanelKind, PanelSettings, PanelState, read_view};
use super::mismatch::{NUMBERS, ReadingMismatch};
use super::rendered::{Render, Rendered};
use super::unit::NumberFormat;
use super::view::{Figure, MAX_ROWS, StateMark, View, is_zero};
use super::words;
use crate::config::Fields;
use crate::domain::{Bindings, History, Reading, Threshold};

pub(super) static KIND: PanelKind = PanelKind {
    keys: &["max"],
    samples: &["", "max = 200"],
    ..PanelKind::new("bar", 4, read_view::<BarView>, |fields, _| Some(Arc::new(BarOptions::read(fields)?)))
};

#[derive(Debug)]
struct BarOptions {
    /// The value of a full bar; the largest value when `None`.
    max: Option<f64>,
}

impl BarOptions {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let max = fields.optional("max", None, |fields, key| {
            let max = fields.float(key)?;
            if max.value <= 0.0 {
                let message = format!("`max` is {}, so no bar could be drawn", max.value);
                fields.sink.report(&max.location, message, "write a `max` above 0");
                return None;
            }
            Some(Some(max.value))
        });
        Some(Self { max: max? })
    }
}

impl KindOptions for BarOptions {
    fn state(&self, panel: &PanelSettings, _: &Bindings) -> Box<dyn PanelState> {
        let (format, thresholds) = (NumberFormat::for_panel(panel), panel.thresholds.clone());
        Rendered::boxed(panel.kind, BarPanel { format, thresholds, max: self.max })
    }
}

/// A bar for each labelled number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct BarView {
    /// The bars, in order.
    bars: Vec<BarRow>,
    /// The number beyond those shown.
    #[serde(default, skip_serializing_if = "is_zero")]
    more: usize,
    /// The mark of the worst, where that needs a look.
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<StateMark>,
}

/// One bar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct BarRow {
    /// The bar's label; empty for a lone number, which the panel's title names.
    label: String,
    /// The number.
    figure: Figure,
    /// The bar's length, from 0 to 100.
    percent: f64,
    /// Where it begins, from 0 to 100: the place of zero, or for a number below zero its own.
    start: f64,
    /// The state by the thresholds; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<StateMark>,
}

impl View for BarView {
    fn mark(&self) -> Option<&StateMark> {
        self.mark.as_ref()
    }
}

#[derive(Debug)]
struct BarPanel {
    format: NumberFormat,
    thresholds: Vec<Threshold>,
    max: Option<f64>,
}

impl Render for BarPanel {
    type View = BarView;

    fn render(&mut self, reading: &Reading, _: &History) -> Result<BarView, ReadingMismatch> {
        let wrong_kind = || ReadingMismatch::wrong_kind("a bar chart", NUMBERS, reading);
        let numbers = reading.labelled_numbers().ok_or_else(wrong_kind)?;
        let finite = || numbers.iter().map(|number| number.value).filter(|value| value.is_finite());
        let most = self.max.unwrap_or_else(|| finite().fold(0.0, f64::max));
        let least = finite().fold(0.0, f64::min);
        let zero = percent(0.0, least, most);
        let bars = numbers.iter().take(MAX_ROWS).map(|number| {
            let end = if number.value.is_finite() { percent(number.value, least, most) } else { zero };
            BarRow {
                label: words::truncate(&number.label),
                figure: self.format.figure(number.value),
                percent: tenths((end - zero).abs()),
                start: zero.min(end),
                mark: words::threshold_mark(&self.thresholds, number.value),
            }
        });
        // Those that are not shown may be what it is about.
        let mark = words::worst_mark(numbers.iter().filter_map(|number| words::judge(&self.thresholds, number.value)));
        Ok(BarView { bars: bars.collect(), more: numbers.len().saturating_sub(MAX_ROWS), mark })
    }
}

/// The number to a tenth, as the positions are that it is the difference of.
fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
