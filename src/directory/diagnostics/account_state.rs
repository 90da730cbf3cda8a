use crate::directory::password::PasswordState;
use crate::directory::people::RemovalReason;
use crate::directory::people::removal::{account_end, removal_reason};
use crate::directory::schema::LdapEntry;
use crate::directory::schema::logon_hours::is_outside_hours;
use crate::directory::schema::time::{format_minute, parse_filetime};
use crate::domain::{Groups, Timestamp};

/// The attributes that tell an account's state, besides those that a sign-in reads: the computed ones come of a base-scope read
/// alone (MS-ADTS 3.1.1.4.5.17).
pub(super) const ATTRIBUTES: &[&str] =
    &["msDS-User-Account-Control-Computed", "msDS-UserPasswordExpiryTimeComputed", "userWorkstations"];

/// Bits of `userAccountControl` (MS-ADTS 2.2.16) and of its computed counterpart (3.1.1.4.5.17).
const LOCKED: i64 = 0x10;
const NEVER_EXPIRES: i64 = 0x1_0000;
const SMART_CARD: i64 = 0x4_0000;
const PASSWORD_EXPIRED: i64 = 0x80_0000;

/// The relative id of the domain's group of Protected Users (MS-DTYP 2.4.2.4).
const PROTECTED_USERS: u32 = 525;

/// The advice about an account that may sign in from named workstations alone.
pub(super) const WORKSTATIONS_REMEDY: &str =
    "add the domain controllers to userWorkstations: a password over LDAP counts as typed at them";

/// A reason why somebody cannot sign in, whatever the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInBlocker {
    /// The reason, in words.
    pub reason: String,
    /// The advice for their administrator.
    pub remedy: String,
    /// Whether they can end it themselves: the sign-in leads them to the form that changes their password, and then in.
    pub ends_with_password_change: bool,
}

/// The state of an account, as its entry tells it.
pub(super) struct AccountState {
    /// `userAccountControl`.
    control: i64,
    /// `msDS-User-Account-Control-Computed`.
    computed: i64,
    must_change: bool,
    /// The reason why a sign-in is refused though the password is right.
    removal: Option<RemovalReason>,
    /// A restriction that a right password is refused by, and its remedy.
    restriction: Option<(String, &'static str)>,
    account_expires: Option<Timestamp>,
    password_expires: Option<Timestamp>,
    password_never_expires: bool,
}

impl AccountState {
    /// The state that `entry` tells, of a member of these groups.
    pub(super) fn from_entry(entry: &LdapEntry, groups: &Groups, now: Timestamp) -> Self {
        let bits = |attribute| entry.text(attribute).and_then(|bits| bits.parse::<i64>().ok()).unwrap_or_default();
        let control = bits("userAccountControl");
        let computed = bits("msDS-User-Account-Control-Computed");
        let password_expiry = entry.text("msDS-UserPasswordExpiryTimeComputed");
        let never = control & NEVER_EXPIRES != 0 || password_expiry == Some("9223372036854775807");
        Self {
            control,
            computed,
            must_change: entry.text("pwdLastSet") == Some("0"),
            removal: removal_reason(entry, now),
            restriction: restriction(entry, groups, now),
            account_expires: account_end(entry),
            password_expires: password_expiry.and_then(parse_filetime),
            password_never_expires: never,
        }
    }

    /// The weightiest reason that keeps the account from signing in: the others show once it is mended. `can_change`
    /// says whether a password in this state can be changed at the sign-in.
    pub(super) fn blocker(&self, can_change: impl Fn(PasswordState) -> bool) -> Option<SignInBlocker> {
        let blocker = |reason: &str, remedy: &str| {
            Some(SignInBlocker { reason: reason.to_owned(), remedy: remedy.to_owned(), ends_with_password_change: false })
        };
        let password = |reason: &str, password: PasswordState| {
            let ends_with_change = can_change(password);
            let remedy = if ends_with_change {
                "let the person change it at sign-in"
            } else {
                "passwords cannot be changed here: let the person change it at their own machine, or give them a new one"
            };
            Some(SignInBlocker {
                reason: reason.to_owned(),
                remedy: remedy.to_owned(),
                ends_with_password_change: ends_with_change,
            })
        };
        match self.removal {
            Some(RemovalReason::Disabled) => {
                return blocker("the account is disabled", "enable it in the directory, if the person is to sign in");
            }
            Some(RemovalReason::AccountExpired) => {
                return blocker("the account has expired", "give it a later end in the directory, if the person is to sign in");
            }
            Some(RemovalReason::NotAtThisHour) if self.restriction.is_none() => {
                let remedy = "widen its hours (logonHours), or move its beginning (pwdStartTime), in the directory";
                return blocker("the account may not sign in at this hour", remedy);
            }
            Some(_) | None => {}
        }
        if self.computed & LOCKED != 0 {
            let remedy = "wait until the directory unlocks it, or unlock it there; look in its log for who tries wrong \
                          passwords";
            return blocker("the account is locked after too many wrong passwords", remedy);
        }
        if self.control & SMART_CARD != 0 {
            let remedy = "take the requirement from the account (SMARTCARD_REQUIRED), if the person is to sign in here";
            return blocker("the account signs in by smart card only, and has no password", remedy);
        }
        if let Some((reason, remedy)) = &self.restriction {
            return blocker(reason, remedy);
        }
        if self.must_change {
            return password("the password must be changed before the next sign-in", PasswordState::MustChange);
        }
        if self.computed & PASSWORD_EXPIRED != 0 {
            return password("the password has expired", PasswordState::Expired);
        }
        None
    }

