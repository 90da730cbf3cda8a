use super::person;
use crate::directory::schema::logon_hours::is_outside_hours;
use crate::directory::schema::{LdapEntry, time};
use crate::domain::Timestamp;

/// Reads a moment as an attribute has it; `None` where it means "never".
type ReadMoment = fn(&str) -> Option<Timestamp>;

/// The attributes with the moment from which an account is over: Active Directory's, OpenLDAP's (draft-behera-ldap-password-policy-11,
/// 5.3), MIT Kerberos' and FreeIPA's, eDirectory's, OpenDJ's, RFC 2307's, and Samba's on another directory.
const ENDS: [(&str, ReadMoment); 7] = [
    ("accountExpires", time::parse_filetime),
    ("pwdEndTime", time::parse_generalized_time),
    ("krbPrincipalExpiration", parse_kerberos_time),
    ("loginExpirationTime", time::parse_generalized_time),
    ("ds-pwp-account-expiration-time", time::parse_generalized_time),
    ("shadowExpire", time::parse_epoch_days),
    ("sambaKickoffTime", time::parse_epoch_seconds),
];

/// The attributes with the moment before which an account is not valid.
const BEGINNINGS: [&str; 2] = ["pwdStartTime", "ds-pwp-account-activation-time"];

/// The attributes by which an administrator closes an account: 389's and FreeIPA's, eDirectory's, OpenDJ's.
const LOCKS: [&str; 3] = ["nsAccountLock", "loginDisabled", "ds-pwp-account-disabled"];

/// The time of a lockout, which strangers can cause by wrong passwords; at the beginning of all time it is an administrator's,
/// and for good (draft-behera-ldap-password-policy-10, 5.3.3).
const LOCKED_SINCE: &str = "pwdAccountLockedTime";

/// Samba's flags of an account on another directory: `[UD         ]` is a user, and disabled.
const SAMBA_FLAGS: &str = "sambaAcctFlags";

/// The attributes that tell, besides [`person::ATTRIBUTES`], whether somebody may be signed in.
pub(in crate::directory) const ATTRIBUTES: &[&str] = &[
    ENDS[0].0,
    ENDS[1].0,
    ENDS[2].0,
    ENDS[3].0,
    ENDS[4].0,
    ENDS[5].0,
    ENDS[6].0,
    BEGINNINGS[0],
    BEGINNINGS[1],
    LOCKS[0],
    LOCKS[1],
    LOCKS[2],
    LOCKED_SINCE,
    SAMBA_FLAGS,
    "logonHours",
    "primaryGroupID",
];

/// The reason why somebody may not be signed in any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovalReason {
    /// There is no such person any more, or the settings' filters leave them out now.
    NotFound,
    /// The account was disabled.
    Disabled,
    /// The account has expired.
    AccountExpired,
    /// Signing in is not allowed at this hour (`logonHours`).
    NotAtThisHour,
}

impl RemovalReason {
    /// Its name in the audit and the log, which does not change: `not-found`, `disabled`, `account-expired`,
    /// `not-at-this-hour`.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Disabled => "disabled",
            Self::AccountExpired => "account-expired",
            Self::NotAtThisHour => "not-at-this-hour",
        }
    }
}

/// The reason why the account that `entry` describes may not be signed in at `now`; `None` when it may.
///
/// A lockout after wrong passwords is no reason: a stranger can cause one, and would sign people out by it.
pub(in crate::directory) fn removal_reason(entry: &LdapEntry, now: Timestamp) -> Option<RemovalReason> {
    if person::is_disabled(entry) || is_locked_for_good(entry) {
        return Some(RemovalReason::Disabled);
    }
    if account_end(entry).is_some_and(|end| now >= end) {
        return Some(RemovalReason::AccountExpired);
    }
    let begins = BEGINNINGS.into_iter().filter_map(|attribute| moment(entry, attribute, time::parse_generalized_time));
    let is_outside = begins.max().is_some_and(|begin| now < begin) || is_outside_hours(entry, now);
    is_outside.then_some(RemovalReason::NotAtThisHour)
}

/// The first moment from which the account is over; `None` when it has no end.
pub(in crate::directory) fn account_end(entry: &LdapEntry) -> Option<Timestamp> {
    ENDS.into_iter().filter_map(|(attribute, read)| moment(entry, attribute, read)).min()
}

fn moment(entry: &LdapEntry, attribute: &str, read: ReadMoment) -> Option<Timestamp> {
    entry.text(attribute).and_then(|text| read(text.trim()))
}

fn is_locked_for_good(entry: &LdapEntry) -> bool {
    let is_of_all_time = |since: &str| time::parse_generalized_time(since.trim()).is_some_and(|since| since < YEAR_ONE);
    let is_true = |attribute: &str| entry.texts(attribute).any(|locked| locked.trim().eq_ignore_ascii_case("true"));
    entry.texts(LOCKED_SINCE).any(is_of_all_time)
        || LOCKS.into_iter().any(is_true)
        || entry.texts(SAMBA_FLAGS).any(|flags| flags.contains('D'))
}

/// The beginning of the year 1.
const YEAR_ONE: Timestamp = Timestamp::from_millis(-62_135_596_800_000);

