use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::Timestamp;

/// The error for a text that is no date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no day: write it as 2027-01-31")]
pub struct InvalidDate(String);

/// The first moment after a date, in UTC, which is written as `2027-01-31`: an account is valid to the end of its last day.
///
/// # Errors
/// [`InvalidDate`] when there is no such date.
pub fn end_of_day(text: &str) -> Result<Timestamp, InvalidDate> {
    /// The most characters that the error repeats.
    const MAX_CHARS: usize = 32;
    let invalid = || InvalidDate(text.chars().take(MAX_CHARS).collect());
    let day: Date = text.trim().parse().map_err(|_| invalid())?;
    let next = day.tomorrow().and_then(|day| day.to_zoned(TimeZone::UTC)).map_err(|_| invalid())?;
    Ok(Timestamp::from_millis(next.timestamp().as_millisecond()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_last_day_is_good_to_its_end() {
        assert_eq!(end_of_day("2027-01-31").unwrap(), Timestamp::from_millis(1_801_440_000_000));
        for bad in ["", "31.1.2027", "2027-02-30", "tomorrow", "9999-12-31"] {
            assert!(end_of_day(bad).unwrap_err().to_string().contains("2027-01-31"), "{bad:?}");
        }
    }
}
