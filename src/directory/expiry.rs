use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::entry::Entry;
use crate::domain::Timestamp;

/// From the first day of 1601, with which a FILETIME begins, to that of 1970: in milliseconds.
const FILETIME_BEFORE_UNIX: i64 = 11_644_473_600_000;

/// A FILETIME counts steps of 100 ns.
const FILETIME_STEPS_A_MILLISECOND: i64 = 10_000;

/// What a FILETIME of "never" is (MS-ADTS 3.1.1.4.5.32).
const NEVER: i64 = i64::MAX;

/// When a password that must be changed at once has expired: before everything.
const LONG_AGO: Timestamp = Timestamp::from_millis(0);

/// When the person's password expires; `None` when it does not, or the directory does not tell.
///
/// Active Directory reckons it from the policies that hold for the person; 389 Directory Server keeps it. Elsewhere
/// only a bind tells.
pub(super) fn password_expires(entry: &Entry) -> Option<Timestamp> {
    let reckoned = entry.text("msDS-UserPasswordExpiryTimeComputed").and_then(of_filetime);
    reckoned.or_else(|| entry.text("passwordExpirationTime").and_then(of_generalized_time))
}

fn of_filetime(text: &str) -> Option<Timestamp> {
    match text.parse().ok()? {
        NEVER => None,
        // It must be changed at the next sign-in.
        ..=0 => Some(LONG_AGO),
        steps => Some(Timestamp::from_millis(steps / FILETIME_STEPS_A_MILLISECOND - FILETIME_BEFORE_UNIX)),
    }
}

/// `20261122070000Z` (RFC 4517, 3.3.13), in the one form that 389 Directory Server writes.
fn of_generalized_time(text: &str) -> Option<Timestamp> {
    let moment = DateTime::strptime("%Y%m%d%H%M%SZ", text).ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some(Timestamp::from_millis(moment.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expires(attribute: &str, text: &str) -> Option<i64> {
        password_expires(&Entry::with("CN=a", &[(attribute, text.as_bytes())])).map(Timestamp::as_millis)
    }

    #[test]
    fn active_directorys_reckoning_is_read() {
        let computed = |text| expires("msDS-UserPasswordExpiryTimeComputed", text);
        assert_eq!(computed("116444736000000000"), Some(0));
        assert_eq!(computed("134370180000000000"), Some(1_792_544_400_000));
        assert_eq!(computed("9223372036854775807"), None, "never");
        assert_eq!(computed("0"), Some(0), "it must be changed");
        for nonsense in ["", "soon", "99999999999999999999"] {
            assert_eq!(computed(nonsense), None, "{nonsense:?}");
        }
        assert_eq!(computed("-9223372036854775808"), Some(0));
    }

    #[test]
    fn the_time_that_389_directory_server_keeps_is_read() {
        let kept = |text| expires("passwordExpirationTime", text);
        assert_eq!(kept("20261122070000Z"), Some(1_795_330_800_000));
        assert_eq!(kept("19700101000000Z"), Some(0), "it must be changed");
        for nonsense in ["", "20261322070000Z", "2026", "20261122070000"] {
            assert_eq!(kept(nonsense), None, "{nonsense:?}");
        }
    }
}
