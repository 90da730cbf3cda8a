use ldap3::Scope;

use super::report::DiagnosticStep;
use super::service::failed_step;
use crate::directory::connection::{DirectoryProfile, LdapConnection, OperationKind, SearchRequest};
use crate::directory::schema::time::parse_interval;

const NAME: &str = "lockout policy";

/// The step about the domain's lockout policy (MS-SAMR 3.1.1.5), where it may be read.
pub(super) async fn lockout_policy_step(connection: &mut LdapConnection, profile: &DirectoryProfile) -> DiagnosticStep {
    let Some(domain) = &profile.domain else {
        return DiagnosticStep::skipped(NAME, "only Active Directory tells it; throttling stays below the usual five");
    };
    let search = SearchRequest {
        base: &domain.dn,
        scope: Scope::Base,
        filter: "(objectClass=*)",
        attributes: &["lockoutThreshold", "lockOutObservationWindow", "lockoutDuration"],
        limit: 1,
    };
    let found = match connection.search(OperationKind::Search, &search).await {
        Ok(found) => found,
        Err(fault) => return failed_step(NAME, &fault),
    };
    let head = found.entries.first();
    let Some(threshold) = head.and_then(|head| head.text("lockoutThreshold")).and_then(|text| text.parse::<u32>().ok()) else {
        let why = "whoever searches may not read it (lockoutThreshold); throttling stays below the usual five";
        return DiagnosticStep::skipped(NAME, why);
    };
    let length =
        |attribute| head.and_then(|head| head.text(attribute)).and_then(parse_interval).map(|length| length.as_secs() / 60);
    let window = length("lockOutObservationWindow").map_or(String::new(), |minutes| format!(" within {minutes} min"));
    let unlocked = match length("lockoutDuration") {
        Some(minutes) => format!("for {minutes} min"),
        None => "until an administrator unlocks it".to_owned(),
    };
    match threshold {
        0 => DiagnosticStep::ok(NAME).with("wrong passwords lock no account"),
        1 | 2 => {
            let reason = format!("{threshold} wrong passwords{window} lock an account {unlocked}");
            let remedy = "raise lockoutThreshold: so low a number locks people out over a slip of the finger";
            DiagnosticStep::warning(NAME, reason, remedy)
        }
        _ => DiagnosticStep::ok(NAME).with(format!("{threshold} wrong passwords{window} lock an account {unlocked}")),
    }
}
