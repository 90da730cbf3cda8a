use std::collections::HashSet;

use ldap3::{LdapResult, Mod};
use zeroize::Zeroizing;

use super::diagnostic_message;
use super::password_change::PasswordChange;
use super::refusal::{ChangeRefusal, PasswordRule};
use crate::directory::connection::{
    DirectoryRefusal, LdapConnection, OperationFault, OperationKind, SubCodeVerdict, result_code,
};
use crate::domain::Password;

const UNICODE_PWD: &[u8] = b"unicodePwd";

/// Changes the password of the entry `dn` (MS-ADTS 3.1.1.3.1.5.1): the old value deleted and the new one added in one
/// modify, which any account may send for any other, as it proves itself. History and policy hold for it; a `replace`
/// would be an administrator's reset.
pub(super) async fn change(
    connection: &mut LdapConnection,
    dn: &str,
    change: &PasswordChange,
) -> Result<LdapResult, OperationFault> {
    let (old, new) = (quoted_utf16(&change.old), quoted_utf16(&change.new));
    let changes =
        vec![Mod::Delete(UNICODE_PWD, HashSet::from([old.as_slice()])), Mod::Add(UNICODE_PWD, HashSet::from([new.as_slice()]))];
    connection.modify(OperationKind::ChangePassword, dn, changes).await
}

/// The value of `unicodePwd`: the password in quotes, as UTF-16LE. It wipes itself.
fn quoted_utf16(password: &Password) -> Zeroizing<Vec<u8>> {
    let text = password.expose();
    // All the room from the start: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * (text.len() + 2)));
    for unit in ['"'].into_iter().chain(text.chars()).chain(['"']) {
        let mut units = [0; 2];
        bytes.extend(unit.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_le_bytes()));
    }
    bytes
}

/// Judges the result of a change, by the Win32 error before its text (MS-ERREF 2.2).
pub(super) fn judge(result: &LdapResult) -> Result<(), ChangeRefusal> {
    if result.rc == result_code::SUCCESS {
        return Ok(());
    }
    let code = win32_code(&result.text);
    match code.and_then(SubCodeVerdict::of) {
        // The old one.
        Some(SubCodeVerdict::Wrong) => return Err(DirectoryRefusal::WrongCredentials.into()),
        Some(SubCodeVerdict::Refused(refusal)) => return Err(refusal.into()),
        Some(SubCodeVerdict::NoServer) => return Err(ChangeRefusal::unclear(result)),
        None => {}
    }
    Err(match (code, result.rc) {
        // ERROR_ILL_FORMED_PASSWORD, ERROR_PASSWORD_RESTRICTION.
        (Some(0x52c | 0x52d), _) => policy_refusal(result),
        // ERROR_ACCESS_DENIED.
        (Some(0x5), _) | (_, result_code::INSUFFICIENT_ACCESS) => account_is_fixed(),
        // Samba's answer where the access control list denies the right to change it.
        (None, result_code::CONSTRAINT_VIOLATION) if result.text.to_lowercase().contains("module acl") => account_is_fixed(),
        // ERROR_GEN_FAILURE.
        (Some(0x1f), _) | (_, result_code::CONFIDENTIALITY_REQUIRED | result_code::STRONGER_AUTH_REQUIRED) => {
            ChangeRefusal::NotHere { reason: "the directory wants a better encrypted connection" }
        }
        (_, result_code::CONSTRAINT_VIOLATION) => policy_refusal(result),
        (_, result_code::UNWILLING) => ChangeRefusal::NotHere { reason: "the directory declines by policy" },
        _ => ChangeRefusal::unclear(result),
    })
}

fn account_is_fixed() -> ChangeRefusal {
    ChangeRefusal::NotHere { reason: "the directory does not let this account's password be changed" }
}

fn policy_refusal(result: &LdapResult) -> ChangeRefusal {
    let message = diagnostic_message::message_for_people(result);
    // Samba names the rule in its sentence and nowhere else; Microsoft's controllers do not tell which it was.
    let rule = message.as_deref().and_then(|message| {
        let names = [
            ("too short", PasswordRule::TooShort),
            ("complexity", PasswordRule::TooSimple),
            ("already used", PasswordRule::InHistory),
            ("too young", PasswordRule::TooYoung),
        ];
        names.into_iter().find(|(name, _)| message.contains(name)).map(|(_, rule)| rule)
    });
    ChangeRefusal::Policy { rule, message }
}

/// The Win32 error that an Active Directory diagnostic message begins with, in eight hexadecimal digits.
fn win32_code(diagnostic: &str) -> Option<u32> {
    let (digits, _) = diagnostic.split_once(':')?;
    if digits.len() == 8 { u32::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::directory::connection::PasswordFate;

    fn judged(rc: u32, text: &str) -> ChangeRefusal {
        let result = LdapResult { rc, matched: String::new(), text: text.into(), refs: vec![], ctrls: vec![] };
        judge(&result).unwrap_err()
    }

    #[test]
    fn a_password_is_quoted_and_in_utf_16() {
        let password = Password::parse("aé\"😀".to_owned()).unwrap();
        let bytes = quoted_utf16(&password);
        let units: Vec<u16> = bytes.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        assert_eq!(String::from_utf16(&units).unwrap(), "\"aé\"😀\"");
        assert!(bytes.capacity() >= bytes.len());
    }

    const SAMBA_ACL: &str = "error in module acl: Constraint violation during LDB_MODIFY (19)";

    #[test]
    fn the_win32_error_says_what_was_wrong() {
        let microsoft = "AtrErr: DSID-03191083, #1:\n\t0: 00000056: DSID-03191083, problem 1005, data 0";
        assert_eq!(judged(19, &format!("00000056: {microsoft}")), DirectoryRefusal::WrongCredentials.into());
        let policy = ChangeRefusal::Policy { rule: None, message: None };
        assert_eq!(judged(19, &format!("0000052D: {microsoft}")), policy);
        assert_eq!(judged(53, "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0"), policy);
        assert_eq!(judged(19, "00000775: x"), DirectoryRefusal::Locked.into());
        for (rc, text) in
            [(50, "00000005: SecErr: DSID-0315"), (50, ""), (53, "0000001F: SvcErr"), (53, ""), (8, ""), (19, SAMBA_ACL)]
        {
            assert!(matches!(judged(rc, text), ChangeRefusal::NotHere { .. }), "{rc} {text}");
        }
    }

    #[test]
    fn sambas_sentence_names_the_rule() {
        let refused = judged(
            19,
            "0000052D: Constraint violation - check_password_restrictions: the password was already used (in history)!",
        );
        let message = Some("The password was already used (in history).".to_owned());
        assert_eq!(refused, ChangeRefusal::Policy { rule: Some(PasswordRule::InHistory), message });
    }

    #[test]
    fn an_answer_that_is_none_is_no_refusal_and_the_password_was_sent() {
        for rc in [1, 32, 51, 52, 80] {
            let refused = judged(rc, "00000041: no");
            let ChangeRefusal::OldPassword(DirectoryRefusal::Unreachable(unreachable)) = refused else {
                panic!("{rc}: {refused}")
            };
            assert_eq!(unreachable.password, PasswordFate::Answered);
        }
    }
}
