//! `gauge`: a dial, a half circle from `min` to `max`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kind::{KindOptions, PanelKind, PanelSettings, PanelState, ReadContext, read_view};
use super::mismatch::{ONE_NUMBER, ReadingMismatch, one_number};
use super::rendered::{Render, Rendered};
use super::settings::Unit;
use super::shared_keys::read_bounds;
use super::unit::NumberFormat;
use super::view::{Figure, StateMark, View};
use super::words;
use crate::config::Fields;
use crate::domain::{Bindings, HealthState, History, Reading, Threshold};

pub(super) static KIND: PanelKind = PanelKind {
    marks_figure: true,
    shared_styles: &["css/panels/figure.css"],
    keys: &["min", "max"],
    samples: &["max = 100"],
    ..PanelKind::new("gauge", 3, read_view::<GaugeView>, |fields, context| Some(Arc::new(GaugeOptions::read(fields, context)?)))
};

#[derive(Debug)]
struct GaugeOptions {
    min: f64,
    max: f64,
}

impl GaugeOptions {
    fn read(fields: &mut Fields<'_>, context: &ReadContext<'_>) -> Option<Self> {
        let is_percent = *context.unit == Unit::Percent;
        if !is_percent {
            fields.require("max", "say which value is its right end, as in `max = 64`; only percent end at 100 by themselves");
        }
        let has_end = is_percent || fields.key_location("max").is_some();
        let (min, max) = read_bounds(fields)?;
        let (min, max) = (min.unwrap_or(0.0), max.unwrap_or(100.0));
        if has_end && min >= max {
            fields.sink.report(
                &fields.location,
                format!("the gauge goes from {min} to {max}"),
                "write a `min` below the `max`",
            );
            return None;
        }
        has_end.then_some(Self { min, max })
    }
}

impl KindOptions for GaugeOptions {
    fn state(&self, panel: &PanelSettings, _: &Bindings) -> Box<dyn PanelState> {
        Rendered::boxed(panel.kind, GaugePanel::new(panel, self.min, self.max))
    }
}

/// A dial: a half circle from `min` to `max`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct GaugeView {
    /// The number.
    figure: Figure,
    /// The number in few characters, for a dial that has no room for all of it; absent where it is short already.
    #[serde(skip_serializing_if = "Option::is_none")]
    short: Option<String>,
    /// The state by the thresholds; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<StateMark>,
    /// The value's position on the dial, from 0 to 100.
    percent: f64,
    /// The label at the left end.
    min: String,
    /// The label at the right end.
    max: String,
    /// The thresholds' positions, from 0 to 100, each with the state that begins there.
    marks: Vec<(f64, HealthState)>,
}

impl View for GaugeView {
    fn mark(&self) -> Option<&StateMark> {
        self.mark.as_ref()
    }
}

#[derive(Debug)]
struct GaugePanel {
    format: NumberFormat,
    thresholds: Vec<Threshold>,
    min: f64,
    max: f64,
    marks: Vec<(f64, HealthState)>,
}

impl GaugePanel {
    fn new(settings: &PanelSettings, min: f64, max: f64) -> Self {
        Self {
            format: NumberFormat::for_panel(settings),
            marks: threshold_marks(&settings.thresholds, min, max),
            thresholds: settings.thresholds.clone(),
            min,
            max,
        }
    }
}

impl Render for GaugePanel {
    type View = GaugeView;

    fn render(&mut self, reading: &Reading, _: &History) -> Result<GaugeView, ReadingMismatch> {
        let value = one_number("a gauge", ONE_NUMBER, reading)?;
        Ok(GaugeView {
            figure: self.format.figure(value),
            short: self.format.short_text(value),
            mark: words::threshold_mark(&self.thresholds, value),
            percent: percent(value, self.min, self.max),
            min: self.format.minimal_text(self.min),
            max: self.format.minimal_text(self.max),
            marks: self.marks.clone(),
        })
    }
}

/// The position of `value` between `min` and `max`: 0 to 100, to a tenth, which is finer than a screen shows.
pub(super) fn percent(value: f64, min: f64, max: f64) -> f64 {
    let share = (value - min) / (max - min) * 1000.0;
    if share.is_nan() { 0.0 } else { share.clamp(0.0, 1000.0).round() / 10.0 }
}

/// The positions along the dial where the state changes, each with the state that begins there. A dial whose low values
/// are the bad ones begins with them.
fn threshold_marks(thresholds: &[Threshold], min: f64, max: f64) -> Vec<(f64, HealthState)> {
    let mut bounds: Vec<f64> = thresholds.iter().map(|t| t.at).filter(|at| (min..max).contains(at)).collect();
    bounds.push(min);
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    let ends = bounds.iter().copied().skip(1).chain([max]);
    let mut marks = Vec::new();
    let mut before = HealthState::Good;
    for (&begin, end) in bounds.iter().zip(ends) {
        let state = Threshold::evaluate(thresholds, f64::midpoint(begin, end)).unwrap_or(HealthState::Good);
        if state != before {
            marks.push((percent(begin, min, max), state));
            before = state;
        }
    }
    marks
}

#[cfg(test)]
#[allow(clippy::float_cmp)]
mod tests {
    use super::*;

    fn at(at: f64, state: HealthState, below: bool) -> Threshold {
        Threshold { at, state, below }
    }

    #[test]
    fn marks_stand_where_the_judgement_changes() {
        let load = [at(95.0, HealthState::Bad, false), at(80.0, HealthState::Warn, false)];
        assert_eq!(threshold_marks(&load, 0.0, 100.0), [(80.0, HealthState::Warn), (95.0, HealthState::Bad)]);
        assert_eq!(threshold_marks(&load, 90.0, 100.0), [(0.0, HealthState::Warn), (50.0, HealthState::Bad)]);
        assert_eq!(threshold_marks(&load, 0.0, 50.0), []);
        assert_eq!(threshold_marks(&[], 0.0, 100.0), []);
    }

    #[test]
    fn a_dial_whose_low_values_are_bad_begins_with_them() {
        let left = [at(20.0, HealthState::Warn, true), at(5.0, HealthState::Bad, true)];
        assert_eq!(
            threshold_marks(&left, 0.0, 100.0),
            [(0.0, HealthState::Bad), (5.0, HealthState::Warn), (20.0, HealthState::Good)]
        );
    }

    #[test]
    fn a_value_beyond_the_ends_stays_on_the_dial() {
        assert_eq!(percent(120.0, 0.0, 100.0), 100.0);
        assert_eq!(percent(-5.0, 0.0, 100.0), 0.0);
        assert_eq!(percent(33.333, 0.0, 100.0), 33.3);
        assert_eq!(percent(f64::NAN, 0.0, 100.0), 0.0);
        assert_eq!(percent(5.0, 5.0, 5.0), 0.0);
    }
}
