use crate::directory::people::person;
use crate::directory::schema::logon_hours::is_outside_hours;
use crate::directory::schema::{LdapEntry, time};
use crate::domain::{Person, Timestamp};

/// The attributes that tell, besides [`person::ATTRIBUTES`], whether somebody may be signed in.
pub(super) const ATTRIBUTES: &[&str] =
    &["accountExpires", "logonHours", "primaryGroupID", "pwdAccountLockedTime", "nsAccountLock"];

/// `pwdAccountLockedTime` of an account that an administrator locked for good (draft-behera-ldap-password-policy-10,
/// 5.3.3). Any other time is a lockout after wrong passwords, which strangers can cause.
const LOCKED_PERMANENTLY: &str = "000001010000Z";

/// The current status of the account of somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountStatus {
    /// They may be signed in, as described now.
    Active(Person),
    /// They may not be signed in any more.
    Removed(RemovalReason),
}

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
pub(super) fn removal_reason(entry: &LdapEntry, now: Timestamp) -> Option<RemovalReason> {
    let locked_for_good = entry.texts("pwdAccountLockedTime").any(|time| time == LOCKED_PERMANENTLY)
        || entry.texts("nsAccountLock").any(|locked| locked.eq_ignore_ascii_case("true"));
    if person::is_disabled(entry) || locked_for_good {
        return Some(RemovalReason::Disabled);
    }
    if entry.text("accountExpires").and_then(time::parse_filetime).is_some_and(|end| now >= end) {
        return Some(RemovalReason::AccountExpired);
    }
    is_outside_hours(entry, now).then_some(RemovalReason::NotAtThisHour)
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
