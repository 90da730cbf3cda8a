//! Numbers with units: which of KiB, MiB, GiB or ms, s, min suits a value, and its symbol.

use serde::{Deserialize, Serialize};

use super::digits::{self, NO_VALUE, Precision};
use super::kind::PanelSettings;
use super::settings::Unit;
use super::view::Figure;

/// The number format of one panel, or of one column.
#[derive(Clone, Debug)]
pub(super) struct NumberFormat {
    unit: Unit,
    decimals: Option<u8>,
}

/// The one scaled unit of a whole chart, so that its lines can be compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct UnitScale {
    /// The number to divide a value by to have it in `unit`.
    pub(super) divisor: f64,
    /// The unit's symbol.
    pub(super) unit: String,
    /// Whether round numbers are powers of two.
    pub(super) binary: bool,
}

/// A unit in which values are read off a chart, each in the largest that is not larger than it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ReadoutUnit {
    /// The value from which on it is used, which is one of it.
    pub(super) from: f64,
    /// Its symbol.
    pub(super) unit: String,
    /// The rule for the decimals; absent where a value is written in this unit and the next smaller one: `3 min 20 s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) precision: Option<Precision>,
}

/// A scaled unit, such as KiB: from `size` on, numbers are written in it.
struct UnitStep {
    size: f64,
    symbol: &'static str,
}

const fn step(size: f64, name: &'static str) -> UnitStep {
    UnitStep { size, symbol: name }
}

const KIB: f64 = 1024.0;

const BYTES: &[UnitStep] = &[
    step(1.0, "B"),
    step(KIB, "KiB"),
    step(KIB * KIB, "MiB"),
    step(KIB * KIB * KIB, "GiB"),
    step(KIB * KIB * KIB * KIB, "TiB"),
    step(KIB * KIB * KIB * KIB * KIB, "PiB"),
    step(KIB * KIB * KIB * KIB * KIB * KIB, "EiB"),
];

const BYTES_PER_SECOND: &[UnitStep] = &[
    step(1.0, "B/s"),
    step(KIB, "KiB/s"),
    step(KIB * KIB, "MiB/s"),
    step(KIB * KIB * KIB, "GiB/s"),
    step(KIB * KIB * KIB * KIB, "TiB/s"),
    step(KIB * KIB * KIB * KIB * KIB, "PiB/s"),
];

const BITS_PER_SECOND: &[UnitStep] = &[
    step(1.0, "bit/s"),
    step(1e3, "kbit/s"),
    step(1e6, "Mbit/s"),
    step(1e9, "Gbit/s"),
    step(1e12, "Tbit/s"),
    step(1e15, "Pbit/s"),
];

/// The units of time. From a minute on, a figure is written in two of them (`3 min 20 s`), a chart's axis in the larger.
const SECONDS: &[UnitStep] = &[
    step(1e-9, "ns"),
    step(1e-6, "µs"),
    step(1e-3, "ms"),
    step(1.0, "s"),
    step(MINUTE, "min"),
    step(HOUR, "h"),
    step(DAY, "d"),
];

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;
const DAY: f64 = 86_400.0;

/// The words for powers of a thousand, for numbers that have no room.
const THOUSANDS: &[UnitStep] = &[step(1.0, ""), step(1e3, " k"), step(1e6, " mn"), step(1e9, " bn"), step(1e12, " tn")];

/// The most characters of a number that needs no short form: every panel has room for them.
const MAX_SHORT_CHARS: usize = 7;

/// The number of days from which on hours are left out.
const DAYS_ONLY_FROM: f64 = 100.0;

impl NumberFormat {
    pub(super) fn new(unit: Unit, decimals: Option<u8>) -> Self {
        Self { unit, decimals }
    }

    /// The format of a panel's numbers.
    pub(super) fn for_panel(settings: &PanelSettings) -> Self {
        Self::new(settings.unit.clone(), settings.decimals)
    }

    pub(super) fn unit(&self) -> &Unit {
        &self.unit
    }

