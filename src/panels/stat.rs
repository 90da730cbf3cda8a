use std::time::Duration;

use super::mismatch::{Mismatch, one_number};
use super::spark::Trail;
use super::unit::Format;
use super::view::{Figure, StatView};
use super::words;
use crate::config::PanelSettings;
use crate::domain::{Reading, Threshold, Timestamp};

/// One big number with its judgement and the line of the last minutes, or a few words.
#[derive(Debug)]
pub(super) struct Stat {
    format: Format,
    thresholds: Vec<Threshold>,
    note: Option<String>,
    trail: Option<Trail>,
}

impl Stat {
    pub(super) fn new(settings: &PanelSettings, sparkline: bool, window: Duration) -> Self {
        let format = Format::of(settings);
        Self {
            note: words::rules(&settings.thresholds, &format),
            thresholds: settings.thresholds.clone(),
            trail: sparkline.then(|| Trail::new(window)),
            format,
        }
    }

    pub(super) fn view(&mut self, at: Timestamp, reading: &Reading) -> Result<StatView, Mismatch> {
        if let Reading::Text(text) = reading {
            let figure = Figure { text: words::cut(text.trim()), unit: String::new() };
            return Ok(StatView { figure, mark: None, note: None, spark: None });
        }
        let value = one_number("a stat", "a number or text", reading)?;
        let spark = self.trail.as_mut().and_then(|trail| {
            trail.push(at, value);
            trail.draw()
        });
        Ok(StatView {
            figure: self.format.figure(value),
            mark: words::mark(&self.thresholds, value),
            note: self.note.clone(),
            spark,
        })
    }
}
