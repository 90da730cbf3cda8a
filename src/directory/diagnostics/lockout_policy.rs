use ldap3::Scope;

use super::report::DiagnosticStep;
use super::service::failed_step;
use crate::directory::connection::{AdDomain, DirectoryProfile, LdapConnection, OperationKind, SearchRequest};
use crate::directory::schema::time::parse_interval;
use crate::directory::sign_in::{FailureBudget, LockoutInfo, has_settings_objects, parse_domain_policy};

const NAME: &str = "lockout policy";

/// The step about the domain's lockout policy (MS-SAMR 3.1.1.5), where it may be read: how many tries people have here, and
/// why.
pub(super) async fn lockout_policy_step(
    connection: &mut LdapConnection,
    profile: &DirectoryProfile,
    has_service_account: bool,
) -> DiagnosticStep {
    let Some(domain) = &profile.domain else {
        let why = format!(
            "only Active Directory tells it: five wrong passwords are assumed to lock. {}",
            tries(LockoutInfo::new(None, true))
        );
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
    // What a sign-in assumes where nobody can be asked whose a name is.
    let may_be_stricter = if has_service_account { Ok(false) } else { has_settings_objects(connection, domain).await };
    let may_be_stricter = match may_be_stricter {
        Ok(may_be_stricter) => may_be_stricter,
        Err(fault) => return failed_step(NAME, &fault),
    };
    let lockout = |policy| LockoutInfo { may_be_stricter, ..LockoutInfo::new(policy, has_service_account) };
    let head = found.entries.first();
    let Some(policy) = head.and_then(parse_domain_policy) else {
        let why = format!(
            "whoever searches may not read it (lockoutThreshold on {}): five wrong passwords are assumed to lock. {}",
            domain.dn,
            tries(lockout(None))
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
    let tries = tries(lockout(Some(policy)));
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
fn tries(lockout: LockoutInfo) -> String {
    let person = FailureBudget::for_person(lockout.policy);
    let stranger = FailureBudget::for_name(lockout);
    let window = person.window.as_secs() / 60;
    let own = match person.total {
        u32::MAX => "as many as they like, more and more slowly,".to_owned(),
        total => format!("{total} wrong tries"),
    };
    let why = match (lockout.identifies_before_bind, person.total) {
        (false, _) if lockout.may_be_stricter => {
            ": there are accounts under password settings objects, and only a bind tells whose a name is (no bind_name)"
        }
        (_, u32::MAX) => "",
        (true, _) => ": half of what locks nobody",
        (false, _) => ": half of what locks nobody, and two at the most, as only a bind tells whose a name is (no bind_name)",
    };
    format!(
        "people have {own} in a browser they have signed in with, and {} from anywhere else{why}; the count starts afresh {window} \
         min after the last, in one's own browser after an hour at the latest",
        stranger.unfamiliar
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::directory::client::LockoutPolicy;

    #[test]
    fn the_tries_told_are_those_that_a_sign_in_has() {
        let policy = Some(LockoutPolicy { threshold: 10, window: Duration::from_mins(30) });
        for (identifies_before_bind, may_be_stricter, elsewhere) in
            [(true, false, "and 5 from"), (false, false, "and 2 from"), (false, true, "and 1 from")]
        {
            let lockout = LockoutInfo { may_be_stricter, ..LockoutInfo::new(policy, identifies_before_bind) };
            let said = tries(lockout);
            assert!(said.contains("9 wrong tries") && said.contains(elsewhere), "{lockout:?}: {said}");
        }
    }
}
