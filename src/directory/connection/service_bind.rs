use ldap3::LdapResult;

use super::fault::{OperationFault, OperationKind, result_code};
use super::sub_code::{SubCodeVerdict, ad_sub_code};

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

/// Whether a refused bind counts as a wrong password against the account. What Active Directory refuses for another reason
/// (locked, disabled, expired) does not.
pub(super) fn counts_as_wrong_password(fault: &OperationFault) -> bool {
    let verdict = fault.sub_code.and_then(SubCodeVerdict::of);
    verdict.is_none_or(|verdict| verdict == SubCodeVerdict::Wrong)
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