    pub(super) fn decimals(&self) -> Option<u8> {
        self.decimals
    }

    /// The number and its unit, apart: `86.4` and `%`.
    pub(super) fn figure(&self, value: f64) -> Figure {
        self.format(value, false)
    }

    /// The number in few characters, for where its figure has no room: `123 bn` for `123,456,789,012`. `None` where the figure
    /// is short already.
    pub(super) fn short_text(&self, value: f64) -> Option<String> {
        let full = self.figure(value).text;
        if full.chars().count() <= MAX_SHORT_CHARS {
            return None;
        }
        let steps = self.steps();
        let short = match steps.get(step_index(steps, value)) {
            Some(step) if self.is_duration(step) => {
                let (count, step) = scale(&steps[4..], value, |_| Precision::Fixed(0));
                format!("{} {}", digits::format_number(count, Precision::Fixed(0)), step.symbol)
            }
            Some(_) => shorten(scale(steps, value, |step| self.precision(false, step.size > 1.0)).0),
            None => shorten(value),
        };
        (short.chars().count() < full.chars().count()).then_some(short)
    }

    /// The number and its unit in one text: `86.4 %`.
    pub(super) fn text(&self, value: f64) -> String {
        to_text(self.format(value, false))
    }

    /// A number that an author wrote, in one text with its unit and with no more digits than it needs: `80 %`. Zero has no unit.
    pub(super) fn minimal_text(&self, value: f64) -> String {
        if value == 0.0 { "0".to_owned() } else { to_text(self.format(value, true)) }
    }

    /// The scale for a chart whose values reach `largest` from zero, in either direction.
    pub(super) fn scale_for(&self, largest: f64) -> UnitScale {
        let binary = matches!(self.unit, Unit::Bytes | Unit::BytesPerSecond);
        let steps = self.steps();
        let (divisor, unit) = match steps.get(step_index(steps, largest)) {
            Some(step) => (step.size, step.symbol),
            None => (1.0, self.symbol()),
        };
        UnitScale { divisor, unit: unit.to_owned(), binary }
    }

    /// The units in which values are read off a chart, by which a browser writes them as [`Self::figure`] does.
    pub(super) fn readout_units(&self) -> Vec<ReadoutUnit> {
        let of_step = |step: &UnitStep| ReadoutUnit {
            from: step.size,
            unit: step.symbol.to_owned(),
            precision: (!self.is_duration(step)).then(|| self.precision(false, step.size > 1.0)),
        };
        match self.steps() {
            [] => {
                vec![ReadoutUnit { from: 1.0, unit: self.symbol().to_owned(), precision: Some(self.precision(false, false)) }]
            }
            steps => steps.iter().map(of_step).collect(),
        }
    }

    /// Whether values of this size are written in two units.
    fn is_duration(&self, step: &UnitStep) -> bool {
        step.size >= MINUTE && self.unit == Unit::Seconds
    }

    fn format(&self, value: f64, minimal: bool) -> Figure {
        if !value.is_finite() {
            return Figure { text: NO_VALUE.to_owned(), unit: String::new() };
        }
        let steps = self.steps();
        if steps.is_empty() {
            return Figure {
                text: digits::format_number(value, self.precision(minimal, false)),
                unit: self.symbol().to_owned(),
            };
        }
        let precision = |step: &UnitStep| self.precision(minimal, step.size > 1.0);
        let (scaled, step) = scale(steps, value, precision);
        if self.is_duration(step) {
            return Figure { text: format_duration(value), unit: String::new() };
        }
        Figure { text: digits::format_number(scaled, precision(step)), unit: step.symbol.to_owned() }
    }

    fn precision(&self, minimal: bool, scaled_up: bool) -> Precision {
        match (&self.unit, self.decimals) {
            _ if minimal => Precision::Minimal,
            (_, Some(decimals)) => Precision::Fixed(decimals),
            (Unit::Percent, None) => Precision::Percent,
            (Unit::Celsius, None) => Precision::Fixed(1),
            (Unit::Bytes | Unit::BytesPerSecond | Unit::BitsPerSecond, None) if scaled_up => Precision::Significant,
            _ => Precision::General,
        }
    }

