use ldap3::Scope;

use super::report::DiagnosticStep;
use super::service::failed_step;
use crate::directory::client::LockoutPolicy;
use crate::directory::connection::{AdDomain, DirectoryProfile, LdapConnection, OperationKind, SearchRequest};
use crate::directory::schema::time::parse_interval;
use crate::directory::sign_in::{FailureBudget, LockoutInfo, parse_domain_policy};

const NAME: &str = "lockout policy";

/// The step about the domain's lockout policy (MS-SAMR 3.1.1.5), where it may be read: how many tries people have here, and
/// why.
pub(super) async fn lockout_policy_step(
    connection: &mut LdapConnection,
    profile: &DirectoryProfile,
    has_service_account: bool,
) -> DiagnosticStep {
    let Some(domain) = &profile.domain else {
        let why = format!("only Active Directory tells it: five wrong passwords are assumed to lock. {}", tries(None, true));
        return DiagnosticStep::skipped(NAME, why);
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
    let Some(policy) = head.and_then(parse_domain_policy) else {
        let why = format!(
            "whoever searches may not read it (lockoutThreshold on {}): five wrong passwords are assumed to lock. {}",
            domain.dn,
            tries(None, has_service_account)
        );
        return DiagnosticStep::skipped(NAME, why);
    };
    let length = |attribute| head.and_then(|head| head.text(attribute)).and_then(parse_interval);
    let window = length("lockOutObservationWindow");
    let within = window.map_or(String::new(), |window| format!(" within {} min", window.as_secs() / 60));
    let unlocked = match length("lockoutDuration") {
        Some(duration) => format!("for {} min", duration.as_secs() / 60),
        None => "until an administrator unlocks it".to_owned(),
    };
    let threshold = policy.threshold;
    let tries = tries(Some(policy), has_service_account);
    let locks = format!("{threshold} wrong passwords{within} lock an account {unlocked}");
    let step = match threshold {
        0 => DiagnosticStep::ok(NAME).with("wrong passwords lock no account"),
        1 | 2 => {
            let remedy = "raise lockoutThreshold: so low a number locks people out over a slip of the finger";
            DiagnosticStep::warning(NAME, locks, remedy)
        }
        _ => DiagnosticStep::ok(NAME).with(locks),
    };
    step.with(tries)
}

/// The step about password settings objects, which may lock some accounts sooner than the domain does. Whoever may not see
/// their container cannot be told what holds for whom.
pub(super) async fn password_settings_step(connection: &mut LdapConnection, domain: &AdDomain) -> DiagnosticStep {
    const NAME: &str = "password settings";
    let container = format!("CN=Password Settings Container,CN=System,{}", domain.dn);
    let search = SearchRequest {
        base: &container,
        scope: Scope::Subtree,
        filter: "(objectClass=*)",
        attributes: &["msDS-LockoutThreshold"],
        limit: 256,
    };
    match connection.search(OperationKind::Search, &search).await {
        Ok(found) if !found.entries.is_empty() => {
            let objects = found.entries.len() - 1;
            let unreadable = found.entries[1..].iter().filter(|entry| entry.text("msDS-LockoutThreshold").is_none()).count();
            if unreadable > 0 {
                let reason = format!("{unreadable} of {objects} password settings objects may not be read");
                return DiagnosticStep::warning(NAME, reason, settings_advice(&container));
            }
            DiagnosticStep::ok(NAME).with(format!("{objects} objects, and whoever searches may read them"))
        }
        Ok(_) => unseen_settings(NAME, &container),
        Err(fault) if fault.result_code.is_some() => unseen_settings(NAME, &container),
        Err(fault) => failed_step(NAME, &fault),
    }
}

/// Most accounts may not see the container, and most domains have no such objects: that is no fault.
fn unseen_settings(name: &'static str, container: &str) -> DiagnosticStep {
    DiagnosticStep::skipped(
        name,
        format!("whoever searches may not see them, if there are any. {}", settings_advice(container)),
    )
}

fn settings_advice(container: &str) -> String {
    format!(
        "For an account that is under one, three wrong passwords are assumed to lock. The right \"Read all properties\" on \
         {container} and the objects in it, for the account that searches (bind_name), would show what holds"
    )
}

/// How many tries people have here.
fn tries(policy: Option<LockoutPolicy>, identifies_before_bind: bool) -> String {
    let person = FailureBudget::for_person(policy);
    let stranger = FailureBudget::for_name(LockoutInfo::new(policy, identifies_before_bind));
    let window = person.window.as_secs() / 60;
    let own = match person.total {
        u32::MAX => "as many as they like, more and more slowly,".to_owned(),
        total => format!("{total} wrong tries"),
    };
    let why = match (identifies_before_bind, person.total) {
        (_, u32::MAX) => String::new(),
        (true, _) => ": half of what locks nobody".to_owned(),
        (false, _) => {
            ": half of what locks nobody, and two at the most, as only a bind tells whose a name is (no bind_name)".to_owned()
        }
    };
    format!(
        "people have {own} in a browser they have signed in with, and {} from anywhere else{why}; the count starts afresh {window} \
         min after the last, in one's own browser after an hour at the latest",
        stranger.unfamiliar
    )
}
