use ldap3::LdapResult;

use super::policy_control::PasswordPolicyResponse;
use crate::config::DirectoryKind;
use crate::directory::connection::{DirectoryRefusal, OperationFault, OperationKind, ad_sub_code, result_code};

/// Judges the result of the one bind with a person's password.
///
/// # Errors
/// An [`OperationFault`] with the typed refusal, or with [`DirectoryRefusal::Unreachable`] when the result says nothing
/// about the person.
pub(in crate::directory) fn judge_bind(kind: DirectoryKind, result: &LdapResult) -> Result<(), OperationFault> {
    let sub_code = ad_sub_code(&result.text);
    let policy = PasswordPolicyResponse::read(&result.ctrls);
    let refusal = match (result.rc, kind) {
        // The bind stands all the same: on its connection the password can be changed.
        (result_code::SUCCESS, _) => match policy.refusal_after_success() {
            Some(refusal) => refusal,
            None => return Ok(()),
        },
        // ERROR_NO_LOGON_SERVERS: the controller that would know, such as a trusted domain's, could not be asked.
        (result_code::INVALID_CREDENTIALS, DirectoryKind::ActiveDirectory) if sub_code == Some(0x51f) => {
            return Err(OperationFault::from_result(OperationKind::Bind, result, "no server could judge the password"));
        }
        (result_code::INVALID_CREDENTIALS, DirectoryKind::ActiveDirectory) => refusal_for_sub_code(sub_code),
        (result_code::INVALID_CREDENTIALS, DirectoryKind::Ldap) => {
            policy.refusal_after_failure().unwrap_or(DirectoryRefusal::WrongCredentials)
        }
        // 48 is an entry without a password; 32 and 34 are what some servers say of a name they cannot bind.
        (result_code::INAPPROPRIATE_AUTHENTICATION | result_code::NO_SUCH_OBJECT | result_code::INVALID_DN_SYNTAX, _) => {
            DirectoryRefusal::WrongCredentials
        }
        // 389 Directory Server: "Exceed password retry limit".
        (result_code::CONSTRAINT_VIOLATION, DirectoryKind::Ldap) => DirectoryRefusal::Locked,
        // 389 Directory Server of an inactivated account, whatever the password: like a lockout it must not be told to a
        // stranger.
        (result_code::UNWILLING, DirectoryKind::Ldap) if result.text.contains("inactivated") => DirectoryRefusal::Locked,
        _ => {
            return Err(OperationFault::from_result(OperationKind::Bind, result, "the server did not judge the password"));
        }
    };
    Err(OperationFault {
        refusal,
        operation: OperationKind::Bind,
        result_code: Some(result.rc),
        sub_code,
        connection_failed: false,
    })
}

/// The refusal for a sub-code. Unknown ones are refused like a wrong password; the log has the number.
fn refusal_for_sub_code(sub_code: Option<u32>) -> DirectoryRefusal {
    match sub_code {
        Some(0x530) => DirectoryRefusal::NotAtThisHour,
        // 0x52f: a restriction of the account, such as of Protected Users, who may bind with Kerberos alone. 0x568: more groups
        // than a token holds. 0x569: not this kind of sign-in. They come after the password was found right (Win32 error codes,
        // ERROR_ACCOUNT_RESTRICTION, ERROR_TOO_MANY_CONTEXT_IDS and ERROR_LOGON_TYPE_NOT_GRANTED).
        Some(0x531 | 0x52f | 0x568 | 0x569) => DirectoryRefusal::NotFromHere,
        Some(0x532) => DirectoryRefusal::PasswordExpired,
        Some(0x533) => DirectoryRefusal::Disabled,
        Some(0x701) => DirectoryRefusal::AccountExpired,
        Some(0x773) => DirectoryRefusal::MustChangePassword,
        Some(0x775) => DirectoryRefusal::Locked,
        // 0x525 no such user, 0x52e wrong password, 0x52b the same where it was to be changed.
        _ => DirectoryRefusal::WrongCredentials,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn result(rc: u32, text: &str) -> LdapResult {
        LdapResult { rc, matched: String::new(), text: text.into(), refs: vec![], ctrls: vec![] }
    }

    fn refused(kind: DirectoryKind, rc: u32, text: &str) -> DirectoryRefusal {
        judge_bind(kind, &result(rc, text)).unwrap_err().refusal
    }

    #[test]
    fn every_sub_code_has_its_refusal() {
        for (data, expected) in [
            ("525", DirectoryRefusal::WrongCredentials),
            ("52e", DirectoryRefusal::WrongCredentials),
            ("530", DirectoryRefusal::NotAtThisHour),
            ("531", DirectoryRefusal::NotFromHere),
            ("52f", DirectoryRefusal::NotFromHere),
            ("568", DirectoryRefusal::NotFromHere),
            ("569", DirectoryRefusal::NotFromHere),
            ("52b", DirectoryRefusal::WrongCredentials),
            ("532", DirectoryRefusal::PasswordExpired),
            ("533", DirectoryRefusal::Disabled),
            ("701", DirectoryRefusal::AccountExpired),
            ("773", DirectoryRefusal::MustChangePassword),
            ("775", DirectoryRefusal::Locked),
            ("deadbeef", DirectoryRefusal::WrongCredentials),
            ("ffffffffff", DirectoryRefusal::WrongCredentials),
            ("", DirectoryRefusal::WrongCredentials),
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
        assert_eq!(refused(DirectoryKind::Ldap, 49, "error, data 775, v1"), DirectoryRefusal::WrongCredentials);
        assert_eq!(refused(DirectoryKind::ActiveDirectory, 49, ""), DirectoryRefusal::WrongCredentials);
    }

    #[test]
    fn a_controller_that_could_ask_nobody_has_judged_no_password() {
        let text = "80090308: LdapErr: DSID-0C090449, comment: AcceptSecurityContext error, data 51f, v4563";
        assert!(matches!(refused(DirectoryKind::ActiveDirectory, 49, text), DirectoryRefusal::Unreachable(_)));
    }

    #[test]
    fn a_result_that_says_nothing_about_the_person_is_no_wrong_password() {
        for code in [1, 2, 3, 8, 10, 13, 14, 50, 51, 52, 53, 80, 12345] {
            for kind in [DirectoryKind::ActiveDirectory, DirectoryKind::Ldap] {
                assert!(matches!(refused(kind, code, "x"), DirectoryRefusal::Unreachable(_)), "{code}");
            }
        }
    }
}
