//! Numbers with their units: which step of KiB, MiB, GiB or ms, s, min suits a value, and what stands behind it.

use super::digits::{self, Rule, UNKNOWN};
use super::view::Figure;
use crate::config::{PanelSettings, Unit};

/// How the numbers of one panel, or of one column, are written.
#[derive(Clone, Debug)]
pub(super) struct Format {
    unit: Unit,
    decimals: Option<u8>,
}

/// The one step a whole chart is written in, so that its lines can be compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    /// What a value is divided by to be in `unit`.
    pub(super) divisor: f64,
    /// What stands behind values.
    pub(super) unit: String,
    /// Whether round numbers are powers of two.
    pub(super) binary: bool,
}

/// One step of a unit: from `size` on, numbers are written in `name`.
struct Step {
    size: f64,
    name: &'static str,
}

const fn step(size: f64, name: &'static str) -> Step {
    Step { size, name }
}

const KIB: f64 = 1024.0;

const BYTES: &[Step] = &[
    step(1.0, "B"),
    step(KIB, "KiB"),
    step(KIB * KIB, "MiB"),
    step(KIB * KIB * KIB, "GiB"),
    step(KIB * KIB * KIB * KIB, "TiB"),
    step(KIB * KIB * KIB * KIB * KIB, "PiB"),
    step(KIB * KIB * KIB * KIB * KIB * KIB, "EiB"),
];

const BYTES_PER_SECOND: &[Step] = &[
    step(1.0, "B/s"),
    step(KIB, "KiB/s"),
    step(KIB * KIB, "MiB/s"),
    step(KIB * KIB * KIB, "GiB/s"),
    step(KIB * KIB * KIB * KIB, "TiB/s"),
    step(KIB * KIB * KIB * KIB * KIB, "PiB/s"),
];

const BITS_PER_SECOND: &[Step] = &[
    step(1.0, "bit/s"),
    step(1e3, "kbit/s"),
    step(1e6, "Mbit/s"),
    step(1e9, "Gbit/s"),
    step(1e12, "Tbit/s"),
    step(1e15, "Pbit/s"),
];

/// From a minute on, a figure is written in two parts (`3 min 20 s`), a chart's axis in the larger one.
const SECONDS: &[Step] = &[
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
const DAYS_ALONE: f64 = 100.0;

impl Format {
    pub(super) fn new(unit: Unit, decimals: Option<u8>) -> Self {
        Self { unit, decimals }
    }

    /// The format of a panel's numbers.
    pub(super) fn of(settings: &PanelSettings) -> Self {
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
        self.write(value, false)
    }

    /// The number and its unit in one text: `86.4 %`.
    pub(super) fn text(&self, value: f64) -> String {
        joined(self.write(value, false))
    }

    /// A number that an author wrote, with no more digits than it needs: `80 %`. Zero needs no unit.
    pub(super) fn bound(&self, value: f64) -> String {
        if value == 0.0 { "0".to_owned() } else { joined(self.write(value, true)) }
    }

    /// The step for a chart whose values reach `largest` from zero, in either direction.
    pub(super) fn scale(&self, largest: f64) -> Scale {
        let binary = matches!(self.unit, Unit::Bytes | Unit::BytesPerSecond);
        let ladder = self.ladder();
        let (divisor, unit) = match ladder.get(rung(ladder, largest)) {
            Some(step) => (step.size, step.name),
            None => (1.0, self.name()),
        };
        Scale { divisor, unit: unit.to_owned(), binary }
    }

    fn write(&self, value: f64, fewest: bool) -> Figure {
        if !value.is_finite() {
            return Figure { text: UNKNOWN.to_owned(), unit: String::new() };
        }
        let ladder = self.ladder();
        if ladder.is_empty() {
            return Figure { text: digits::number(value, self.rule(fewest, false)), unit: self.name().to_owned() };
        }
        let mut at = rung(ladder, value);
        loop {
            let step = &ladder[at];
            if step.size >= MINUTE && self.unit == Unit::Seconds {
                return Figure { text: long_time(value), unit: String::new() };
            }
            let scaled = value / step.size;
            let rule = self.rule(fewest, step.size > 1.0);
            // 1023.99 KiB would be read as 1024 KiB: it is 1.00 MiB.
            match ladder.get(at + 1) {
                Some(next) if (rule.round(scaled).0 * step.size).abs() >= next.size * (1.0 - f64::EPSILON) => at += 1,
                _ => return Figure { text: digits::number(scaled, rule), unit: step.name.to_owned() },
            }
        }
    }

    fn rule(&self, fewest: bool, stepped: bool) -> Rule {
        match (&self.unit, self.decimals) {
            _ if fewest => Rule::Fewest,
            (_, Some(decimals)) => Rule::Set(decimals),
            (Unit::Percent, None) => Rule::Percent,
            (Unit::Celsius, None) => Rule::Set(1),
            (Unit::Bytes | Unit::BytesPerSecond | Unit::BitsPerSecond, None) if stepped => Rule::Measure,
            _ => Rule::Count,
        }
    }

    fn ladder(&self) -> &'static [Step] {
        match self.unit {
            Unit::Bytes => BYTES,
            Unit::BytesPerSecond => BYTES_PER_SECOND,
            Unit::BitsPerSecond => BITS_PER_SECOND,
            Unit::Seconds => SECONDS,
            Unit::None | Unit::Percent | Unit::Celsius | Unit::Other(_) => &[],
        }
    }

    /// What stands behind a number of a unit without steps.
    fn name(&self) -> &str {
        match &self.unit {
            Unit::Percent => "%",
            Unit::Celsius => "°C",
            Unit::Other(name) => name,
            _ => "",
        }
    }
}

/// The unit a source means by the name it gives its column.
pub(super) fn named(name: &str) -> Unit {
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
fn rung(ladder: &[Step], value: f64) -> usize {
    let size = if value == 0.0 || !value.is_finite() { 1.0 } else { value.abs() };
    ladder.iter().rposition(|step| step.size <= size).unwrap_or(0)
}

fn joined(figure: Figure) -> String {
    let Figure { mut text, unit } = figure;
    if !unit.is_empty() {
        text.push(' ');
        text.push_str(&unit);
    }
    text
}

/// A minute or more, in its two largest parts, rounded to the smaller one: `3 min 20 s`, `5 d 3 h`.
fn long_time(seconds: f64) -> String {
    let size = seconds.abs();
    let (whole, part, names, each) = if size.round() < HOUR {
        (MINUTE, 1.0, ["min", "s"], 60.0)
    } else if (size / MINUTE).round() * MINUTE < DAY {
        (HOUR, MINUTE, ["h", "min"], 60.0)
    } else {
        (DAY, HOUR, ["d", "h"], 24.0)
    };
    if size >= DAYS_ALONE * DAY {
        return format!("{} d", digits::number((seconds / DAY).round(), Rule::Set(0)));
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
