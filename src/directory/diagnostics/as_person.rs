use super::account_state::WORKSTATIONS_REMEDY;
use super::person::PersonLookup;
use super::report::{DiagnosticStep, ReportSection};
use super::request::DiagnosticsRequest;
use super::server::IdentifiedServer;
use super::service::failed_step;
use crate::directory::client::LdapDirectory;
use crate::directory::connection::{DirectoryRefusal, OperationFault, OperationKind};
use crate::directory::people::bind_name;
use crate::directory::sign_in::judge_bind;
use crate::domain::Username;

/// The reason where there is neither a service account nor a person's password.
const NOBODY_TO_BIND_AS: &str = "there is nobody to ask as: set bind_name and bind_password_file, or ask about a person who gives \
                      their password (`belvedere doctor --user NAME`)";

impl LdapDirectory {
    /// Binds, without a service account, as the person who gave their password, once. Where that was not possible the
    /// connection may search all the same on other servers than Active Directory, as strangers often may.
    ///
    /// # Errors
    /// The reason why nothing may be searched.
    pub(super) async fn bind_as_person(
        &self,
        identified: &mut IdentifiedServer,
        request: &DiagnosticsRequest<'_>,
        section: &mut ReportSection,
    ) -> Result<(), String> {
        const NAME: &str = "password";
        let is_ad = identified.profile.domain.is_some();
        let unproven = if is_ad { Err(NOBODY_TO_BIND_AS.to_owned()) } else { Ok(()) };
        let (username, password) = match (request.person, request.password) {
            (Some(username), Some(password)) => (username, password),
            (Some(_), None) if is_ad => {
                section.push(nobody_to_ask_step());
                return unproven;
            }
            _ => return unproven,
        };
        let name = match self.bind_name_of(identified, username).await {
            Ok(Some(name)) => name,
            // Who it is, or is not, is told by the step that looks them up.
            Ok(None) => return unproven,
            Err(fault) => return Err(record_refusal(section, refusal_step(NAME, username, &fault), username)),
        };
        let kind = identified.profile.kind();
        let answer = match identified.connection.bind(OperationKind::Bind, &name, password, None).await {
            Ok(result) => judge_bind(kind, &result),
            Err(fault) => Err(fault),
        };
        match answer {
            Ok(()) => {
                section.push(DiagnosticStep::ok(NAME).with(format!("{username} may sign in with it")));
                Ok(())
            }
            Err(fault) => Err(record_refusal(section, refusal_step(NAME, username, &fault), username)),
        }
    }

    async fn bind_name_of(
        &self,
        identified: &mut IdentifiedServer,
        username: &Username,
    ) -> Result<Option<String>, OperationFault> {
        if let Some(domain) = &identified.profile.domain {
            return bind_name(domain, username).map(Some);
        }
        match self.lookup_person_on(&mut identified.connection, &identified.profile, username).await? {
            PersonLookup::Found(seen) => Ok(Some(seen.dn.clone())),
            PersonLookup::NotUnique(_) | PersonLookup::Elsewhere(_) | PersonLookup::ForeignDomain { .. } => Ok(None),
        }
    }
}

/// The failed step where there is nobody who may look the person up.
fn nobody_to_ask_step() -> DiagnosticStep {
    let remedy = "set bind_name and bind_password_file, or let the person type their password at a terminal: \
                  `belvedere doctor --user NAME`, with --password-stdin where there is no terminal";
    DiagnosticStep::failure("person", "nobody can be looked up without bind_name or their password", remedy)
}

/// Adds the step of a refused bind; the reason for skipping the rest.
fn record_refusal(section: &mut ReportSection, step: DiagnosticStep, username: &Username) -> String {
    section.push(step);
    format!("{username} was not let in, and there is nobody else to ask as")
}

fn refusal_step(name: &'static str, username: &Username, fault: &OperationFault) -> DiagnosticStep {
    let remedy = match &fault.refusal {
        DirectoryRefusal::WrongCredentials => "check the spelling of both; it was tried once, and counts as one failed sign-in",
        DirectoryRefusal::PasswordExpired | DirectoryRefusal::MustChangePassword => {
            "let the person change it, then examine again"
        }
        DirectoryRefusal::Locked => "unlock the account in the directory, or wait until it is",
        DirectoryRefusal::NotFromHere => WORKSTATIONS_REMEDY,
        DirectoryRefusal::Restricted => {
            "look whether the account is in Protected Users, under an authentication policy, or may not have a blank password; \
             whoever is in Protected Users cannot sign in by a password over LDAP"
        }
        DirectoryRefusal::TooManyGroups => "take the account out of groups: Windows allows some 1,010 with those they are in",
        DirectoryRefusal::NotJudged { .. } => "the directory's own log says why it declines to judge this account's password",
        DirectoryRefusal::Unreachable(_) => return failed_step(name, fault),
        _ => "see to the account in the directory",
    };
    DiagnosticStep::failure(name, format!("{username} is not let in: {}", fault.refusal), remedy)
}
