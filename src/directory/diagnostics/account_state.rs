use crate::directory::password::PasswordState;
use crate::directory::schema::LdapEntry;
use crate::directory::schema::time::{format_minute, parse_filetime};
use crate::domain::Timestamp;

/// The attributes that tell an account's state: those that only a base-scope read computes (MS-ADTS 3.1.1.4.5.17), and
/// those that say when an account ends.
pub(super) const ATTRIBUTES: &[&str] = &[
    "accountExpires",
    "msDS-User-Account-Control-Computed",
    "msDS-UserPasswordExpiryTimeComputed",
    "primaryGroupID",
    "shadowExpire",
];

/// Bits of `userAccountControl` (MS-ADTS 2.2.16) and of its computed counterpart (3.1.1.4.5.17).
const DISABLED: i64 = 0x2;
const LOCKED: i64 = 0x10;
const NEVER_EXPIRES: i64 = 0x1_0000;
const SMART_CARD: i64 = 0x4_0000;
const PASSWORD_EXPIRED: i64 = 0x80_0000;

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
    account_expired: bool,
    account_expires: Option<Timestamp>,
    password_expires: Option<Timestamp>,
    password_never_expires: bool,
}

impl AccountState {
    pub(super) fn from_entry(entry: &LdapEntry, now: Timestamp) -> Self {
        let bits = |attribute| entry.text(attribute).and_then(|bits| bits.parse::<i64>().ok()).unwrap_or_default();
        let control = bits("userAccountControl");
        let computed = bits("msDS-User-Account-Control-Computed");
        let account_expires = entry.text("accountExpires").and_then(parse_filetime);
        let password_expiry = entry.text("msDS-UserPasswordExpiryTimeComputed");
        let never = control & NEVER_EXPIRES != 0 || password_expiry == Some("9223372036854775807");
        Self {
            control,
            computed,
            must_change: entry.text("pwdLastSet") == Some("0"),
            account_expired: account_expires.is_some_and(|ends| ends <= now),
            account_expires,
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
        if self.control & DISABLED != 0 {
            return blocker("the account is disabled", "enable it in the directory, if the person is to sign in");
        }
        if self.account_expired {
            return blocker("the account has expired", "give it a later end in the directory, if the person is to sign in");
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn state(attributes: &[(&str, &str)]) -> AccountState {
        let attributes: Vec<_> = attributes.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        AccountState::from_entry(&LdapEntry::with("CN=a,DC=x", &attributes), Timestamp::from_millis(1_795_309_126_976))
    }

    #[test]
    fn an_account_that_cannot_sign_in_says_why_and_what_helps() {
        for (attributes, expected) in [
            (&[("userAccountControl", "514")][..], "disabled"),
            (&[("accountExpires", "126500000000000000")], "account has expired"),
            (&[("msDS-User-Account-Control-Computed", "16")], "locked"),
            (&[("pwdLastSet", "0"), ("msDS-User-Account-Control-Computed", "8388608")], "must be changed"),
            (&[("msDS-User-Account-Control-Computed", "8388608")], "password has expired"),
            (&[("userAccountControl", "262656")], "smart card"),
        ] {
            let blocker = state(attributes).blocker(|_| true).unwrap();
            assert!(blocker.reason.contains(expected) && !blocker.remedy.is_empty(), "{blocker:?}");
        }
        assert_eq!(state(&[("userAccountControl", "512"), ("pwdLastSet", "134000000000000000")]).blocker(|_| true), None);
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
