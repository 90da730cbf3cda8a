//! A chart's vertical axis: its range, and the round numbers where its ticks are.

use super::digits;
use super::settings::Unit;
use super::unit::{NumberFormat, UnitScale};
use super::view::{Axis, AxisTick};

/// The axis's bounds as the page's author set them.
#[derive(Clone, Copy, Debug)]
pub(super) struct AxisBounds {
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    /// Whether the area beneath the lines is filled, and so must begin at zero.
    pub(super) filled: bool,
}

/// An axis, and the number format of values read off it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AxisLayout {
    pub(super) axis: Axis,
    pub(super) scale: UnitScale,
    pub(super) decimals: u8,
}

/// The gaps between ticks: four to six ticks are read at a glance.
const MIN_GAPS: f64 = 3.0;
const MAX_GAPS: f64 = 5.0;

/// The largest magnitude on an axis. Values beyond it are drawn at the edge, so that their difference is still a number.
const MAX_MAGNITUDE: f64 = 1e300;

/// The smallest span of an axis relative to its ends: a double has too few digits for ticks within less.
const MIN_RELATIVE_SPAN: f64 = 1e-9;

/// The floating-point error of a division, taken away before rounding up or down.
const ROUNDING_ERROR: f64 = 1e-9;

/// The most decimals of a value read off a chart.
const MAX_DECIMALS: i32 = 6;

/// Lays out the axis for values of this extent (lowest and highest; `None` when there is no value). `whole_numbers` tells
/// that all of them are whole numbers.
pub(super) fn layout(extent: Option<(f64, f64)>, whole_numbers: bool, bounds: AxisBounds, format: &NumberFormat) -> AxisLayout {
    let (lo, hi) = range(extent, bounds, format.unit());
    let scale = format.scale_for(lo.abs().max(hi.abs()));
    let (bottom, top) = (lo / scale.divisor, hi / scale.divisor);
    let step = TickStep::for_range(bottom, top, bounds, scale.binary);
    let (first, last) = step.first_and_last(bottom, top, bounds);
    let count = (last - first).clamp(0.0, MAX_GAPS * 2.0);
    let mut ticks = Vec::new();
    let mut gap = 0.0;
    while gap <= count {
        let at = step.value_at(first + gap);
        let mut text = digits::format_fixed(at, if at == 0.0 { 0 } else { step.decimals() }, true);
        if gap + 1.0 > count {
            push_unit(&mut text, &scale.unit);
        }
        ticks.push(AxisTick { at: at * scale.divisor, text });
        gap += 1.0;
    }
    let axis = Axis {
        min: if bounds.min.is_some() { lo } else { step.value_at(first) * scale.divisor },
        max: if bounds.max.is_some() { hi } else { step.value_at(last) * scale.divisor },
        ticks,
    };
    let decimals = readout_decimals(step, whole_numbers, format);
    AxisLayout { axis, scale, decimals }
}

/// The range of the axis, before rounding to ticks.
///
/// Percent go from 0 to 100. Amounts of bytes, rates and times begin at zero, and so does whatever is filled: to
/// cut them off would make small changes look large. Other lines begin at zero unless all their values are in the upper
/// half, as those of a temperature are.
fn range(extent: Option<(f64, f64)>, bounds: AxisBounds, unit: &Unit) -> (f64, f64) {
    let (mut lo, mut hi) = extent.unwrap_or((0.0, 0.0));
    lo = lo.clamp(-MAX_MAGNITUDE, MAX_MAGNITUDE);
    hi = hi.clamp(-MAX_MAGNITUDE, MAX_MAGNITUDE);
    match unit {
        Unit::Percent => (lo, hi) = (lo.min(0.0), hi.max(100.0)),
        Unit::None | Unit::Celsius | Unit::Other(_) if !bounds.filled => {
            if lo > 0.0 && lo <= hi / 2.0 {
                lo = 0.0;
            } else if hi < 0.0 && hi >= lo / 2.0 {
                hi = 0.0;
            }
        }
        _ => (lo, hi) = (lo.min(0.0), hi.max(0.0)),
    }
    if hi - lo <= 0.0 {
        let smallest = if matches!(unit, Unit::Bytes | Unit::BytesPerSecond) { 1024.0 } else { 1.0 };
        (lo, hi) = if lo == 0.0 { (0.0, smallest) } else { (lo - lo.abs() * 0.1, hi + hi.abs() * 0.1) };
    }
    (lo, hi) = (bounds.min.unwrap_or(lo), bounds.max.unwrap_or(hi));
    let narrowest = (lo.abs().max(hi.abs()) * MIN_RELATIVE_SPAN).max(f64::MIN_POSITIVE);
    if hi - lo >= narrowest {
        return (lo, hi);
    }
    // Every value lies beyond the end that the author set, or the ends are too close for ticks between them.
    let room = (lo.abs() * 0.1).max(1.0);
    if bounds.max.is_some() && bounds.min.is_none() { (hi - room, hi) } else { (lo, lo + room) }
}

