//! Numbers with their units: which step of KiB, MiB, GiB or ms, s, min suits a value, and what stands behind it.

use super::digits::{self, NO_VALUE, Precision};
use super::view::Figure;
use crate::config::{PanelSettings, Unit};

/// How the numbers of one panel, or of one column, are written.
#[derive(Clone, Debug)]
pub(super) struct NumberFormat {
    unit: Unit,
    decimals: Option<u8>,
}

/// The one step a whole chart is written in, so that its lines can be compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct UnitScale {
    /// What a value is divided by to be in `unit`.
    pub(super) divisor: f64,
    /// What stands behind values.
    pub(super) unit: String,
    /// Whether round numbers are powers of two.
    pub(super) binary: bool,
}

/// One step of a unit: from `size` on, numbers are written in `name`.
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

/// From a minute on, a figure is written in two parts (`3 min 20 s`), a chart's axis in the larger one.
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

/// From so many days on, nobody asks for the hours.
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

    /// The number and its unit in one text: `86.4 %`.
    pub(super) fn text(&self, value: f64) -> String {
        to_text(self.format(value, false))
    }

    /// A number that an author wrote, with no more digits than it needs: `80 %`. Zero needs no unit.
    pub(super) fn minimal_text(&self, value: f64) -> String {
        if value == 0.0 { "0".to_owned() } else { to_text(self.format(value, true)) }
    }

    /// The step for a chart whose values reach `largest` from zero, in either direction.
    pub(super) fn scale_for(&self, largest: f64) -> UnitScale {
        let binary = matches!(self.unit, Unit::Bytes | Unit::BytesPerSecond);
        let ladder = self.steps();
        let (divisor, unit) = match ladder.get(step_index(ladder, largest)) {
            Some(step) => (step.size, step.symbol),
            None => (1.0, self.symbol()),
        };
        UnitScale { divisor, unit: unit.to_owned(), binary }
    }

    fn format(&self, value: f64, fewest: bool) -> Figure {
        if !value.is_finite() {
            return Figure { text: NO_VALUE.to_owned(), unit: String::new() };
        }
        let ladder = self.steps();
        if ladder.is_empty() {
            return Figure {
                text: digits::format_number(value, self.precision(fewest, false)),
                unit: self.symbol().to_owned(),
            };
        }
        let mut at = step_index(ladder, value);
        loop {
            let step = &ladder[at];
            if step.size >= MINUTE && self.unit == Unit::Seconds {
                return Figure { text: format_duration(value), unit: String::new() };
            }
            let scaled = value / step.size;
            let rule = self.precision(fewest, step.size > 1.0);
            // 1023.99 KiB would be read as 1024 KiB: it is 1.00 MiB.
            match ladder.get(at + 1) {
                Some(next) if (rule.round(scaled).0 * step.size).abs() >= next.size * (1.0 - f64::EPSILON) => at += 1,
                _ => return Figure { text: digits::format_number(scaled, rule), unit: step.symbol.to_owned() },
            }
        }
    }

    fn precision(&self, fewest: bool, stepped: bool) -> Precision {
        match (&self.unit, self.decimals) {
            _ if fewest => Precision::Minimal,
            (_, Some(decimals)) => Precision::Fixed(decimals),
            (Unit::Percent, None) => Precision::Percent,
            (Unit::Celsius, None) => Precision::Fixed(1),
            (Unit::Bytes | Unit::BytesPerSecond | Unit::BitsPerSecond, None) if stepped => Precision::Significant,
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

    /// What stands behind a number of a unit without steps.
    fn symbol(&self) -> &str {
        match &self.unit {
            Unit::Percent => "%",
            Unit::Celsius => "°C",
            Unit::Other(name) => name,
            _ => "",
        }
    }
}

/// The unit a source means by the name it gives its column.
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

/// The largest step that is not larger than the value. Zero is written in the plain unit.
fn step_index(ladder: &[UnitStep], value: f64) -> usize {
    let size = if value == 0.0 || !value.is_finite() { 1.0 } else { value.abs() };
    ladder.iter().rposition(|step| step.size <= size).unwrap_or(0)
}

fn to_text(figure: Figure) -> String {
    let Figure { mut text, unit } = figure;
    if !unit.is_empty() {
        text.push(' ');
        text.push_str(&unit);
    }
    text
}

/// A minute or more, in its two largest parts, rounded to the smaller one: `3 min 20 s`, `5 d 3 h`.
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
