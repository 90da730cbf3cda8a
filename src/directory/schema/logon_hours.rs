use super::LdapEntry;
use crate::domain::Timestamp;

/// Whether the account that `entry` describes may not sign in at `now`, by its hours (`logonHours`).
pub(in crate::directory) fn is_outside_hours(entry: &LdapEntry, now: Timestamp) -> bool {
    entry.bytes("logonHours").any(|hours| !allows_hour(hours, now))
}

/// Whether `logonHours` allows signing in at `now`: a bit for each hour of the week in UTC, from Sunday on, the lowest
/// bit of each byte first (MS-ADTS 2.2.22, MS-SAMR 2.2.6.5). Of another length it means nothing, as in Windows.
fn allows_hour(hours: &[u8], now: Timestamp) -> bool {
    const HOUR_MS: i64 = 3_600_000;
    const HOURS_A_WEEK: i64 = 7 * 24;
    /// The first of January 1970 was a Thursday.
    const FROM_SUNDAY_TO_1970: i64 = 4 * 24;
    let hour = (now.as_millis().div_euclid(HOUR_MS) + FROM_SUNDAY_TO_1970).rem_euclid(HOURS_A_WEEK);
    let Ok(hour) = usize::try_from(hour) else { return true };
    match <&[u8; 21]>::try_from(hours) {
        Ok(hours) => hours[hour / 8] >> (hour % 8) & 1 == 1,
        Err(_) => true,
    }
}
