use super::gauge::percent;
use super::mismatch::ReadingMismatch;
use super::unit::NumberFormat;
use super::view::{BarRow, BarView};
use super::{MAX_ROWS, words};
use crate::config::PanelSettings;
use crate::domain::{LabelledNumber, Reading, Threshold};

/// A bar for each labelled number.
#[derive(Debug)]
pub(super) struct BarPanel {
    format: NumberFormat,
    thresholds: Vec<Threshold>,
    max: Option<f64>,
}

impl BarPanel {
    pub(super) fn new(settings: &PanelSettings, max: Option<f64>) -> Self {
        Self { format: NumberFormat::for_panel(settings), thresholds: settings.thresholds.clone(), max }
    }

    pub(super) fn view(&self, reading: &Reading) -> Result<BarView, ReadingMismatch> {
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
