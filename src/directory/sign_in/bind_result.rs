use ldap3::LdapResult;

use super::policy_control::PasswordPolicyResponse;
use crate::config::DirectoryKind;
use crate::directory::connection::{
    DirectoryRefusal, OperationFault, OperationKind, SubCodeVerdict, ad_sub_code, describe_result, result_code,
};

/// Judges the result of the one bind with a person's password. A result that may be about this account alone is one about the
/// person, so that a stranger is told no more than of a name that nobody has; one about the server is an error of its own.
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
        // Unknown sub-codes are refused like a wrong password; the log has the number.
        (result_code::INVALID_CREDENTIALS, DirectoryKind::ActiveDirectory) => match sub_code.and_then(SubCodeVerdict::of) {
            Some(SubCodeVerdict::Wrong) | None => DirectoryRefusal::WrongCredentials,
            Some(SubCodeVerdict::Refused(refusal)) => refusal,
            Some(SubCodeVerdict::NoServer) => {
                let fault = OperationFault::from_result(OperationKind::Bind, result, "no server could judge the password");
                return Err(OperationFault { sub_code, ..fault });
            }
        },
        (result_code::INVALID_CREDENTIALS, DirectoryKind::Ldap) => {
            policy.refusal_after_failure().unwrap_or(DirectoryRefusal::WrongCredentials)
        }
        // 48 is an entry without a password; 32 and 34 are what some servers say of a name they cannot bind.
        (result_code::INAPPROPRIATE_AUTHENTICATION | result_code::NO_SUCH_OBJECT | result_code::INVALID_DN_SYNTAX, _) => {
            DirectoryRefusal::WrongCredentials
        }
        // 389 Directory Server: "Exceed password retry limit".
        (result_code::CONSTRAINT_VIOLATION, DirectoryKind::Ldap) => DirectoryRefusal::Locked,
        // 53 is what 389 Directory Server, and eDirectory and others, say of an inactivated or locked account, whatever the
        // password.
        (
            result_code::CONSTRAINT_VIOLATION
            | result_code::INSUFFICIENT_ACCESS
            | result_code::UNWILLING
            | result_code::AUTHORIZATION_DENIED,
            _,
        ) => DirectoryRefusal::NotJudged { reason: describe_result(result) },
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
        cause: None,
    })
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

    fn not_judged(refusal: &DirectoryRefusal) -> bool {
        matches!(refusal, DirectoryRefusal::NotJudged { .. })
    }

    #[test]
    fn every_sub_code_has_its_refusal() {
        for (codes, expected) in [
            (&["525", "52e", "52b", "56", "deadbeef", "ffffffffff", ""][..], DirectoryRefusal::WrongCredentials),
            (&["530"], DirectoryRefusal::NotAtThisHour),
            (&["531"], DirectoryRefusal::NotFromHere),
            (&["52f", "569"], DirectoryRefusal::Restricted),
            (&["568"], DirectoryRefusal::TooManyGroups),
            (&["532"], DirectoryRefusal::PasswordExpired),
            (&["533"], DirectoryRefusal::Disabled),
            (&["701"], DirectoryRefusal::AccountExpired),
            (&["773", "792"], DirectoryRefusal::MustChangePassword),
            (&["775"], DirectoryRefusal::Locked),
        ] {
            for code in codes {
                for text in [
                    format!("80090308: LdapErr: DSID-0C090449, comment: AcceptSecurityContext error, data {code}, v4563\0"),
                    format!("80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {code}, v1db1"),
                ] {
                    assert_eq!(refused(DirectoryKind::ActiveDirectory, 49, &text), expected, "{text}");
                }
            }
        }
        for code in ["534", "70f", "710", "711", "78f", "791"] {
            let refusal = refused(DirectoryKind::ActiveDirectory, 49, &format!("error, data {code}, v1"));
            assert!(not_judged(&refusal), "{code}: {refusal}");
        }
    }

    #[test]
    fn sub_codes_are_only_active_directorys() {
        assert_eq!(refused(DirectoryKind::Ldap, 49, "error, data 775, v1"), DirectoryRefusal::WrongCredentials);
        assert_eq!(refused(DirectoryKind::ActiveDirectory, 49, ""), DirectoryRefusal::WrongCredentials);
    }

    #[test]
    fn a_controller_that_could_ask_nobody_has_judged_no_password() {
        for code in ["51f", "54b", "576", "6ba", "6fd", "700", "774", "80090346"] {
            let text = format!("80090308: LdapErr: DSID-0C090449, comment: AcceptSecurityContext error, data {code}, v4563");
            let fault = judge_bind(DirectoryKind::ActiveDirectory, &result(49, &text)).unwrap_err();
            assert!(matches!(fault.refusal, DirectoryRefusal::Unreachable(_)) && fault.sub_code.is_some(), "{fault:?}");
        }
    }

    #[test]
    fn every_result_code_is_about_the_person_or_about_the_server() {
        let kinds = [DirectoryKind::ActiveDirectory, DirectoryKind::Ldap];
        for code in (1..=130).chain([4096, 16654]) {
            for kind in kinds {
                let refusal = refused(kind, code, "Account inactivated. Contact system administrator.");
                match (code, kind) {
                    (32 | 34 | 48 | 49, _) => assert_eq!(refusal, DirectoryRefusal::WrongCredentials, "{code}"),
                    (19, DirectoryKind::Ldap) => assert_eq!(refusal, DirectoryRefusal::Locked),
                    (19 | 50 | 53 | 123, _) => assert!(not_judged(&refusal), "{code}: {refusal}"),
                    _ => {
                        let DirectoryRefusal::Unreachable(unreachable) = &refusal else { panic!("{code}: {refusal}") };
                        assert_eq!(unreachable.result_code, Some(code), "an answer is not silence");
                        assert!(!refusal.to_string().contains("cannot be reached"), "{refusal}");
                    }
                }
                // Whatever is about the person says by which code, to whoever reads the log.
                assert!(!not_judged(&refusal) || refusal.to_string().contains(&format!("result {code}")), "{refusal}");
            }
        }
        assert!(kinds.into_iter().all(|kind| judge_bind(kind, &result(0, "")).is_ok()));
    }
}
