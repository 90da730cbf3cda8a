//! The formats in which directories write times.

use std::time::Duration;

use jiff::Timestamp as Moment;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

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

/// Reads `20261122070021.0Z` (GeneralizedTime, RFC 4517, 3.3.13), to the second.
pub(in crate::directory) fn parse_generalized_time(text: &str) -> Option<Timestamp> {
    let digits = text.get(..14).filter(|_| text.ends_with('Z'))?;
    let civil = DateTime::strptime("%Y%m%d%H%M%S", digits).ok()?;
    let moment = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some(Timestamp::from_millis(moment.as_millisecond()))
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
        for bad in ["", "20261122", "20269922070021.0Z", "20261122070021+0100", "äöüäöüäöüZ"] {
            assert_eq!(parse_generalized_time(bad), None, "{bad}");
        }
        assert_eq!(parse_filetime("126500000000000000").map(format_day).as_deref(), Some("2001-11-12"), "MS-DTYP 2.3.3");
        for never in ["0", "-1", "9223372036854775807", "x"] {
            assert_eq!(parse_filetime(never), None, "{never}");
        }
        assert_eq!(
            (parse_interval("-18000000000"), parse_interval("-9223372036854775808")),
            (Some(Duration::from_mins(30)), None)
        );
    }
}
