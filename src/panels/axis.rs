//! A chart's upright axis: from where to where, and the round numbers where lines are ruled.

use super::digits;
use super::unit::{NumberFormat, UnitScale};
use super::view::{Axis, AxisTick};
use crate::config::Unit;

/// What the author said of the axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct AxisBounds {
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    /// Whether the space beneath the lines is filled, and so must begin at zero.
    pub(super) filled: bool,
}

/// An axis, and how values read off it are written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AxisLayout {
    pub(super) axis: Axis,
    pub(super) scale: UnitScale,
    pub(super) decimals: u8,
}

/// Four to six ruled lines are read at a glance.
const MIN_GAPS: f64 = 3.0;
const MAX_GAPS: f64 = 5.0;

/// Values beyond this are drawn at the edge, so that their difference is still a number.
const MAX_MAGNITUDE: f64 = 1e300;

/// An axis whose ends differ by less than this share of their size cannot be ruled with a double's digits.
const MIN_RELATIVE_SPAN: f64 = 1e-9;

/// Takes the noise of a division away before it is rounded up or down.
const ROUNDING_ERROR: f64 = 1e-9;

/// More digits behind the point are not read off a chart.
const MAX_DECIMALS: i32 = 6;

/// The axis for values of this extent (lowest and highest; `None` when there is no value). `whole` tells that all
/// of them are whole numbers.
pub(super) fn layout(extent: Option<(f64, f64)>, whole: bool, bounds: AxisBounds, format: &NumberFormat) -> AxisLayout {
    let (lo, hi) = range(extent, bounds, format.unit());
    let scale = format.scale_for(lo.abs().max(hi.abs()));
    let (bottom, top) = (lo / scale.divisor, hi / scale.divisor);
    let stride = TickStep::for_range(bottom, top, bounds, scale.binary);
    let (first, last) = stride.first_and_last(bottom, top, bounds);
    let count = (last - first).clamp(0.0, MAX_GAPS * 2.0);
    let mut ticks = Vec::new();
    let mut gap = 0.0;
    while gap <= count {
        let at = stride.value_at(first + gap);
        let mut text = digits::format_fixed(at, if at == 0.0 { 0 } else { stride.decimals() }, true);
        if gap + 1.0 > count {
            push_unit(&mut text, &scale.unit);
        }
        ticks.push(AxisTick { at: at * scale.divisor, text });
        gap += 1.0;
    }
    let axis = Axis {
        min: if bounds.min.is_some() { lo } else { stride.value_at(first) * scale.divisor },
        max: if bounds.max.is_some() { hi } else { stride.value_at(last) * scale.divisor },
        ticks,
    };
    let decimals = readout_decimals(stride, whole, format);
    AxisLayout { axis, scale, decimals }
}

/// From where to where, before rounding to ruled lines.
///
/// Percent go from 0 to 100. Amounts of bytes, rates and times begin at zero, and so does whatever is filled: to
/// cut them off would make small changes look large. Other lines begin at zero unless they keep to the upper half,
/// as a temperature does.
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
    // Every value lies beyond the end that the author set, or the ends are too close to rule lines between.
    let room = (lo.abs() * 0.1).max(1.0);
    if bounds.max.is_some() && bounds.min.is_none() { (hi - room, hi) } else { (lo, lo + room) }
}

/// The distance of two ruled lines: 1, 2, 2.5 or 5 times a power of ten, or a power of two.
#[derive(Clone, Copy, Debug)]
enum TickStep {
    Decimal {
        /// Ten times the first digits: 10, 20, 25 or 50.
        tenths: u8,
        power: i32,
    },
    Binary {
        power: i32,
    },
}

impl TickStep {
    /// The stride that rules four to six lines, most likely five, and wastes the least room.
    fn for_range(lo: f64, hi: f64, bounds: AxisBounds, binary: bool) -> Self {
        let span = hi - lo;
        let cost = |stride: TickStep| {
            let (first, last) = stride.first_and_last(lo, hi, bounds);
            let gaps = last - first;
            let wasted = if bounds.min.is_some() && bounds.max.is_some() {
                0.0
            } else {
                ((last - first) * stride.value_at(1.0) - span).max(0.0) / span
            };
            let out = if (MIN_GAPS..=MAX_GAPS).contains(&gaps) { 0.0 } else { 100.0 };
            out + (gaps - 4.0).abs() + wasted + if stride.is_awkward() { 10.0 } else { 0.0 }
        };
        let mut best = None;
        let mut consider = |stride: TickStep| {
            let cost = cost(stride);
            if best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, stride));
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
        best.map_or(Self::Binary { power: 0 }, |(_, stride)| stride)
    }

    /// Of the lines that are ruled, the first and the last, counted from zero in strides.
    fn first_and_last(self, lo: f64, hi: f64, bounds: AxisBounds) -> (f64, f64) {
        let one = self.value_at(1.0);
        let (lo, hi) = (lo / one, hi / one);
        let first = if bounds.min.is_some() { (lo - ROUNDING_ERROR).ceil() } else { (lo + ROUNDING_ERROR).floor() };
        let last = if bounds.max.is_some() { (hi + ROUNDING_ERROR).floor() } else { (hi - ROUNDING_ERROR).ceil() };
        (first, last)
    }

    /// The value `count` strides from zero, without the noise of repeated addition.
    fn value_at(self, count: f64) -> f64 {
        let value = match self {
            Self::Decimal { tenths, power } if power >= 1 => count * f64::from(tenths) * 10f64.powi(power - 1),
            Self::Decimal { tenths, power } => count * f64::from(tenths) / 10f64.powi(1 - power),
            Self::Binary { power } => count * 2f64.powi(power),
        };
        if value == 0.0 { 0.0 } else { value }
    }

    /// Digits behind the point of a multiple of it.
    fn decimals(self) -> u8 {
        let decimals = match self {
            Self::Decimal { tenths, power } => i32::from(tenths == 25) - power,
            Self::Binary { power } => -power,
        };
        u8::try_from(decimals.clamp(0, 9)).unwrap_or(0)
    }

    /// Whether it is hard to count in: 0.25 or 2.5, though 25 and 250 are easy.
    fn is_awkward(self) -> bool {
        matches!(self, Self::Decimal { tenths: 25, power } if power < 1)
    }
}

/// How many digits behind the point a value read off the chart has: one more place than the ruled lines tell apart.
fn readout_decimals(stride: TickStep, whole: bool, format: &NumberFormat) -> u8 {
    if let Some(decimals) = format.decimals() {
        return decimals;
    }
    if whole && matches!(format.unit(), Unit::None | Unit::Other(_)) {
        return 0;
    }
    let fewest = i32::from(matches!(format.unit(), Unit::Percent | Unit::Celsius));
    let places = 1 - floor_exponent(stride.value_at(1.0).log10());
    u8::try_from(places.clamp(fewest, MAX_DECIMALS)).unwrap_or(0)
}

/// The percent sign keeps close to a tick's narrow label, other units keep their distance.
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
