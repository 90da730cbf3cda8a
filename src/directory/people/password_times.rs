use crate::directory::schema::{LdapEntry, time};
use crate::domain::Timestamp;

/// The time of a password that must be changed at once: before everything.
const LONG_AGO: Timestamp = Timestamp::from_millis(0);

/// The time when the person's password expires; `None` when it does not, or the directory does not tell.
///
/// Active Directory computes it from the policies that hold for the person; 389 Directory Server keeps it. Elsewhere
/// only a bind tells.
pub(in crate::directory) fn password_expires(entry: &LdapEntry) -> Option<Timestamp> {
    let reckoned = entry.text("msDS-UserPasswordExpiryTimeComputed").and_then(parse_filetime_or_zero);
    reckoned.or_else(|| entry.text("passwordExpirationTime").and_then(time::parse_generalized_time))
}

/// The time when the person's password was set, the beginning of 1970 where it must be changed at the next sign-in; `None` where
/// the directory does not tell.
///
/// Active Directory keeps `pwdLastSet`, OpenLDAP's policy overlay `pwdChangedTime`, 389 Directory Server `pwdUpdateTime`
/// where `passwordTrackUpdateTime` is on.
pub(in crate::directory) fn password_set(entry: &LdapEntry) -> Option<Timestamp> {
    let kept = || ["pwdChangedTime", "pwdUpdateTime"].into_iter().find_map(|attribute| entry.text(attribute));
    let last_set = entry.text("pwdLastSet").and_then(parse_filetime_or_zero);
    last_set.or_else(|| kept().and_then(time::parse_generalized_time))
}

/// Reads a FILETIME, where zero means that the password must be changed at the next sign-in.
fn parse_filetime_or_zero(text: &str) -> Option<Timestamp> {
    if text.parse::<i64>().is_ok_and(|steps| steps <= 0) { Some(LONG_AGO) } else { time::parse_filetime(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expires(attribute: &str, text: &str) -> Option<i64> {
        password_expires(&LdapEntry::with("CN=a", &[(attribute, text.as_bytes())])).map(Timestamp::as_millis)
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

    #[test]
    fn when_a_password_was_set_is_read_in_each_directory_s_own_way() {
        let set = |attribute: &str, text: &str| {
            password_set(&LdapEntry::with("CN=a", &[(attribute, text.as_bytes())])).map(Timestamp::as_millis)
        };
        assert_eq!(set("pwdLastSet", "134370180000000000"), Some(1_792_544_400_000));
        assert_eq!(set("pwdLastSet", "0"), Some(0), "it must be changed");
        for attribute in ["pwdChangedTime", "pwdUpdateTime"] {
            assert_eq!(set(attribute, "20261122070000Z"), Some(1_795_330_800_000), "{attribute}");
            assert_eq!(set(attribute, "soon"), None, "{attribute}");
        }
        assert_eq!(set("pwdLastSet", "soon"), None);
        assert_eq!(set("shadowLastChange", "20000"), None, "people may write that themselves");
    }
}