/// The distance between two ticks: 1, 2, 2.5 or 5 times a power of ten, or a power of two.
#[derive(Clone, Copy, Debug)]
enum TickStep {
    Decimal {
        /// Ten times the leading digits: 10, 20, 25 or 50.
        tenths: u8,
        power: i32,
    },
    Binary {
        power: i32,
    },
}

impl TickStep {
    /// The step that makes four to six ticks, preferably five, and wastes the least room.
    fn for_range(lo: f64, hi: f64, bounds: AxisBounds, binary: bool) -> Self {
        let span = hi - lo;
        let cost = |step: TickStep| {
            let (first, last) = step.first_and_last(lo, hi, bounds);
            let gaps = last - first;
            let wasted = if bounds.min.is_some() && bounds.max.is_some() {
                0.0
            } else {
                ((last - first) * step.value_at(1.0) - span).max(0.0) / span
            };
            let out = if (MIN_GAPS..=MAX_GAPS).contains(&gaps) { 0.0 } else { 100.0 };
            out + (gaps - 4.0).abs() + wasted + if step.is_awkward() { 10.0 } else { 0.0 }
        };
        let mut best = None;
        let mut consider = |step: TickStep| {
            let cost = cost(step);
            if best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, step));
            }
        };
        if binary {
            let power = floor_exponent(span.log2());
            (power - 4..=power).for_each(|power| consider(Self::Binary { power }));
        } else {
            let power = floor_exponent(span.log10());
            for power in power - 1..=power {
                for tenths in [10, 20, 25, 50] {
                    consider(Self::Decimal { tenths, power });
                }
            }
        }
        best.map_or(Self::Binary { power: 0 }, |(_, step)| step)
    }

    /// The first and the last tick, counted from zero in steps.
    fn first_and_last(self, lo: f64, hi: f64, bounds: AxisBounds) -> (f64, f64) {
        let one = self.value_at(1.0);
        let (lo, hi) = (lo / one, hi / one);
        let first = if bounds.min.is_some() { (lo - ROUNDING_ERROR).ceil() } else { (lo + ROUNDING_ERROR).floor() };
        let last = if bounds.max.is_some() { (hi + ROUNDING_ERROR).floor() } else { (hi - ROUNDING_ERROR).ceil() };
        (first, last)
    }

    /// The value `count` steps from zero, without the error of repeated addition.
    fn value_at(self, count: f64) -> f64 {
        let value = match self {
            Self::Decimal { tenths, power } if power >= 1 => count * f64::from(tenths) * 10f64.powi(power - 1),
            Self::Decimal { tenths, power } => count * f64::from(tenths) / 10f64.powi(1 - power),
            Self::Binary { power } => count * 2f64.powi(power),
        };
        if value == 0.0 { 0.0 } else { value }
    }

    /// The decimals that a multiple of it needs.
    fn decimals(self) -> u8 {
        let decimals = match self {
            Self::Decimal { tenths, power } => i32::from(tenths == 25) - power,
            Self::Binary { power } => -power,
        };
        u8::try_from(decimals.clamp(0, 9)).unwrap_or(0)
    }

    /// Whether its multiples are hard to read: 0.25 or 2.5, though 25 and 250 are easy.
    fn is_awkward(self) -> bool {
        matches!(self, Self::Decimal { tenths: 25, power } if power < 1)
    }
}

/// The decimals of a value read off the chart: one more than the ticks tell apart.
fn readout_decimals(step: TickStep, whole_numbers: bool, format: &NumberFormat) -> u8 {
    if let Some(decimals) = format.decimals() {
        return decimals;
    }
    if whole_numbers && matches!(format.unit(), Unit::None | Unit::Other(_)) {
        return 0;
    }
    let fewest = i32::from(matches!(format.unit(), Unit::Percent | Unit::Celsius));
    let places = 1 - floor_exponent(step.value_at(1.0).log10());
    u8::try_from(places.clamp(fewest, MAX_DECIMALS)).unwrap_or(0)
}

/// Appends a unit to a tick's label: the percent sign without a space, as the label is narrow, other units with one.
fn push_unit(text: &mut String, unit: &str) {
    if !unit.is_empty() && unit != "%" {
        text.push(' ');
    }
    text.push_str(unit);
}

#[expect(clippy::cast_possible_truncation, reason = "the logarithm of a double is between -1075 and 1024")]
fn floor_exponent(logarithm: f64) -> i32 {
    (logarithm + ROUNDING_ERROR).floor() as i32
}

#[cfg(test)]
mod tests;
