use std::collections::VecDeque;

use crate::domain::Timestamp;

/// One line of a history, with the values that are not yet a point of it.
#[derive(Clone, Debug)]
pub struct HistoryLine {
    /// Tells it from a line that had the same label before, and was gone.
    pub id: u64,
    /// The name of the thing it measures; empty where there is only one.
    pub label: String,
    /// Its value in the newest reading; NaN when it was missing there.
    pub latest: f64,
    /// When it was in a reading last.
    pub(super) last_seen: Timestamp,
    /// One for each of the history's times; NaN where there was none.
    pub(super) values: VecDeque<f64>,
    /// Sum and count of the known values since the last point.
    pub(super) pending: (f64, u32),
}

impl HistoryLine {
    /// A line that begins with `gap` points without a value.
    pub(super) fn new(id: u64, label: &str, gap: usize, last_seen: Timestamp) -> Self {
        let values = std::iter::repeat_n(f64::NAN, gap).collect();
        Self { id, label: label.to_owned(), latest: f64::NAN, last_seen, values, pending: (0.0, 0) }
    }

    /// Records a value for the next point.
    pub(super) fn record(&mut self, at: Timestamp, value: f64) {
        self.latest = value;
        self.last_seen = at;
        if value.is_finite() {
            self.pending.0 += value;
            self.pending.1 += 1;
        }
    }

    /// Adds a point: the mean of the values since the last one.
    pub(super) fn add_point(&mut self) -> f64 {
        let (sum, count) = std::mem::take(&mut self.pending);
        let value = if count == 0 { f64::NAN } else { round_to_seven_digits(sum / f64::from(count)) };
        self.values.push_back(value);
        value
    }

    /// Drops all but the first `kept` points, up to `at`.
    pub(super) fn rewind(&mut self, at: Timestamp, kept: usize) {
        self.values.truncate(kept);
        self.last_seen = self.last_seen.min(at);
    }
}

/// Rounds to seven significant digits: finer than any screen, and half as long in a frame. Whole numbers stay as they are.
pub(super) fn round_to_seven_digits(value: f64) -> f64 {
    if value.fract() == 0.0 || !value.is_finite() {
        return value;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the logarithm of a double is between -324 and 309")]
    let power = 6 - value.abs().log10().floor() as i32;
    // Dividing by a power of ten gives the double nearest to the decimal; multiplying by its inverse does not.
    let short = if power > 0 { (value * 10f64.powi(power)).round() / 10f64.powi(power) } else { value.round() };
    if short.is_finite() { short } else { value }
}

#[cfg(test)]
#[allow(clippy::float_cmp)]
mod tests {
    use super::*;

    #[test]
    fn points_carry_no_more_digits_than_are_drawn() {
        assert_eq!(round_to_seven_digits(48.333_333_333_333_336), 48.333_33);
        assert_eq!(round_to_seven_digits(0.000_123_456_789), 0.000_123_456_8);
        assert_eq!(round_to_seven_digits(1_234_567_890.123), 1_234_567_890.0);
        assert_eq!(round_to_seven_digits(17_179_869_184.0), 17_179_869_184.0);
        assert_eq!(round_to_seven_digits(5e-324), 5e-324);
    }
}
