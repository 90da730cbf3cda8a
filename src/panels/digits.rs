//! Number formatting: rounding, digit grouping and a real minus sign.

use serde::{Deserialize, Serialize};

/// The text in place of an unknown number.
pub(super) const NO_VALUE: &str = "–";

/// The magnitude from which on numbers are in scientific notation: a longer row of digits is not read but counted, and a
/// double no longer holds each of them.
pub(super) const SCIENTIFIC_FROM: f64 = 1e15;

/// The magnitude below which numbers are in scientific notation, unless the author set their decimals.
const SCIENTIFIC_BELOW: f64 = 1e-6;

/// The most decimals of any number.
const MAX_DECIMALS: u8 = 9;

/// The rule for how many decimals a number has. On the wire it is a word, or the decimals that the author set: `{"fixed": 2}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Precision {
    /// As many as the author set.
    Fixed(u8),
    /// None for whole numbers, otherwise three significant digits: `412`, `1.25`, `0.73`.
    General,
    /// Three significant digits always, so that a moving number keeps its width: `1.00`, `41.0`, `412`.
    Significant,
    /// One digit, none from 100 on, two below 1: `0.52`, `86.4`, `100`.
    Percent,
    /// As few as the value needs, at most three: `80`, `0.5`. For a number that an author wrote, such as a threshold.
    Minimal,
}

impl Precision {
    /// The number rounded, and its decimals.
    pub(super) fn round(self, value: f64) -> (f64, u8) {
        let decimals = self.decimals(value);
        let rounded = round(value, decimals);
        let again = match self {
            // 2.004 is not whole, and must not look as if it were.
            Self::General if decimals > 0 => significant_decimals(rounded.abs()),
            _ => self.decimals(rounded),
        };
        // 99.96 has one decimal, but what it is rounded to, 100, has none.
        (rounded, again.min(decimals))
    }

    fn decimals(self, value: f64) -> u8 {
        let size = value.abs();
        match self {
            Self::Fixed(decimals) => decimals.min(MAX_DECIMALS),
            Self::General if is_integer(value) => 0,
            Self::General | Self::Significant => significant_decimals(size),
            Self::Percent if size == 0.0 || size >= 100.0 => 0,
            // Two digits would make nothing of it, and it is something.
            Self::Percent if size < 0.005 => significant_decimals(size),
            Self::Percent => 1 + u8::from(size < 1.0),
            Self::Minimal if size > 0.0 && size < 0.000_5 => significant_decimals(size),
            Self::Minimal => (0..3).find(|&d| (round(value, d) - value).abs() <= size * 1e-9).unwrap_or(3),
        }
    }
}

/// Whether a number is whole but for a double's own error.
pub(super) fn is_integer(value: f64) -> bool {
    (value - value.round()).abs() <= 1e-9 * value.abs().max(1.0)
}

/// Formats a value with this precision, thousands grouped.
pub(super) fn format_number(value: f64, precision: Precision) -> String {
    if value.is_finite() && value != 0.0 && value.abs() < SCIENTIFIC_BELOW && !matches!(precision, Precision::Fixed(_)) {
        return format_scientific(value);
    }
    let (rounded, decimals) = precision.round(value);
    format_fixed(rounded, decimals, true)
}

