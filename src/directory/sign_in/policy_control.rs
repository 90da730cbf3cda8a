use std::time::Duration;

use ldap3::asn1::{StructureTag, TagClass, Types, parse_tag};
use ldap3::controls::Control;

use crate::directory::connection::{DirectoryRefusal, PASSWORD_POLICY_CONTROL};
use crate::directory::schema::unsigned;

/// 389 Directory Server's control that says a password has expired or must be changed (draft-vchu-ldap-pwd-policy-00,
/// 5.2).
const PASSWORD_EXPIRED_CONTROL: &str = "2.16.840.1.113730.3.4.4";

/// 389 Directory Server's control that says in how many seconds a password expires, in digits
/// (draft-vchu-ldap-pwd-policy-00, 5.3).
const PASSWORD_EXPIRING_CONTROL: &str = "2.16.840.1.113730.3.4.5";

/// The longest answer of the policy control: two tags around an integer, and an enumeration. More is not this control.
const MAX_RESPONSE_BYTES: usize = 64;

/// A server's response about a password in the controls beside a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::directory) struct PasswordPolicyResponse {
    /// The time until it expires; zero when it has expired, and lets in by grace.
    pub(super) expires_in: Option<Duration>,
    /// The error about it, or about the one that was to take its place.
    pub(in crate::directory) error: Option<PasswordPolicyError>,
}

/// The `error` in the control's response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::directory) enum PasswordPolicyError {
    PasswordExpired,
    AccountLocked,
    ChangeAfterReset,
    ModificationNotAllowed,
    MustSupplyOldPassword,
    InsufficientQuality,
    TooShort,
    TooYoung,
    InHistory,
    TooLong,
}

impl PasswordPolicyError {
    fn from_code(code: u32) -> Option<Self> {
        Some(match code {
            0 => Self::PasswordExpired,
            1 => Self::AccountLocked,
            2 => Self::ChangeAfterReset,
            3 => Self::ModificationNotAllowed,
            4 => Self::MustSupplyOldPassword,
            5 => Self::InsufficientQuality,
            6 => Self::TooShort,
            7 => Self::TooYoung,
            8 => Self::InHistory,
            // Later than the draft, in OpenLDAP and 389.
            9 => Self::TooLong,
            _ => return None,
        })
    }
}

impl PasswordPolicyResponse {
    /// Reads the response from the `controls` of a result. The policy control says most; 389's older ones count where
    /// it is absent. One that is malformed says nothing.
    pub(in crate::directory) fn read(controls: &[Control]) -> Self {
        let value = |oid: &str| {
            let found = controls.iter().find(|Control(_, control)| control.ctype == oid);
            found.map(|Control(_, control)| control.val.as_deref().unwrap_or_default())
        };
        if let Some(value) = value(PASSWORD_POLICY_CONTROL) {
            return parse_response(value).unwrap_or_else(|| {
                tracing::warn!("the directory's password policy control is malformed, and is passed over");
                Self::default()
            });
        }
        if value(PASSWORD_EXPIRED_CONTROL).is_some() {
            // On a bind that succeeds: nothing but a change is allowed now.
            return Self { expires_in: None, error: Some(PasswordPolicyError::ChangeAfterReset) };
        }
        Self { expires_in: value(PASSWORD_EXPIRING_CONTROL).and_then(parse_seconds), error: None }
    }

    /// The refusal that it means for a bind that succeeded, if any.
    pub(super) fn refusal_after_success(self) -> Option<DirectoryRefusal> {
        (self.error == Some(PasswordPolicyError::ChangeAfterReset)).then_some(DirectoryRefusal::MustChangePassword)
    }

    /// The refusal that it means for a bind that was refused as if the password were wrong.
    pub(super) fn refusal_after_failure(self) -> Option<DirectoryRefusal> {
        match self.error? {
            PasswordPolicyError::PasswordExpired | PasswordPolicyError::ChangeAfterReset => {
                Some(DirectoryRefusal::PasswordExpired)
            }
            PasswordPolicyError::AccountLocked => Some(DirectoryRefusal::Locked),
            _ => None,
        }
    }
}

/// ```text
/// SEQUENCE { warning [0] CHOICE { timeBeforeExpiration [0] INTEGER, graceAuthNsRemaining [1] INTEGER } OPTIONAL,
///            error   [1] ENUMERATED OPTIONAL }
/// ```
fn parse_response(value: &[u8]) -> Option<PasswordPolicyResponse> {
    const WARNING: u64 = 0;
    const TIME_BEFORE_EXPIRATION: u64 = 0;
    const GRACE_REMAINING: u64 = 1;
    const ERROR: u64 = 1;

    if value.len() > MAX_RESPONSE_BYTES {
        return None;
    }
    let ([], value) = parse_tag(value).ok()? else { return None };
    let parts = value.match_class(TagClass::Universal)?.match_id(Types::Sequence as u64)?.expect_constructed()?;
    let mut parts = parts.into_iter().peekable();
    let mut answer = PasswordPolicyResponse::default();
    if let Some(warning) = parts.next_if(|part| is_context(part, WARNING)) {
        let [choice] = <[_; 1]>::try_from(warning.expect_constructed()?).ok()?;
        answer.expires_in = Some(if is_context(&choice, TIME_BEFORE_EXPIRATION) {
            Duration::from_secs(unsigned(&choice.expect_primitive()?)?.into())
        } else {
            let grace = Some(choice).filter(|choice| is_context(choice, GRACE_REMAINING))?;
            unsigned(&grace.expect_primitive()?).map(|_| Duration::ZERO)?
        });
    }
    if let Some(error) = parts.next_if(|part| is_context(part, ERROR)) {
        answer.error = Some(PasswordPolicyError::from_code(unsigned(&error.expect_primitive()?)?)?);
    }
    parts.next().is_none().then_some(answer)
}

