//! The formats in which directories write times.

use std::time::Duration;

use jiff::Timestamp as Moment;
use jiff::civil::DateTime;

use crate::domain::Timestamp;

/// The milliseconds from 1601, where FILETIME begins, to 1970 (MS-DTYP 2.3.3).
const FILETIME_EPOCH: i64 = 11_644_473_600_000;

/// The ticks of FILETIME, 100 ns each, in a millisecond.
const TICKS_PER_MILLISECOND: i64 = 10_000;

/// Formats a day in UTC: `2026-11-22`.
pub(in crate::directory) fn format_day(at: Timestamp) -> String {
    format_utc(at, "%Y-%m-%d")
}

/// Formats a minute: `2026-11-22 14:02 UTC`.
pub(in crate::directory) fn format_minute(at: Timestamp) -> String {
    format_utc(at, "%Y-%m-%d %H:%M UTC")
}

fn format_utc(at: Timestamp, format: &str) -> String {
    match Moment::from_millisecond(at.as_millis()) {
        Ok(moment) => moment.strftime(format).to_string(),
        Err(_) => "a time beyond all calendars".to_owned(),
    }
}

/// Reads a GeneralizedTime (RFC 4517, 3.3.13): `20261122070021Z`, where the seconds or also the minutes may be left out, the
/// last of what is there may have a fraction, and the time be that of another zone (`+0100`).
pub(in crate::directory) fn parse_generalized_time(text: &str) -> Option<Timestamp> {
    const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    const HOUR_MS: i64 = 3_600_000;
    const MINUTE_MS: i64 = 60_000;
    let digits = leading_digits(text);
    let unit_ms = match digits.len() {
        10 => HOUR_MS,
        12 => MINUTE_MS,
        14 => 1_000,
        _ => return None,
    };
    let two = |at: usize| digits.get(at..at + 2).map_or(Some(0), |digits| digits.parse::<i8>().ok());
    // A leap second is the last of its minute.
    let second = two(12)?.min(59 + i8::from(two(12)? > 60));
    let civil = DateTime::new(digits.get(..4)?.parse().ok()?, two(4)?, two(6)?, two(8)?, two(10)?, second, 0).ok()?;
    let since_epoch = i64::try_from(civil.duration_since(EPOCH).as_millis()).ok()?;
    let rest = &text[digits.len()..];
    let (fraction, zone) = match rest.strip_prefix(['.', ',']) {
        Some(behind) => behind.split_at(leading_digits(behind).len()),
        None => ("0", rest),
    };
    let fraction = format!("0.{fraction}0").parse::<f64>().ok().filter(|_| !fraction.is_empty())?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "it is a part of an hour")]
    let fraction_ms = (fraction * unit_ms as f64) as i64;
    let (sign, offset) = match zone.as_bytes().first()? {
        b'Z' => (0, zone.get(1..).filter(|behind| behind.is_empty()).map(|_| "0000")?),
        b'+' => (1, &zone[1..]),
        b'-' => (-1, &zone[1..]),
        _ => return None,
    };
    if ![2, 4].contains(&offset.len()) || leading_digits(offset).len() != offset.len() {
        return None;
    }
    let minutes = offset.get(2..).filter(|minutes| !minutes.is_empty()).unwrap_or("0").parse::<i64>().ok()?;
    let ahead_ms = offset[..2].parse::<i64>().ok()? * HOUR_MS + minutes * MINUTE_MS;
    Some(Timestamp::from_millis(since_epoch + fraction_ms - sign * ahead_ms))
}

fn leading_digits(text: &str) -> &str {
    &text[..text.bytes().take_while(u8::is_ascii_digit).count()]
}

/// Reads days since 1970, as `shadow(5)` counts them. What is negative means "never".
pub(in crate::directory) fn parse_epoch_days(text: &str) -> Option<Timestamp> {
    const DAY_MS: i64 = 86_400_000;
    text.parse::<i64>().ok().filter(|days| *days >= 0).map(|days| Timestamp::from_millis(days.saturating_mul(DAY_MS)))
}

/// Reads seconds since 1970. Zero and what is negative mean "never".
pub(in crate::directory) fn parse_epoch_seconds(text: &str) -> Option<Timestamp> {
    text.parse::<i64>().ok().filter(|seconds| *seconds > 0).map(|at| Timestamp::from_millis(at.saturating_mul(1_000)))
}

/// Reads a FILETIME. Zero and the greatest number mean "never" or "not set", and are `None`.
pub(in crate::directory) fn parse_filetime(text: &str) -> Option<Timestamp> {
    match text.parse::<i64>().ok()? {
        ..=0 | i64::MAX => None,
        ticks => Some(Timestamp::from_millis(ticks / TICKS_PER_MILLISECOND - FILETIME_EPOCH)),
    }
}

/// Reads a length of time as Active Directory keeps it: a negative count of 100 ns (MS-ADTS 3.1.1.3.3). `None` for "for
/// ever".
pub(in crate::directory) fn parse_interval(text: &str) -> Option<Duration> {
    match text.parse::<i64>().ok()? {
        i64::MIN => None,
        ticks => Some(Duration::from_micros(ticks.unsigned_abs() / 10)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directorys_ways_of_writing_a_time_are_read() {
        assert_eq!(parse_generalized_time("20261122070021.0Z").map(format_minute).as_deref(), Some("2026-11-22 07:00 UTC"));
        assert_eq!(parse_generalized_time("20261122070021Z").map(format_day).as_deref(), Some("2026-11-22"));
        let at = |text: &str| parse_generalized_time(text).map(Timestamp::as_millis);
        let seven = at("20261122070000Z");
        assert_eq!(seven, Some(1_795_330_800_000));
        for same in ["202611220700Z", "2026112207Z", "20261122080000+0100", "20261122080000+01", "20261122023000-0430"] {
            assert_eq!(at(same), seven, "{same}");
        }
        for half in ["2026112207.5Z", "2026112207,5Z", "202611220730Z", "202611220729.99999+0000", "20261122083000.000+0100"] {
            assert_eq!(at(half).map(|at| (at + 999) / 1_000), seven.map(|at| at / 1_000 + 1_800), "{half}");
        }
        assert_eq!(at("20261231235960Z"), at("20261231235959Z"), "a leap second");
        assert!(at("000001010000Z") < at("19700101000000Z") && at("99991231235959Z") > seven, "all calendars");
        for bad in [
            "",
            "Z",
            "20261122",
            "20269922070021.0Z",
            "20261122070000",
            "20261122070000.Z",
            "20261122070000Z1",
            "20261122070000+1",
            "20261122070000+010",
            "20261122070000+ab",
            "20261122070061Z",
            "äöüäöüäöüZ",
            "+0100",
        ] {
            assert_eq!(parse_generalized_time(bad), None, "{bad}");
        }
        assert_eq!(parse_filetime("126500000000000000").map(format_day).as_deref(), Some("2001-11-12"), "MS-DTYP 2.3.3");
        for never in ["0", "-1", "9223372036854775807", "x"] {
            assert_eq!(parse_filetime(never), None, "{never}");
        }
        assert_eq!(parse_epoch_days("20778").map(format_day).as_deref(), Some("2026-11-21"));
        assert_eq!((parse_epoch_days("-1"), parse_epoch_days("soon")), (None, None));
        assert_eq!(parse_epoch_seconds("1795330800").map(Timestamp::as_millis), seven);
        assert_eq!(parse_epoch_seconds("0"), None);
        assert_eq!(
            (parse_interval("-18000000000"), parse_interval("-9223372036854775808")),
            (Some(Duration::from_mins(30)), None)
        );
    }
}
