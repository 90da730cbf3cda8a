use std::time::Duration;

use super::mismatch::{ReadingMismatch, one_number};
use super::sparkline::SparklineHistory;
use super::unit::NumberFormat;
use super::view::{Figure, StatView};
use super::words;
use crate::config::PanelSettings;
use crate::domain::{Reading, Threshold, Timestamp};

/// One big number with its state and a sparkline of the last minutes, or a few words.
#[derive(Debug)]
pub(super) struct StatPanel {
    format: NumberFormat,
    thresholds: Vec<Threshold>,
    note: Option<String>,
    history: Option<SparklineHistory>,
}

impl StatPanel {
    pub(super) fn new(settings: &PanelSettings, sparkline: bool, window: Duration) -> Self {
        let format = NumberFormat::for_panel(settings);
        Self {
            note: words::describe_thresholds(&settings.thresholds, &format),
            thresholds: settings.thresholds.clone(),
            history: sparkline.then(|| SparklineHistory::new(window)),
            format,
        }
    }

    pub(super) fn view(&mut self, at: Timestamp, reading: &Reading) -> Result<StatView, ReadingMismatch> {
        if let Reading::Text(text) = reading {
            let figure = Figure { text: words::truncate(text.trim()), unit: String::new() };
            return Ok(StatView { figure, mark: None, note: None, spark: None });
        }
        let value = one_number("a stat", "a number or text", reading)?;
        let spark = self.history.as_mut().and_then(|history| {
            history.push(at, value);
            history.draw()
        });
        Ok(StatView {
            figure: self.format.figure(value),
            mark: words::threshold_mark(&self.thresholds, value),
            note: self.note.clone(),
            spark,
        })
    }
}
