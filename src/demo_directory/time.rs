//! Times and durations as Active Directory writes them.

use std::time::Duration;

use crate::domain::Timestamp;

/// `maxPwdAge`, Active Directory's default. It holds for the accounts whose state says so.
pub(super) const MAX_PASSWORD_AGE: Duration = Duration::from_hours(42 * 24);

/// "Never", where a moment is stored, as in `accountExpires`.
pub(super) const NEVER: i64 = i64::MAX;

/// Formats a time as FILETIME: 100-nanosecond steps since 1601 (MS-DTYP 2.3.3).
pub(super) fn to_filetime(moment: Timestamp) -> String {
    const MILLIS_FROM_1601_TO_1970: i64 = 11_644_473_600_000;
    moment.as_millis().saturating_add(MILLIS_FROM_1601_TO_1970).saturating_mul(10_000).to_string()
}

/// Formats a duration as Active Directory stores it: a negative count of 100-nanosecond steps.
pub(super) fn to_interval(length: Duration) -> String {
    (-hundred_nanoseconds(length)).to_string()
}

/// The 100-nanosecond steps in a duration.
pub(super) fn hundred_nanoseconds(length: Duration) -> i64 {
    i64::try_from(length.as_nanos() / 100).unwrap_or(i64::MAX)
}

/// Formats a time as GeneralizedTime with a fraction, as Active Directory writes it: `20261121013846.0Z`.
pub(super) fn to_generalized_time(moment: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(moment.as_millis())
        .map_or_else(|_| "16010101000000.0Z".to_owned(), |moment| moment.strftime("%Y%m%d%H%M%S.0Z").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_active_directory_writes_them() {
        assert_eq!(to_filetime(Timestamp::from_millis(0)), "116444736000000000");
        assert_eq!(to_generalized_time(Timestamp::from_millis(1_795_309_126_976)), "20261122005846.0Z");
        assert_eq!(to_interval(Duration::from_mins(30)), "-18000000000");
    }
}
