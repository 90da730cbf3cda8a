use ldap3::LdapResult;

use super::fault::{OperationFault, OperationKind, result_code};

/// Judges the service account's bind. A failure is the admin's to mend, and no answer about a person.
pub(in crate::directory) fn judge_service_bind(result: &LdapResult) -> Result<(), OperationFault> {
    match result.rc {
        result_code::SUCCESS => Ok(()),
        code => {
            let mut fault = OperationFault::from_result(OperationKind::ServiceBind, result, "the service account may not bind");
            fault.sub_code = ad_sub_code(&result.text);
            if code == result_code::INVALID_CREDENTIALS {
                fault = fault.with_advice("check bind_name and bind_password, and that the account is not locked or expired");
            }
            Err(fault)
        }
    }
}

/// Whether a refused bind counts as a wrong password against the account. What Active Directory refuses for a reason of
/// its own (locked, disabled, expired) does not.
pub(super) fn counts_as_wrong_password(fault: &OperationFault) -> bool {
    !matches!(fault.sub_code, Some(0x530..=0x533 | 0x701 | 0x773 | 0x775))
}

/// The sub-code behind result 49 in Active Directory's diagnostic message: a Win32 error, in hexadecimal (MS-ADTS
/// 3.1.1.3.1.9 and MS-ERREF).
pub(in crate::directory) fn ad_sub_code(diagnostic: &str) -> Option<u32> {
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