    pub(super) fn in_words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(ends) = self.account_expires {
            words.push(format!("the account ends at {}", format_minute(ends)));
        }
        if self.password_never_expires {
            words.push("the password never expires".to_owned());
        } else if let Some(ends) = self.password_expires {
            words.push(format!("the password expires at {}", format_minute(ends)));
        }
        words
    }
}

/// The restriction by which Active Directory refuses a right password of the account, and its remedy.
fn restriction(entry: &LdapEntry, groups: &Groups, now: Timestamp) -> Option<(String, &'static str)> {
    let protected_users = entry.sid().and_then(|sid| sid.with_rid(PROTECTED_USERS)).map(|sid| sid.to_string());
    if groups.iter().any(|group| Some(group.id.as_str()) == protected_users.as_deref()) {
        let reason = "the account is in Protected Users, whose passwords Windows refuses over LDAP (52f)".to_owned();
        return Some((reason, "take the account out of Protected Users, or give the person another account for this site"));
    }
    if is_outside_hours(entry, now) {
        let reason = "the account may not sign in at this hour (530)".to_owned();
        return Some((reason, "widen its logon hours (logonHours) in the directory"));
    }
    let workstations = entry.text("userWorkstations").filter(|names| !names.trim().is_empty())?;
    let reason = format!("the account may sign in from these workstations alone, or is refused (531): {workstations}");
    Some((reason, WORKSTATIONS_REMEDY))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::{Group, GroupId};

    fn state(attributes: &[(&str, &str)]) -> AccountState {
        let attributes: Vec<_> = attributes.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let entry = LdapEntry::with("CN=a,DC=x", &attributes);
        AccountState::from_entry(&entry, &Groups::default(), Timestamp::from_millis(1_795_309_126_976))
    }

    #[test]
    fn an_account_that_cannot_sign_in_says_why_and_what_helps() {
        for (attributes, expected) in [
            (&[("userAccountControl", "514")][..], "disabled"),
            (&[("accountExpires", "126500000000000000")], "account has expired"),
            (&[("pwdEndTime", "20200101000000Z")], "account has expired"),
            (&[("nsAccountLock", "true")], "disabled"),
            (&[("pwdStartTime", "20300101000000Z")], "at this hour"),
            (&[("msDS-User-Account-Control-Computed", "16")], "locked"),
            (&[("pwdLastSet", "0"), ("msDS-User-Account-Control-Computed", "8388608")], "must be changed"),
            (&[("msDS-User-Account-Control-Computed", "8388608")], "password has expired"),
            (&[("userAccountControl", "262656")], "smart card"),
            (&[("userWorkstations", "PC1,PC2")], "PC1,PC2"),
            (&[("logonHours", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")], "at this hour"),
        ] {
            let blocker = state(attributes).blocker(|_| true).unwrap();
            assert!(blocker.reason.contains(expected) && !blocker.remedy.is_empty(), "{blocker:?}");
        }
        assert_eq!(state(&[("userAccountControl", "512"), ("pwdLastSet", "134000000000000000")]).blocker(|_| true), None);
    }

    #[test]
    fn whoever_is_in_protected_users_of_their_own_domain_cannot_sign_in() {
        let sid = [1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 7, 4, 0, 0];
        let entry = LdapEntry::with("CN=a,DC=x", &[("objectSid", &sid)]);
        for (group, is_blocked) in [("S-1-5-21-525", true), ("S-1-5-22-525", false), ("S-1-5-21-513", false)] {
            let group =
                Group { id: GroupId::new(group.to_owned()), name: "G".to_owned(), dn: String::new(), shares_name: false };
            let state = AccountState::from_entry(&entry, &[group].into_iter().collect(), Timestamp::from_millis(0));
            let blocker = state.blocker(|_| true);
            assert_eq!(blocker.is_some_and(|blocker| blocker.reason.contains("52f")), is_blocked);
        }
    }

    #[test]
    fn only_a_password_that_can_be_changed_here_is_a_bar_that_its_owner_lifts() {
        let must_change = state(&[("pwdLastSet", "0")]);
        assert!(must_change.blocker(|password| password == PasswordState::MustChange).unwrap().ends_with_password_change);
        let blocker = must_change.blocker(|password| password == PasswordState::Expired).unwrap();
        assert!(!blocker.ends_with_password_change && blocker.remedy.contains("their own machine"), "{blocker:?}");
        let locked = state(&[("pwdLastSet", "0"), ("msDS-User-Account-Control-Computed", "16")]);
        assert!(!locked.blocker(|_| true).unwrap().ends_with_password_change);
        let by_card = state(&[("pwdLastSet", "0"), ("userAccountControl", "262656")]);
        assert!(!by_card.blocker(|_| true).unwrap().ends_with_password_change, "there is no password to change");
    }

    #[test]
    fn when_things_end_is_told() {
        let words = state(&[("accountExpires", "0"), ("msDS-UserPasswordExpiryTimeComputed", "134400000000000000")]);
        assert_eq!(words.in_words(), ["the password expires at 2026-11-24 13:20 UTC"]);
        let never = state(&[("accountExpires", "9223372036854775807"), ("userAccountControl", "66048")]);
        assert_eq!(never.in_words(), ["the password never expires"]);
    }
}
