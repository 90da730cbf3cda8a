use ldap3::LdapResult;

use super::fault::{Fault, Operation, rc};

/// Judges the service account's bind: whatever goes wrong here is the admin's to mend, and no answer about a person.
pub(in crate::directory) fn judge_service_bind(result: &LdapResult) -> Result<(), Fault> {
    match result.rc {
        rc::SUCCESS => Ok(()),
        code => {
            let mut fault = Fault::result(Operation::ServiceBind, result, "the service account may not bind");
            fault.sub_code = sub_code(&result.text);
            if code == rc::INVALID_CREDENTIALS {
                fault =
                    fault.advise("check bind_name and bind_password, and that the account is not locked or expired");
            }
            Err(fault)
        }
    }
}

/// Whether a refused bind counts as a wrong password against the account. What Active Directory refuses for a reason of
/// its own (locked, disabled, expired) does not.
pub(super) fn counts_against(fault: &Fault) -> bool {
    !matches!(fault.sub_code, Some(0x530..=0x533 | 0x701 | 0x773 | 0x775))
}

/// Active Directory's reason behind result 49: a Win32 error, in hexadecimal (MS-ADTS 3.1.1.3.1.9 and MS-ERREF).
pub(in crate::directory) fn sub_code(diagnostic: &str) -> Option<u32> {
    let (_, behind) = diagnostic.split_once(", data ")?;
    let digits = behind.split(|c: char| !c.is_ascii_hexdigit()).next()?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn result(rc: u32, text: &str) -> LdapResult {
        LdapResult { rc, matched: String::new(), text: text.into(), refs: vec![], ctrls: vec![] }
    }

    #[test]
    fn a_refused_service_account_is_never_an_answer_about_a_person() {
        let fault = judge_service_bind(&result(49, "error, data 52e, v1")).unwrap_err();
        assert_eq!(fault.sub_code, Some(0x52e));
        assert!(fault.reason().unwrap().contains("bind_password"));
    }
}
