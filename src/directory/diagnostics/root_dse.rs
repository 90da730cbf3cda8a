use std::time::Duration;

use ldap3::Scope;

use super::report::{DiagnosticStep, DirectoryFacts};
use crate::config::DirectoryKind;
use crate::directory::connection::{DirectoryProfile, LdapConnection, OperationFault, OperationKind, SearchRequest};
use crate::directory::schema::LdapEntry;
use crate::directory::schema::time::parse_generalized_time;
use crate::domain::Timestamp;

/// The largest difference of clocks without a warning: Kerberos' tolerance, by which a domain's clocks must agree in
/// any case (MS-KILE 3.3.1).
const CLOCK_TOLERANCE: Duration = Duration::from_mins(5);

const ATTRIBUTES: &[&str] = &[
    "currentTime",
    "defaultNamingContext",
    "namingContexts",
    "dnsHostName",
    "domainControllerFunctionality",
    "domainFunctionality",
    "isSynchronized",
    "supportedCapabilities",
    "vendorName",
    "vendorVersion",
];

/// Names of the functional levels (MS-ADTS 6.1.4).
const FUNCTIONAL_LEVELS: [&str; 11] =
    ["2000", "2003 interim", "2003", "2008", "2008 R2", "2012", "2012 R2", "2016", "(level 8)", "(level 9)", "2025"];

/// Reads the RootDSE.
pub(super) async fn read_root_dse(connection: &mut LdapConnection) -> Result<LdapEntry, OperationFault> {
    let search = SearchRequest { base: "", scope: Scope::Base, filter: "(objectClass=*)", attributes: ATTRIBUTES, limit: 1 };
    let found = connection.search(OperationKind::RootDse, &search).await?;
    Ok(found.entries.into_iter().next().unwrap_or_default())
}

/// The facts about the directory that the RootDSE tells.
pub(super) fn directory_facts(root: &LdapEntry, profile: &DirectoryProfile) -> DirectoryFacts {
    DirectoryFacts {
        kind: kind_in_words(root, profile),
        base_dn: profile.base_dn.clone(),
        domain: profile.domain.as_ref().map(|domain| domain.dns_name.clone()),
        server_name: root.text("dnsHostName").map(str::to_owned),
    }
}

/// The step about the RootDSE.
pub(super) fn root_dse_step(root: &LdapEntry, known: &DirectoryFacts) -> DiagnosticStep {
    const NAME: &str = "RootDSE";
    let step = if root.text("isSynchronized") == Some("FALSE") {
        let remedy = "wait until it is, or take it out of url: until then it may know yesterday's groups and passwords";
        DiagnosticStep::warning(NAME, "this controller has not caught up with the others yet (isSynchronized)", remedy)
    } else {
        DiagnosticStep::ok(NAME)
    };
    let mut step = step.with(known.kind.clone());
    if let Some(domain) = &known.domain {
        step = step.with(format!("domain {domain}"));
    }
    if let Some(name) = &known.server_name {
        step = step.with(format!("calls itself {name}"));
    }
    if let Some(level) = root.text("domainFunctionality").and_then(|level| level.parse::<usize>().ok()) {
        step = step.with(format!("functional level {}", FUNCTIONAL_LEVELS.get(level).unwrap_or(&"newer than 2025")));
    }
    step.with(format!("people are looked for below {}", known.base_dn))
}

fn kind_in_words(root: &LdapEntry, profile: &DirectoryProfile) -> String {
    let kind = match profile.kind() {
        DirectoryKind::ActiveDirectory => "Active Directory",
        DirectoryKind::Ldap => "LDAP directory",
    };
    let maker = [root.text("vendorName"), root.text("vendorVersion")].into_iter().flatten().collect::<Vec<_>>();
    if maker.is_empty() { kind.to_owned() } else { format!("{kind}: {}", maker.join(", ")) }
}

/// The step about the difference between the server's clock and this machine's.
pub(super) fn clock_step(root: &LdapEntry, now: Timestamp) -> DiagnosticStep {
    const NAME: &str = "clock";
    let Some(theirs) = root.text("currentTime").and_then(parse_generalized_time) else {
        return DiagnosticStep::skipped(NAME, "this server does not tell its time");
    };
    let (difference, way) = if theirs > now { (theirs.since(now), "ahead of") } else { (now.since(theirs), "behind") };
    let said = match difference.as_secs() {
        0 | 1 => return DiagnosticStep::ok(NAME).with("the same as here, to the second"),
        seconds @ 2..=119 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    };
    let said = format!("the server's clock is {said} {way} this machine's");
    if difference <= CLOCK_TOLERANCE {
        return DiagnosticStep::ok(NAME).with(said);
    }
    let remedy = "let both follow the same time server: account and certificate dates are judged by them, and Kerberos \
                  allows 5 minutes";
    DiagnosticStep::warning(NAME, said, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::diagnostics::report::StepVerdict;

    #[test]
    fn clocks_that_part_by_more_than_kerberos_allows_are_a_warning() {
        let now = parse_generalized_time("20261122070000Z").unwrap();
        let at = |time: &str| clock_step(&LdapEntry::with("", &[("currentTime", time.as_bytes())]), now);
        assert_eq!(at("20261122070001.0Z").verdict, StepVerdict::Ok);
        assert_eq!(at("20261122065500.0Z").details, ["the server's clock is 5 min behind this machine's"]);
        assert!(matches!(at("20261122065500.0Z").verdict, StepVerdict::Ok));
        assert!(matches!(at("20261122070501.0Z").verdict, StepVerdict::Warning { .. }));
        assert!(matches!(clock_step(&LdapEntry::default(), now).verdict, StepVerdict::Skipped { .. }));
    }

    #[test]
    fn a_controller_that_lags_behind_is_a_warning() {
        let known = DirectoryFacts { kind: "x".into(), base_dn: "dc=x".into(), domain: None, server_name: None };
        let lagging = LdapEntry::with("", &[("isSynchronized", b"FALSE")]);
        assert!(matches!(root_dse_step(&lagging, &known).verdict, StepVerdict::Warning { .. }));
        assert!(matches!(root_dse_step(&LdapEntry::default(), &known).verdict, StepVerdict::Ok));
    }
}
