//! What a certificate says, as text: a stranger wrote it, and it goes into the log and onto terminals.

use jiff::Timestamp as Moment;

/// The most characters of a name in a certificate that are shown.
const MAX_TEXT_CHARS: usize = 200;

/// A text that can neither forge lines of the log nor flood it.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TEXT_CHARS).collect()
}

/// The day of a moment in seconds since 1970: `2026-11-22`, in UTC.
pub(super) fn day(seconds: i64) -> String {
    match Moment::from_second(seconds) {
        Ok(moment) => moment.strftime("%Y-%m-%d").to_string(),
        Err(_) => "a day beyond all calendars".to_owned(),
    }
}
