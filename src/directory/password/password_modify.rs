use ldap3::LdapResult;

use super::diagnostic_message;
use super::password_change::PasswordChange;
use super::refusal::{ChangeRefusal, PasswordRule};
use crate::directory::connection::{
    DirectoryRefusal, LdapConnection, OperationFault, OperationKind, PASSWORD_POLICY_CONTROL, PasswordCapabilities, result_code,
};
use crate::directory::sign_in::{PasswordPolicyError, PasswordPolicyResponse};

/// Changes the password of whoever is bound on `connection` (RFC 3062, 2).
pub(super) async fn change(
    connection: &mut LdapConnection,
    abilities: PasswordCapabilities,
    change: &PasswordChange,
) -> Result<LdapResult, OperationFault> {
    let control = abilities.supports_policy_control.then_some(PASSWORD_POLICY_CONTROL);
    connection.modify_password(OperationKind::ChangePassword, &change.old, &change.new, control).await
}

/// Judges the result of a change: by the policy control where there is one, else by the result code.
pub(super) fn judge(result: &LdapResult) -> Result<(), ChangeRefusal> {
    if result.rc == result_code::SUCCESS {
        return Ok(());
    }
    Err(match (PasswordPolicyResponse::read(&result.ctrls).error, result.rc) {
        (Some(PasswordPolicyError::TooShort), _) => ChangeRefusal::rule(PasswordRule::TooShort),
        (Some(PasswordPolicyError::TooLong), _) => ChangeRefusal::rule(PasswordRule::TooLong),
        (Some(PasswordPolicyError::InsufficientQuality), _) => ChangeRefusal::rule(PasswordRule::TooSimple),
        (Some(PasswordPolicyError::InHistory), _) => ChangeRefusal::rule(PasswordRule::InHistory),
        (Some(PasswordPolicyError::TooYoung), _) => ChangeRefusal::rule(PasswordRule::TooYoung),
        (Some(PasswordPolicyError::ModificationNotAllowed), _) | (_, result_code::INSUFFICIENT_ACCESS) => {
            ChangeRefusal::NotHere { reason: "the directory does not let this account's password be changed" }
        }
        (Some(PasswordPolicyError::AccountLocked), _) => DirectoryRefusal::Locked.into(),
        (_, result_code::CONSTRAINT_VIOLATION) => {
            ChangeRefusal::Policy { rule: None, message: diagnostic_message::message_for_people(result) }
        }
        (_, result_code::INVALID_CREDENTIALS) => DirectoryRefusal::WrongCredentials.into(),
        (_, result_code::CONFIDENTIALITY_REQUIRED | result_code::STRONGER_AUTH_REQUIRED) => {
            ChangeRefusal::NotHere { reason: "the directory wants an encrypted connection" }
        }
        (_, result_code::UNWILLING | result_code::PROTOCOL_ERROR) => {
            ChangeRefusal::NotHere { reason: "the directory declines by policy" }
        }
        _ => ChangeRefusal::unclear(result),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ldap3::controls::{Control, RawControl};

    use super::*;

    fn judged(rc: u32, text: &str, policy: Option<u8>) -> ChangeRefusal {
        let control = |code| RawControl {
            ctype: PASSWORD_POLICY_CONTROL.to_owned(),
            crit: false,
            val: Some(vec![0x30, 3, 0x81, 1, code]),
        };
        let ctrls = policy.map(|code| Control(None, control(code))).into_iter().collect();
        judge(&LdapResult { rc, matched: String::new(), text: text.into(), refs: vec![], ctrls }).unwrap_err()
    }

    #[test]
    fn the_policy_control_names_the_rule() {
        for (code, rule) in [
            (5, PasswordRule::TooSimple),
            (6, PasswordRule::TooShort),
            (7, PasswordRule::TooYoung),
            (8, PasswordRule::InHistory),
            (9, PasswordRule::TooLong),
        ] {
            assert_eq!(judged(19, "Password fails quality checking policy", Some(code)), ChangeRefusal::rule(rule));
        }
        assert!(matches!(judged(19, "", Some(3)), ChangeRefusal::NotHere { .. }));
    }

    #[test]
    fn without_it_the_result_and_its_words_count() {
        let message = Some("Password is too young to change.".to_owned());
        let policy = ChangeRefusal::Policy { rule: None, message };
        assert_eq!(judged(19, "Password is too young to change", None), policy);
        assert_eq!(judged(49, "", None), DirectoryRefusal::WrongCredentials.into());
        for code in [2, 8, 13, 50, 53] {
            assert!(matches!(judged(code, "", None), ChangeRefusal::NotHere { .. }), "{code}");
        }
        for code in [1, 51, 52, 80] {
            assert!(matches!(judged(code, "", None), ChangeRefusal::OldPassword(DirectoryRefusal::Unreachable(_))), "{code}");
        }
    }
}