/// Formats a value with exactly so many decimals.
pub(super) fn format_fixed(value: f64, decimals: u8, grouped: bool) -> String {
    if !value.is_finite() {
        return NO_VALUE.to_owned();
    }
    if value.abs() >= SCIENTIFIC_FROM {
        return format_scientific(value);
    }
    let rounded = round(value, decimals);
    let plain = format!("{:.*}", usize::from(decimals), rounded.abs());
    let whole = plain.find('.').unwrap_or(plain.len());
    let minus = rounded < 0.0;
    if !minus && (whole < 4 || !grouped) {
        return plain;
    }
    let mut text = String::with_capacity(plain.len() + whole / 3 + MINUS.len());
    if minus {
        text.push_str(MINUS);
    }
    for (i, digit) in plain[..whole].char_indices() {
        if grouped && i > 0 && (whole - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text.push_str(&plain[whole..]);
    text
}

/// The minus sign U+2212, as wide as a plus sign and never broken from its number.
const MINUS: &str = "−";

/// Rounds half away from zero, as people do. Never to a negative zero.
fn round(value: f64, decimals: u8) -> f64 {
    if value.abs() >= SCIENTIFIC_FROM {
        return value;
    }
    let power = 10f64.powi(i32::from(decimals));
    let scaled = value * power;
    // A nudge by a double's own error: 1.005 is stored a little below what was meant.
    let rounded = (scaled + scaled * 2.0 * f64::EPSILON).round() / power;
    if rounded == 0.0 { 0.0 } else { rounded }
}

/// The decimals for three significant digits; two are enough below one.
fn significant_decimals(size: f64) -> u8 {
    match size {
        0.0 => 0,
        s if s >= 100.0 => 0,
        s if s >= 10.0 => 1,
        s if s >= 1.0 => 2,
        s => first_digit_place(s).saturating_add(1).min(MAX_DECIMALS),
    }
}

/// The decimal place of the first digit of a number below one: 1 for 0.5, 3 for 0.004.
fn first_digit_place(size: f64) -> u8 {
    let mut place = 1;
    let mut reach = size * 10.0;
    while reach < 1.0 && place < MAX_DECIMALS {
        reach *= 10.0;
        place += 1;
    }
    place
}

/// Formats a value in scientific notation: `1.00 × 10³⁰⁰`.
fn format_scientific(value: f64) -> String {
    let plain = format!("{:.2e}", value.abs());
    let (digits, power) = plain.split_once('e').unwrap_or((&plain, "0"));
    let power: String = power
        .chars()
        .map(|c| match c {
            '0' => '⁰',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '4' => '⁴',
            '5' => '⁵',
            '6' => '⁶',
            '7' => '⁷',
            '8' => '⁸',
            '9' => '⁹',
            _ => '⁻',
        })
        .collect();
    let minus = if value < 0.0 { MINUS } else { "" };
    format!("{minus}{digits} × 10{power}")
}

/// Formats a value in as few characters as tell its magnitude: `1.5e300`.
pub(super) fn format_power(value: f64) -> String {
    let minus = if value < 0.0 { MINUS } else { "" };
    format!("{minus}{:.1e}", value.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_read_them() {
        for (value, precision, text) in [
            (1284.0, Precision::General, "1,284"),
            (999.0, Precision::General, "999"),
            (1_234_567.0, Precision::General, "1,234,567"),
            (-1284.0, Precision::General, "−1,284"),
            (-412.0, Precision::General, "−412"),
            (0.0, Precision::General, "0"),
            (-0.0, Precision::General, "0"),
            (-0.001, Precision::Fixed(1), "0.0"),
            (7.0, Precision::General, "7"),
            (0.1 + 0.2, Precision::General, "0.30"),
            (41.000_000_000_01, Precision::General, "41"),
            (1.25, Precision::General, "1.25"),
            (2.004, Precision::General, "2.00"),
            (0.73, Precision::General, "0.73"),
            (0.004_21, Precision::General, "0.0042"),
            (9.996, Precision::Significant, "10.0"),
            (99.96, Precision::Significant, "100"),
            (1.0, Precision::Significant, "1.00"),
            (0.0, Precision::Significant, "0"),
            (86.4, Precision::Percent, "86.4"),
            (99.96, Precision::Percent, "100"),
            (7.0, Precision::Percent, "7.0"),
            (0.0, Precision::Percent, "0"),
            (0.05, Precision::Percent, "0.05"),
            (0.003, Precision::Percent, "0.0030"),
            (0.000_02, Precision::Minimal, "0.000020"),
            (0.999, Precision::Percent, "1.0"),
            (80.0, Precision::Minimal, "80"),
            (0.5, Precision::Minimal, "0.5"),
            (1.0 / 3.0, Precision::Minimal, "0.333"),
            (1.005, Precision::Fixed(2), "1.01"),
            (2.5, Precision::Fixed(0), "3"),
            (1284.5, Precision::Fixed(2), "1,284.50"),
            (1e15, Precision::General, "1.00 × 10¹⁵"),
            (-1.5e300, Precision::General, "−1.50 × 10³⁰⁰"),
            (4.2e-9, Precision::General, "4.20 × 10⁻⁹"),
            (4.2e-9, Precision::Fixed(2), "0.00"),
            (f64::NAN, Precision::General, "–"),
            (f64::INFINITY, Precision::Percent, "–"),
            (f64::NEG_INFINITY, Precision::Fixed(1), "–"),
            (f64::MAX, Precision::Fixed(9), "1.80 × 10³⁰⁸"),
        ] {
            assert_eq!(format_number(value, precision), text, "{value} by {precision:?}");
        }
    }

    #[test]
    fn identifiers_are_left_ungrouped() {
        assert_eq!(format_fixed(12_345.0, 0, false), "12345");
        assert_eq!(format_fixed(-12_345.0, 0, false), "−12345");
    }
}