/// Whether this is the element with the context-specific tag `[number]`.
fn is_context(element: &StructureTag, number: u64) -> bool {
    element.class == TagClass::Context && element.id == number
}

/// Parses seconds written in digits.
fn parse_seconds(value: &[u8]) -> Option<Duration> {
    let digits = std::str::from_utf8(value).ok()?.trim_end_matches('\0');
    digits.parse::<u32>().ok().map(|seconds| Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use ldap3::controls::RawControl;

    use super::*;

    fn read(oid: &str, value: &[u8]) -> PasswordPolicyResponse {
        PasswordPolicyResponse::read(&[Control(
            None,
            RawControl { ctype: oid.to_owned(), crit: false, val: Some(value.to_vec()) },
        )])
    }

    fn policy(value: &[u8]) -> PasswordPolicyResponse {
        read(PASSWORD_POLICY_CONTROL, value)
    }

    #[test]
    fn a_warning_says_how_long_the_password_is_good() {
        assert_eq!(policy(&[0x30, 0]), PasswordPolicyResponse::default());
        let soon = policy(&[0x30, 6, 0xa0, 4, 0x80, 2, 0x0e, 0x10]);
        assert_eq!(soon, PasswordPolicyResponse { expires_in: Some(Duration::from_hours(1)), error: None });
        let long_winded = policy(&[0x30, 0x84, 0, 0, 0, 7, 0xa0, 0x81, 4, 0x80, 2, 0x0e, 0x10]);
        assert_eq!(long_winded, soon);
        let grace = policy(&[0x30, 5, 0xa0, 3, 0x81, 1, 2]);
        assert_eq!(grace.expires_in, Some(Duration::ZERO));
        assert_eq!(grace.refusal_after_success(), None, "it lets in by grace");
        assert_eq!(read(PASSWORD_EXPIRING_CONTROL, b"86400").expires_in, Some(Duration::from_hours(24)));
    }

    #[test]
    fn a_password_that_was_reset_is_good_for_nothing_but_a_change() {
        assert_eq!(policy(&[0x30, 3, 0x81, 1, 2]).refusal_after_success(), Some(DirectoryRefusal::MustChangePassword));
        assert_eq!(read(PASSWORD_EXPIRED_CONTROL, b"0").refusal_after_success(), Some(DirectoryRefusal::MustChangePassword));
        assert_eq!(policy(&[0x30, 3, 0x81, 1, 0]).refusal_after_failure(), Some(DirectoryRefusal::PasswordExpired));
        assert_eq!(policy(&[0x30, 3, 0x81, 1, 1]).refusal_after_failure(), Some(DirectoryRefusal::Locked));
        assert_eq!(read(PASSWORD_EXPIRED_CONTROL, b"0").refusal_after_failure(), Some(DirectoryRefusal::PasswordExpired));
        assert_eq!(policy(&[0x30, 3, 0x81, 1, 8]).error, Some(PasswordPolicyError::InHistory));
    }

    #[test]
    fn what_is_malformed_says_nothing() {
        for value in [
            &[][..],
            &[0x30],
            &[0x30, 1],
            &[0x30, 0x80],
            &[0x30, 0x80, 0, 0],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0x85, 0, 0, 0, 0, 0],
            &[0x30, 0, 0],
            &[0x31, 0],
            &[0x30, 3, 0x81, 1],
            &[0x30, 3, 0x81, 1, 99],
            &[0x30, 3, 0x81, 1, 0xff],
            &[0x30, 2, 0x81, 0],
            &[0x30, 2, 0xa0, 0],
            &[0x30, 5, 0xa0, 3, 0x82, 1, 0],
            &[0x30, 8, 0xa0, 6, 0x80, 1, 0, 0x81, 1, 0],
            &[0x30, 6, 0x81, 1, 0, 0x81, 1, 0],
            &[0x30, 9, 0xa0, 7, 0x80, 5, 1, 1, 1, 1, 1],
            &[0x30; 4096],
        ] {
            assert_eq!(policy(value), PasswordPolicyResponse::default(), "{value:?}");
        }
        for value in [&b""[..], b"-1", b"1e3", b"99999999999", &[0xff]] {
            assert_eq!(read(PASSWORD_EXPIRING_CONTROL, value).expires_in, None, "{value:?}");
        }
    }

    #[test]
    fn no_bytes_whatever_are_a_panic() {
        proptest::proptest!(|(value: Vec<u8>)| {
            policy(&value);
            read(PASSWORD_EXPIRING_CONTROL, &value);
        });
    }
}
