use super::gauge::percent;
use super::mismatch::Mismatch;
use super::unit::Format;
use super::view::{BarRow, BarView};
use super::{MOST_ROWS, words};
use crate::config::PanelSettings;
use crate::domain::{LabelledNumber, Reading, Threshold};

/// A bar for each labelled number.
#[derive(Debug)]
pub(super) struct Bar {
    format: Format,
    thresholds: Vec<Threshold>,
    max: Option<f64>,
}

impl Bar {
    pub(super) fn new(settings: &PanelSettings, max: Option<f64>) -> Self {
        Self { format: Format::of(settings), thresholds: settings.thresholds.clone(), max }
    }

    pub(super) fn view(&self, reading: &Reading) -> Result<BarView, Mismatch> {
        let single;
        let numbers = match reading {
            Reading::Numbers(numbers) => numbers.as_slice(),
            Reading::Number(value) => {
                // The panel's title says already what it is the number of.
                single = [LabelledNumber { label: String::new(), value: *value }];
                &single
            }
            _ => return Err(Mismatch::kind("a bar chart", "numbers", reading)),
        };
        let largest = || numbers.iter().map(|number| number.value).filter(|v| v.is_finite()).fold(0.0, f64::max);
        let full = self.max.unwrap_or_else(largest);
        let bars = numbers.iter().take(MOST_ROWS).map(|number| BarRow {
            label: words::cut(&number.label),
            figure: self.format.figure(number.value),
            percent: percent(number.value, 0.0, full),
            mark: words::mark(&self.thresholds, number.value),
        });
        Ok(BarView { bars: bars.collect(), more: numbers.len().saturating_sub(MOST_ROWS) })
    }
}
