//! The points of one line.

use std::collections::VecDeque;

use crate::domain::Timestamp;

/// One line and what is not yet a point of it.
#[derive(Debug)]
pub(super) struct ChartLine {
    pub(super) label: String,
    /// One for each of the chart's times; not a number where there was none.
    pub(super) values: VecDeque<f64>,
    pub(super) latest: f64,
    pub(super) last_seen: Timestamp,
    /// Sum and count of the known values since the last point.
    pub(super) pending: (f64, u32),
}

impl ChartLine {
    /// A line that begins with a gap of so many points.
    pub(super) fn new(label: &str, gap: usize, last_seen: Timestamp) -> Self {
        let values = std::iter::repeat_n(f64::NAN, gap).collect();
        Self { label: label.to_owned(), values, latest: f64::NAN, last_seen, pending: (0.0, 0) }
    }

    /// Makes a point of the values since the last one, which is their mean.
    pub(super) fn add_point(&mut self) -> f64 {
        let (sum, count) = std::mem::take(&mut self.pending);
        let value = if count == 0 { f64::NAN } else { round_to_seven_digits(sum / f64::from(count)) };
        self.values.push_back(value);
        value
    }

    /// Takes a value for the next point.
    pub(super) fn record(&mut self, at: Timestamp, value: f64, whole_numbers: &mut bool) {
        self.latest = value;
        self.last_seen = at;
        if value.is_finite() {
            self.pending.0 += value;
            self.pending.1 += 1;
            *whole_numbers &= value.fract() == 0.0;
        }
    }
}

/// Makes room for a value between the lowest and the highest.
pub(super) fn extend(extent: &mut Option<(f64, f64)>, value: f64) {
    if value.is_finite() {
        let (lo, hi) = extent.get_or_insert((value, value));
        *lo = lo.min(value);
        *hi = hi.max(value);
    }
}

pub(super) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// Seven significant digits: finer than any screen, and half as long in a frame. Whole numbers stay as they are.
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
