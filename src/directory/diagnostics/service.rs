use ldap3::{LdapResult, Scope};

use super::report::{DiagnosticStep, split_advice};
use super::settings_table::SettingsTable;
use crate::config::{DirectorySettings, ServiceAccount};
use crate::directory::connection::{
    DirectoryProfile, LdapConnection, OperationFault, OperationKind, SearchRequest, judge_service_bind, result_code,
};
use crate::directory::people::person;

const NAME: &str = "service account";

/// Binds as the service account.
///
/// # Errors
/// The failed step, and whether the server judged the account: then no other server is asked, since every refusal
/// counts against the account's lockout.
pub(super) async fn service_bind_step(
    connection: &mut LdapConnection,
    account: &ServiceAccount,
    settings: &SettingsTable,
) -> Result<DiagnosticStep, (DiagnosticStep, bool)> {
    let name = &account.name;
    let answer = connection.bind(OperationKind::ServiceBind, name, &account.password, None).await;
    let result = answer.map_err(|fault| (failed_step(NAME, &fault), false))?;
    match judge_service_bind(&result) {
        Ok(()) => Ok(DiagnosticStep::ok(NAME).with(format!("{name} may bind"))),
        Err(fault) => {
            let (reason, remedy) = explain_refusal(name, &result, fault.sub_code, settings);
            Err((DiagnosticStep::failure(NAME, reason, remedy), true))
        }
    }
}

/// The skipped step where no service account is set.
pub(super) fn no_service_account_step() -> DiagnosticStep {
    DiagnosticStep::skipped(
        NAME,
        "none is set (bind_name, bind_password_file), so people search as themselves: that is enough to sign in, but \
         nobody is asked again what became of them, so their sessions last at most sessions.unrefreshed, and groups \
         that pages name cannot be looked up",
    )
}

fn explain_refusal(name: &str, result: &LdapResult, sub_code: Option<u32>, settings: &SettingsTable) -> (String, String) {
    let reason = |what: &str| format!("{name} may not bind: {what}");
    let wrong = format!(
        "correct bind_name (name@domain, DOMAIN\\name or a DN) and the password in bind_password_file ({}); not tried \
         again, since every wrong try counts against the account's lockout",
        settings.variable("bind_password_file")
    );
    let (reason, remedy) = match (result.rc, sub_code) {
        (result_code::INVALID_CREDENTIALS, Some(0x533)) => {
            (reason("the account is disabled"), "enable it in the directory, or name another account in bind_name")
        }
        (result_code::INVALID_CREDENTIALS, Some(0x775)) => (
            reason("the account is locked after too many wrong passwords"),
            "unlock it in the directory, and correct bind_password_file before it is locked again",
        ),
        (result_code::INVALID_CREDENTIALS, Some(0x532 | 0x773)) => (
            reason("its password has expired, or must be changed"),
            "give it a new password that does not expire, and write it where bind_password_file says",
        ),
        (result_code::INVALID_CREDENTIALS, Some(0x701)) => {
            (reason("the account has expired"), "give it a later end in the directory")
        }
        (result_code::INVALID_CREDENTIALS, _) => (reason("there is no such account, or its password is wrong"), wrong.as_str()),
        (result_code::STRONGER_AUTH_REQUIRED | result_code::CONFIDENTIALITY_REQUIRED, _) => {
            (reason("the server wants an encrypted connection"), "write an ldaps:// URL in url, or set start_tls = true")
        }
        (code, _) => (
            reason(&format!("the server answered with result {code}")),
            "look in the server's own log for why; bind_name is a DN, name@domain or DOMAIN\\name",
        ),
    };
    (reason, remedy.to_owned())
}

/// The step about the base DN: whether it is there, and people below it can be seen.
pub(super) async fn base_dn_step(
    connection: &mut LdapConnection,
    profile: &DirectoryProfile,
    settings: &DirectorySettings,
) -> DiagnosticStep {
    const NAME: &str = "base DN";
    let base_dn = &profile.base_dn;
    let written = if settings.base_dn.is_some() { "base_dn" } else { "base_dn (found out from the RootDSE)" };
    let head =
        SearchRequest { base: base_dn, scope: Scope::Base, filter: "(objectClass=*)", attributes: &["objectClass"], limit: 1 };
    match connection.search(OperationKind::Search, &head).await {
        Ok(found) if !found.entries.is_empty() => {}
        Err(fault) if fault.result_code.is_none() => return failed_step(NAME, &fault),
        Ok(_) | Err(_) => {
            let reason = format!("{base_dn} is not there, or whoever searches may not see it");
            let remedy = format!(
                "correct {written} to where the people are, or let the account bind_name read there; a server that \
                 shows itself to nobody unknown needs bind_name and bind_password_file"
            );
            return DiagnosticStep::failure(NAME, reason, remedy);
        }
    }
    let people = SearchRequest {
        base: base_dn,
        scope: Scope::Subtree,
        filter: person::all_people_filter(profile),
        attributes: &["cn"],
        limit: 1,
    };
    match connection.search(OperationKind::Search, &people).await {
        Ok(found) if found.entries.is_empty() => {
            let reason = format!("{base_dn} is there, but no person below it can be seen");
            let remedy = "correct base_dn to where the people are, or let the account bind_name read them";
            DiagnosticStep::failure(NAME, reason, remedy)
        }
        Ok(_) => DiagnosticStep::ok(NAME).with(format!("{base_dn} is there, and people below it can be seen")),
        Err(fault) => failed_step(NAME, &fault),
    }
}

/// The failed step of a broken connection or an unexpected result.
pub(super) fn failed_step(name: &'static str, fault: &OperationFault) -> DiagnosticStep {
    let reason = fault.reason().map_or_else(|| fault.refusal.to_string(), str::to_owned);
    let (why, advice) = if fault.result_code.is_none() { split_advice(&reason) } else { (&*reason, None) };
    let remedy = match fault.operation {
        OperationKind::Dial => "see to the steps above, then examine again",
        _ if fault.result_code.is_none() => advice.unwrap_or(
            "look whether the server is overloaded, or whether something between cuts connections; operation_timeout \
             says how long an answer may take",
        ),
        _ => "look in the server's own log for why, and let the account bind_name read there",
    };
    DiagnosticStep::failure(name, why, remedy)
}
