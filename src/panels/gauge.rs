use super::mismatch::{ReadingMismatch, one_number};
use super::unit::NumberFormat;
use super::view::GaugeView;
use super::words;
use crate::config::PanelSettings;
use crate::domain::{HealthState, Reading, Threshold};

/// A dial: a half circle from `min` to `max`.
#[derive(Debug)]
pub(super) struct GaugePanel {
    format: NumberFormat,
    thresholds: Vec<Threshold>,
    min: f64,
    max: f64,
    marks: Vec<(f64, HealthState)>,
}

impl GaugePanel {
    pub(super) fn new(settings: &PanelSettings, min: f64, max: f64) -> Self {
        Self {
            format: NumberFormat::for_panel(settings),
            marks: threshold_marks(&settings.thresholds, min, max),
            thresholds: settings.thresholds.clone(),
            min,
            max,
        }
    }

    pub(super) fn view(&self, reading: &Reading) -> Result<GaugeView, ReadingMismatch> {
        let value = one_number("a gauge", "a number", reading)?;
        Ok(GaugeView {
            figure: self.format.figure(value),
            mark: words::threshold_mark(&self.thresholds, value),
            percent: percent(value, self.min, self.max),
            min: self.format.minimal_text(self.min),
            max: self.format.minimal_text(self.max),
            marks: self.marks.clone(),
        })
    }
}

/// How far `value` is on the way from `min` to `max`: 0 to 100, to a tenth, which is finer than a screen shows.
pub(super) fn percent(value: f64, min: f64, max: f64) -> f64 {
    let share = (value - min) / (max - min) * 1000.0;
    if share.is_nan() { 0.0 } else { share.clamp(0.0, 1000.0).round() / 10.0 }
}

/// Where along the dial the judgement changes, each with the state that begins there. A dial whose low values are
/// the bad ones begins with them.
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