/// Reads a time of Kerberos, where the beginning of 1970 means "never".
fn parse_kerberos_time(text: &str) -> Option<Timestamp> {
    time::parse_generalized_time(text).filter(|at| at.as_millis() != 0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// 2026-11-22, a Sunday, at 01:30 UTC.
    const SUNDAY: Timestamp = Timestamp::from_millis(1_795_311_000_000);
    const HOUR: Duration = Duration::from_hours(1);

    fn of(attribute: &str, value: &[u8], now: Timestamp) -> Option<RemovalReason> {
        removal_reason(&LdapEntry::with("CN=a", &[(attribute, value)]), now)
    }

    #[test]
    fn an_account_that_an_administrator_closed_is_disabled() {
        assert_eq!(of("userAccountControl", b"514", SUNDAY), Some(RemovalReason::Disabled));
        assert_eq!(of("nsAccountLock", b"TRUE", SUNDAY), Some(RemovalReason::Disabled));
        assert_eq!(of("nsAccountLock", b"false", SUNDAY), None);
        assert_eq!(of("pwdAccountLockedTime", b"000001010000Z", SUNDAY), Some(RemovalReason::Disabled));
    }

    #[test]
    fn a_lockout_that_a_stranger_can_cause_signs_nobody_out() {
        assert_eq!(of("pwdAccountLockedTime", b"20261122010000Z", SUNDAY), None);
        assert_eq!(of("lockoutTime", b"134397576000000000", SUNDAY), None);
    }

    #[test]
    fn an_account_expires_at_its_moment_and_never_when_it_says_so() {
        let filetime = |at: Timestamp| (at.as_millis() + 11_644_473_600_000).unsigned_abs() * 10_000;
        let expires = |filetime: u64, now| of("accountExpires", filetime.to_string().as_bytes(), now);
        let at = filetime(SUNDAY);
        assert_eq!(expires(at, SUNDAY - Duration::from_millis(1)), None);
        assert_eq!(expires(at, SUNDAY), Some(RemovalReason::AccountExpired));
        for never in [0, 0x7fff_ffff_ffff_ffff] {
            assert_eq!(expires(never, SUNDAY), None, "{never}");
        }
        assert_eq!(of("accountExpires", b"soon", SUNDAY), None);
    }

    #[test]
    fn every_directory_s_way_of_ending_an_account_is_compared_as_a_time() {
        // An hour before SUNDAY, in all their ways, and an hour after it.
        for (attribute, over, to_come) in [
            ("pwdEndTime", "20261122003000Z", "20261122023000Z"),
            ("pwdEndTime", "20261122013000.0+0100", "20261122033000,5+0100"),
            ("krbPrincipalExpiration", "20261122003000Z", "20261122023000Z"),
            ("loginExpirationTime", "20261122003000Z", "20261122023000Z"),
            ("ds-pwp-account-expiration-time", "20261122003000.000Z", "20261122023000.000Z"),
            ("shadowExpire", "20779", "20780"),
            ("sambaKickoffTime", "1795307400", "1795314600"),
        ] {
            assert_eq!(of(attribute, over.as_bytes(), SUNDAY), Some(RemovalReason::AccountExpired), "{attribute} {over}");
            assert_eq!(of(attribute, to_come.as_bytes(), SUNDAY), None, "{attribute} {to_come}");
            assert_eq!(of(attribute, b"soon", SUNDAY), None, "{attribute}");
            assert!(ATTRIBUTES.contains(&attribute), "{attribute} is asked for");
        }
        for (attribute, never) in
            [("shadowExpire", "-1"), ("krbPrincipalExpiration", "19700101000000Z"), ("sambaKickoffTime", "0")]
        {
            assert_eq!(of(attribute, never.as_bytes(), SUNDAY), None, "{attribute}");
        }
        for attribute in BEGINNINGS {
            assert_eq!(of(attribute, b"20261122023000Z", SUNDAY), Some(RemovalReason::NotAtThisHour));
            assert_eq!(of(attribute, b"20261122003000Z", SUNDAY), None);
        }
    }

    #[test]
    fn every_directory_s_way_of_closing_an_account_counts() {
        for (attribute, closed, open) in [
            ("loginDisabled", "TRUE", "FALSE"),
            ("ds-pwp-account-disabled", "true", "false"),
            ("sambaAcctFlags", "[UD         ]", "[UX         ]"),
            ("pwdAccountLockedTime", "00000101000000.0Z", "20261122010000.5Z"),
        ] {
            assert_eq!(of(attribute, closed.as_bytes(), SUNDAY), Some(RemovalReason::Disabled), "{attribute}");
            assert_eq!(of(attribute, open.as_bytes(), SUNDAY), None, "{attribute}");
        }
    }

    #[test]
    fn hours_are_read_by_the_bit_from_sunday_on_in_utc() {
        let mut hours = [0xff_u8; 21];
        hours[0] = 0b1111_1101;
        assert_eq!(of("logonHours", &hours, SUNDAY), Some(RemovalReason::NotAtThisHour));
        assert_eq!(of("logonHours", &hours, SUNDAY - 2 * HOUR), None, "Saturday's last hour");
        assert_eq!(of("logonHours", &hours, SUNDAY + HOUR), None);
        assert_eq!(of("logonHours", &hours, SUNDAY + 7 * 24 * HOUR), Some(RemovalReason::NotAtThisHour), "every week");
        hours[20] = 0b0111_1111;
        assert_eq!(of("logonHours", &hours, SUNDAY - 2 * HOUR), Some(RemovalReason::NotAtThisHour));
    }

    #[test]
    fn hours_of_another_length_mean_nothing() {
        assert_eq!(of("logonHours", &[0; 20], SUNDAY), None);
        assert_eq!(of("logonHours", b"", SUNDAY), None);
    }
}
