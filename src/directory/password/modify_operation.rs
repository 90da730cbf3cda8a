use ldap3::LdapResult;

use super::change::PasswordChange;
use super::refusal::{ChangeRefusal, Rule};
use super::words;
use crate::directory::connection::{Abilities, Connection, Fault, Operation, PASSWORD_POLICY, Refusal, rc};
use crate::directory::sign_in::{PolicyAnswer, PolicyError};

/// Changes the password of whoever is bound on `connection` (RFC 3062, 2).
pub(super) async fn change(
    connection: &mut Connection,
    abilities: Abilities,
    change: &PasswordChange,
) -> Result<LdapResult, Fault> {
    let control = abilities.policy_control.then_some(PASSWORD_POLICY);
    connection.modify_password(Operation::ChangePassword, &change.old, &change.new, control).await
}

/// Judges what came of it: by the policy control where there is one, else by the result.
pub(super) fn judge(result: &LdapResult) -> Result<(), ChangeRefusal> {
    if result.rc == rc::SUCCESS {
        return Ok(());
    }
    Err(match (PolicyAnswer::read(&result.ctrls).error, result.rc) {
        (Some(PolicyError::TooShort), _) => ChangeRefusal::rule(Rule::TooShort),
        (Some(PolicyError::TooLong), _) => ChangeRefusal::rule(Rule::TooLong),
        (Some(PolicyError::InsufficientQuality), _) => ChangeRefusal::rule(Rule::TooSimple),
        (Some(PolicyError::InHistory), _) => ChangeRefusal::rule(Rule::InHistory),
        (Some(PolicyError::TooYoung), _) => ChangeRefusal::rule(Rule::TooYoung),
        (Some(PolicyError::ModificationNotAllowed), _) | (_, rc::INSUFFICIENT_ACCESS) => {
            ChangeRefusal::NotHere { reason: "the directory does not let this account's password be changed" }
        }
        (Some(PolicyError::AccountLocked), _) => Refusal::Locked.into(),
        (_, rc::CONSTRAINT_VIOLATION) => ChangeRefusal::Policy { rule: None, words: words::for_people(result) },
        (_, rc::INVALID_CREDENTIALS) => Refusal::WrongCredentials.into(),
        (_, rc::CONFIDENTIALITY_REQUIRED | rc::STRONGER_AUTH_REQUIRED) => {
            ChangeRefusal::NotHere { reason: "the directory wants an encrypted connection" }
        }
        (_, rc::UNWILLING | rc::PROTOCOL_ERROR) => {
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
            ctype: PASSWORD_POLICY.to_owned(),
            crit: false,
            val: Some(vec![0x30, 3, 0x81, 1, code]),
        };
        let ctrls = policy.map(|code| Control(None, control(code))).into_iter().collect();
        judge(&LdapResult { rc, matched: String::new(), text: text.into(), refs: vec![], ctrls }).unwrap_err()
    }

    #[test]
    fn the_policy_control_names_the_rule() {
        for (code, rule) in
            [(5, Rule::TooSimple), (6, Rule::TooShort), (7, Rule::TooYoung), (8, Rule::InHistory), (9, Rule::TooLong)]
        {
            assert_eq!(judged(19, "Password fails quality checking policy", Some(code)), ChangeRefusal::rule(rule));
        }
        assert!(matches!(judged(19, "", Some(3)), ChangeRefusal::NotHere { .. }));
    }

    #[test]
    fn without_it_the_result_and_its_words_count() {
        let words = Some("Password is too young to change.".to_owned());
        let policy = ChangeRefusal::Policy { rule: None, words };
        assert_eq!(judged(19, "Password is too young to change", None), policy);
        assert_eq!(judged(49, "", None), Refusal::WrongCredentials.into());
        for code in [2, 8, 13, 50, 53] {
            assert!(matches!(judged(code, "", None), ChangeRefusal::NotHere { .. }), "{code}");
        }
        for code in [1, 51, 52, 80] {
            assert!(matches!(judged(code, "", None), ChangeRefusal::Old(Refusal::Unreachable(_))), "{code}");
        }
    }
}