    fn steps(&self) -> &'static [UnitStep] {
        match self.unit {
            Unit::Bytes => BYTES,
            Unit::BytesPerSecond => BYTES_PER_SECOND,
            Unit::BitsPerSecond => BITS_PER_SECOND,
            Unit::Seconds => SECONDS,
            Unit::None | Unit::Percent | Unit::Celsius | Unit::Other(_) => &[],
        }
    }

    /// The symbol of a unit that is not scaled.
    fn symbol(&self) -> &str {
        match &self.unit {
            Unit::Percent => "%",
            Unit::Celsius => "°C",
            Unit::Other(name) => name,
            _ => "",
        }
    }
}

/// The unit that a source names with its column.
pub(super) fn parse_unit(name: &str) -> Unit {
    match name {
        "" => Unit::None,
        "percent" | "%" => Unit::Percent,
        "bytes" => Unit::Bytes,
        "bytes/s" => Unit::BytesPerSecond,
        "bits/s" => Unit::BitsPerSecond,
        "seconds" | "s" => Unit::Seconds,
        "celsius" => Unit::Celsius,
        other => Unit::Other(other.to_owned()),
    }
}

/// The index of the largest unit that is not larger than the value. Zero is written in the base unit.
fn step_index(steps: &[UnitStep], value: f64) -> usize {
    let size = if value == 0.0 || !value.is_finite() { 1.0 } else { value.abs() };
    steps.iter().rposition(|step| step.size <= size).unwrap_or(0)
}

/// The value in the largest unit that is not larger than it, and that unit, by its precision there: 1023.99 KiB would be read as
/// 1024 KiB, and is 1.00 MiB.
fn scale(steps: &[UnitStep], value: f64, precision: impl Fn(&UnitStep) -> Precision) -> (f64, &UnitStep) {
    let mut at = step_index(steps, value);
    loop {
        let step = &steps[at];
        let scaled = value / step.size;
        match steps.get(at + 1) {
            Some(next) if (precision(step).round(scaled).0 * step.size).abs() >= next.size * (1.0 - f64::EPSILON) => at += 1,
            _ => return (scaled, step),
        }
    }
}

/// Three significant digits, and the word for its power of a thousand: `1.23 mn`.
fn shorten(value: f64) -> String {
    if value.abs() >= digits::SCIENTIFIC_FROM {
        return digits::format_power(value);
    }
    let precision = |step: &UnitStep| if step.size > 1.0 { Precision::Significant } else { Precision::General };
    let (scaled, step) = scale(THOUSANDS, value, precision);
    digits::format_number(scaled, precision(step)) + step.symbol
}

fn to_text(figure: Figure) -> String {
    let Figure { mut text, unit } = figure;
    if !unit.is_empty() {
        text.push(' ');
        text.push_str(&unit);
    }
    text
}

/// Formats a minute or more in its two largest units, rounded to the smaller one: `3 min 20 s`, `5 d 3 h`.
fn format_duration(seconds: f64) -> String {
    let size = seconds.abs();
    let (whole, part, names, each) = if size.round() < HOUR {
        (MINUTE, 1.0, ["min", "s"], 60.0)
    } else if (size / MINUTE).round() * MINUTE < DAY {
        (HOUR, MINUTE, ["h", "min"], 60.0)
    } else {
        (DAY, HOUR, ["d", "h"], 24.0)
    };
    if size >= DAYS_ONLY_FROM * DAY {
        return format!("{} d", digits::format_number((seconds / DAY).round(), Precision::Fixed(0)));
    }
    let parts = (size / part).round();
    let (large, small) = ((parts * part / whole).floor(), parts % each);
    let minus = if seconds < 0.0 { "−" } else { "" };
    if small == 0.0 {
        format!("{minus}{large} {}", names[0])
    } else {
        format!("{minus}{large} {} {small} {}", names[0], names[1])
    }
}

#[cfg(test)]
mod tests;
