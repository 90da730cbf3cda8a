use super::person::Sought;
use super::report::{Section, Step};
use super::run::Questions;
use super::server::Open;
use super::service::failed;
use crate::directory::client::LdapDirectory;
use crate::directory::connection::{DirectoryRefusal, OperationFault, OperationKind};
use crate::directory::people::bind_name;
use crate::directory::sign_in::judge_bind;
use crate::domain::Username;

/// Where there is nobody to ask as.
const NOBODY: &str = "there is nobody to ask as: set bind_name and bind_password_file, or ask about a person who gives \
                      their password (`belvedere doctor --user NAME`)";

impl LdapDirectory {
    /// Without a service account: binds as the person who gave their password, once. Where that was not possible the
    /// connection may look around all the same on other servers than Active Directory, as strangers often may.
    ///
    /// # Errors
    /// Why nobody may look around.
    pub(super) async fn bind_as(
        &self,
        open: &mut Open,
        questions: &Questions<'_>,
        section: &mut Section,
    ) -> Result<(), String> {
        const NAME: &str = "password";
        let is_ad = open.profile.domain.is_some();
        let unproven = if is_ad { Err(NOBODY.to_owned()) } else { Ok(()) };
        let (username, password) = match (questions.person, questions.password) {
            (Some(username), Some(password)) => (username, password),
            (Some(_), None) if is_ad => {
                section.note(unasked());
                return unproven;
            }
            _ => return unproven,
        };
        let name = match self.name_to_bind(open, username).await {
            Ok(Some(name)) => name,
            // Who it is, or is not, is told by the step that looks them up.
            Ok(None) => return unproven,
            Err(fault) => return Err(not_let_in(section, refused(NAME, username, &fault), username)),
        };
        let kind = open.profile.kind();
        let answer = match open.connection.bind(OperationKind::Bind, &name, password, None).await {
            Ok(result) => judge_bind(kind, &result),
            Err(fault) => Err(fault),
        };
        match answer {
            Ok(()) => {
                section.note(Step::ok(NAME).with(format!("{username} may sign in with it")));
                Ok(())
            }
            Err(fault) => Err(not_let_in(section, refused(NAME, username, &fault), username)),
        }
    }

    async fn name_to_bind(&self, open: &mut Open, username: &Username) -> Result<Option<String>, OperationFault> {
        if let Some(domain) = &open.profile.domain {
            return bind_name(domain, username).map(Some);
        }
        match self.seek(&mut open.connection, &open.profile, username).await? {
            Sought::One(seen) => Ok(Some(seen.dn.clone())),
            Sought::NotOne(_) | Sought::Elsewhere { .. } => Ok(None),
        }
    }
}

/// Nobody who might look them up.
fn unasked() -> Step {
    let remedy = "set bind_name and bind_password_file, or let the person type their password at a terminal: \
                  `belvedere doctor --user NAME`, with --password-stdin where there is no terminal";
    Step::failure("person", "nobody can be looked up without bind_name or their password", remedy)
}

/// Notes that, and says what it means for the rest.
fn not_let_in(section: &mut Section, step: Step, username: &Username) -> String {
    section.note(step);
    format!("{username} was not let in, and there is nobody else to ask as")
}

fn refused(name: &'static str, username: &Username, fault: &OperationFault) -> Step {
    let remedy = match &fault.refusal {
        DirectoryRefusal::WrongCredentials => {
            "check the spelling of both; it was tried once, and counts as one failed sign-in"
        }
        DirectoryRefusal::PasswordExpired | DirectoryRefusal::MustChangePassword => {
            "let the person change it, then examine again"
        }
        DirectoryRefusal::Locked => "unlock the account in the directory, or wait until it is",
        DirectoryRefusal::Unreachable(_) => return failed(name, fault),
        _ => "see to the account in the directory",
    };
    Step::failure(name, format!("{username} is not let in: {}", fault.refusal), remedy)
}
