//! `bar`: a bar for each labelled number.

use std::sync::Arc;

use serde::Serialize;

use super::gauge::percent;
use super::kind::{KindOptions, PanelKind, PanelSettings, PanelState};
use super::mismatch::ReadingMismatch;
use super::rendered::{Render, Rendered};
use super::unit::NumberFormat;
use super::view::{Figure, MAX_ROWS, StateMark, View, is_zero};
use super::words;
use crate::config::Fields;
use crate::domain::{Bindings, History, LabelledNumber, Reading, Threshold};

pub(super) static KIND: PanelKind = PanelKind {
    keys: &["max"],
    samples: &["", "max = 200"],
    ..PanelKind::new("bar", 4, |fields, _| Some(Arc::new(BarOptions::read(fields)?)))
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
#[derive(Clone, Debug, PartialEq, Serialize)]
struct BarView {
    /// The bars, in order.
    bars: Vec<BarRow>,
    /// The number beyond those shown.
    #[serde(skip_serializing_if = "is_zero")]
    more: usize,
}

/// One bar.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct BarRow {
    /// The bar's label; empty for a lone number, which the panel's title names.
    label: String,
    /// The number.
    figure: Figure,
    /// The bar's length, from 0 to 100.
    percent: f64,
    /// The state by the thresholds; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<StateMark>,
}

impl View for BarView {}

#[derive(Debug)]
struct BarPanel {
    format: NumberFormat,
    thresholds: Vec<Threshold>,
    max: Option<f64>,
}

impl Render for BarPanel {
    type View = BarView;

    fn render(&mut self, reading: &Reading, _: &History) -> Result<BarView, ReadingMismatch> {
        let single;
        let numbers = match reading {
            Reading::Numbers(numbers) => numbers.as_slice(),
            Reading::Number(value) => {
                // The panel's title says already what it is the number of.
                single = [LabelledNumber { label: String::new(), value: *value }];
                &single
            }
            _ => return Err(ReadingMismatch::wrong_kind("a bar chart", "numbers", reading)),
        };
        let largest = || numbers.iter().map(|number| number.value).filter(|v| v.is_finite()).fold(0.0, f64::max);
        let full = self.max.unwrap_or_else(largest);
        let bars = numbers.iter().take(MAX_ROWS).map(|number| BarRow {
            label: words::truncate(&number.label),
            figure: self.format.figure(number.value),
            percent: percent(number.value, 0.0, full),
            mark: words::threshold_mark(&self.thresholds, number.value),
        });
        Ok(BarView { bars: bars.collect(), more: numbers.len().saturating_sub(MAX_ROWS) })
    }
}
