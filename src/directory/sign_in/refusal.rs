use ldap3::LdapResult;

use super::policy_control::PolicyAnswer;
use crate::config::DirectoryKind;
use crate::directory::connection::{Fault, Operation, Refusal, rc, sub_code};

/// Judges the one bind that carried a person's password.
///
/// # Errors
/// A [`Fault`] with the typed refusal, or with [`Refusal::Unreachable`] when the result says nothing about the person.
pub(in crate::directory) fn judge_bind(kind: DirectoryKind, result: &LdapResult) -> Result<(), Fault> {
    let sub_code = sub_code(&result.text);
    let policy = PolicyAnswer::read(&result.ctrls);
    let refusal = match (result.rc, kind) {
        // The bind stands all the same: on its connection the password can be changed.
        (rc::SUCCESS, _) => match policy.on_success() {
            Some(refusal) => refusal,
            None => return Ok(()),
        },
        (rc::INVALID_CREDENTIALS, DirectoryKind::ActiveDirectory) => refusal_of(sub_code),
        (rc::INVALID_CREDENTIALS, DirectoryKind::Ldap) => policy.on_refusal().unwrap_or(Refusal::WrongCredentials),
        // 48 is an entry without a password; 32 and 34 are what some servers say of a name they cannot bind.
        (rc::INAPPROPRIATE_AUTHENTICATION | rc::NO_SUCH_OBJECT | rc::INVALID_DN_SYNTAX, _) => Refusal::WrongCredentials,
        // 389 Directory Server: "Exceed password retry limit".
        (rc::CONSTRAINT_VIOLATION, DirectoryKind::Ldap) => Refusal::Locked,
        // 389 Directory Server of an inactivated account, whatever the password: like a lockout it must not be told to a
        // stranger.
        (rc::UNWILLING, DirectoryKind::Ldap) if result.text.contains("inactivated") => Refusal::Locked,
        _ => return Err(Fault::result(Operation::Bind, result, "the server did not judge the password")),
    };
    Err(Fault { refusal, operation: Operation::Bind, result_code: Some(result.rc), sub_code, broken: false })
}

/// Unknown sub-codes are refused like a wrong password; the log has the number.
fn refusal_of(sub_code: Option<u32>) -> Refusal {
    match sub_code {
        Some(0x530) => Refusal::NotAtThisHour,
        Some(0x531) => Refusal::NotFromHere,
        Some(0x532) => Refusal::PasswordExpired,
        Some(0x533) => Refusal::Disabled,
        Some(0x701) => Refusal::AccountExpired,
        Some(0x773) => Refusal::MustChangePassword,
        Some(0x775) => Refusal::Locked,
        // 0x525 no such user, 0x52e wrong password.
        _ => Refusal::WrongCredentials,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn result(rc: u32, text: &str) -> LdapResult {
        LdapResult { rc, matched: String::new(), text: text.into(), refs: vec![], ctrls: vec![] }
    }

    fn refused(kind: DirectoryKind, rc: u32, text: &str) -> Refusal {
        judge_bind(kind, &result(rc, text)).unwrap_err().refusal
    }

    #[test]
    fn every_sub_code_has_its_refusal() {
        for (data, expected) in [
            ("525", Refusal::WrongCredentials),
            ("52e", Refusal::WrongCredentials),
            ("530", Refusal::NotAtThisHour),
            ("531", Refusal::NotFromHere),
            ("532", Refusal::PasswordExpired),
            ("533", Refusal::Disabled),
            ("701", Refusal::AccountExpired),
            ("773", Refusal::MustChangePassword),
            ("775", Refusal::Locked),
            ("deadbeef", Refusal::WrongCredentials),
            ("ffffffffff", Refusal::WrongCredentials),
            ("", Refusal::WrongCredentials),
        ] {
            for text in [
                format!("80090308: LdapErr: DSID-0C090449, comment: AcceptSecurityContext error, data {data}, v4563\0"),
                format!("80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {data}, v1db1"),
            ] {
                assert_eq!(refused(DirectoryKind::ActiveDirectory, 49, &text), expected, "{text}");
            }
        }
    }

    #[test]
    fn sub_codes_are_only_active_directorys() {
        assert_eq!(refused(DirectoryKind::Ldap, 49, "error, data 775, v1"), Refusal::WrongCredentials);
        assert_eq!(refused(DirectoryKind::ActiveDirectory, 49, ""), Refusal::WrongCredentials);
    }

    #[test]
    fn a_result_that_says_nothing_about_the_person_is_no_wrong_password() {
        for code in [1, 2, 3, 8, 10, 13, 14, 50, 51, 52, 53, 80, 12345] {
            for kind in [DirectoryKind::ActiveDirectory, DirectoryKind::Ldap] {
                assert!(matches!(refused(kind, code, "x"), Refusal::Unreachable(_)), "{code}");
            }
        }
    }
}
