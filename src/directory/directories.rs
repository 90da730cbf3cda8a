use std::sync::Arc;

use async_trait::async_trait;

use super::{
    ChangeRefusal, Directory, GroupFinding, LdapDirectory, Leave, Lockout, PasswordChange, Refusal, SetUpError,
    Standing, Unreachable,
};
use crate::config::Settings;
use crate::domain::{Clock, DirectoryName, GroupRef, NameForm, Password, Person, Upkeep, Username};
use crate::telemetry::DirectoryMetrics;

/// All the directories of the settings. A sign-in goes to one of them, chosen by what was typed, and never on to
/// another: a password that one of them refused is not tried elsewhere.
pub struct Directories {
    default: LdapDirectory,
    further: Vec<Further>,
}

struct Further {
    name: DirectoryName,
    /// In lower case.
    domains: Vec<String>,
    directory: LdapDirectory,
}

impl Directories {
    /// Builds the client of each directory, without dialling any. What they do is counted in `metrics`.
    ///
    /// # Errors
    /// [`SetUpError`], with the setting to correct.
    pub fn new(settings: &Settings, clock: &Arc<dyn Clock>, metrics: &DirectoryMetrics) -> Result<Self, SetUpError> {
        let build =
            |name, domains, settings| LdapDirectory::build(name, domains, settings, Arc::clone(clock), metrics.clone());
        let default = build(None, Vec::new(), &settings.directory)?;
        let mut further = Vec::new();
        for (name, set) in &settings.directories {
            let domains: Vec<String> = set.domains.iter().map(|domain| domain.to_lowercase()).collect();
            let directory = build(Some(name.clone()), domains.clone(), &set.settings)?;
            further.push(Further { name: name.clone(), domains, directory });
        }
        Ok(Self { default, further })
    }

    /// Every directory, the default one first.
    pub fn all(&self) -> impl Iterator<Item = &LdapDirectory> {
        std::iter::once(&self.default).chain(self.further.iter().map(|further| &further.directory))
    }

    /// The one directory that a sign-in with this name goes to.
    fn of_name(&self, username: &Username) -> &LdapDirectory {
        let domain = match username.form() {
            NameForm::Bare(_) => return &self.default,
            NameForm::DownLevel { domain, .. } => domain.to_lowercase(),
            NameForm::Principal { suffix, .. } => suffix.to_lowercase(),
        };
        let further = self.further.iter().find(|further| further.domains.contains(&domain));
        further.map_or(&self.default, |further| &further.directory)
    }

    /// The person without a principal name that another directory answers for: whoever rules one domain must not name
    /// people of another.
    fn without_foreign_principal(&self, person: Person) -> Person {
        let own = |principal: &String| {
            let suffix = principal.rsplit_once('@').map_or(String::new(), |(_, suffix)| suffix.to_lowercase());
            let answers = self.further.iter().find(|further| further.domains.contains(&suffix));
            answers.map(|further| &further.name) == person.directory.as_ref()
        };
        Person { principal: person.principal.clone().filter(own), ..person }
    }

    /// The directory called so; `None` when the settings have it no more.
    fn called(&self, name: Option<&DirectoryName>) -> Option<&LdapDirectory> {
        let Some(name) = name else { return Some(&self.default) };
        self.further.iter().find(|further| further.name == *name).map(|further| &further.directory)
    }
}

#[async_trait]
impl Directory for Directories {
    async fn sign_in(&self, username: &Username, password: &Password, leave: &dyn Leave) -> Result<Person, Refusal> {
        let person = self.of_name(username).sign_in(username, password, leave).await?;
        Ok(self.without_foreign_principal(person))
    }

    /// Whether the default directory can be reached: nearly everybody is in it.
    async fn reach(&self) -> Result<(), Unreachable> {
        self.default.reach().await
    }

    fn upkeep(&self, person: &Person) -> Upkeep {
        self.called(person.directory.as_ref()).map_or(Upkeep::Unrefreshed, |directory| directory.upkeep(person))
    }

    async fn refresh(&self, people: &[Person]) -> Vec<Result<Standing, Unreachable>> {
        let mut answers: Vec<Option<Result<Standing, Unreachable>>> = vec![None; people.len()];
        for directory in self.all() {
            let places: Vec<usize> =
                (0..people.len()).filter(|at| people[*at].directory.as_ref() == directory.name()).collect();
            if places.is_empty() {
                continue;
            }
            let theirs: Vec<Person> = places.iter().map(|at| people[*at].clone()).collect();
            for (at, answer) in places.into_iter().zip(directory.refresh(&theirs).await) {
                answers[at] = Some(answer.map(|standing| match standing {
                    Standing::Here(person) => Standing::Here(self.without_foreign_principal(person)),
                    gone @ Standing::Gone(_) => gone,
                }));
            }
        }
        let unknown = || {
            let reason = "the settings do not name the person's directory any more".to_owned();
            Err(Unreachable { reason, password_sent: false })
        };
        answers.into_iter().map(|answer| answer.unwrap_or_else(unknown)).collect()
    }

    fn lockout(&self, username: &Username) -> Lockout {
        self.of_name(username).lockout(username)
    }

    fn changes_passwords(&self, username: &Username) -> bool {
        self.of_name(username).changes_passwords(username)
    }

    async fn change_password(
        &self,
        username: &Username,
        change: &PasswordChange,
        leave: &dyn Leave,
    ) -> Result<(), ChangeRefusal> {
        self.of_name(username).change_password(username, change, leave).await
    }

    async fn find_groups(&self, wanted: &[GroupRef]) -> Result<Vec<GroupFinding>, Unreachable> {
        let mut findings = Vec::new();
        for group in wanted {
            let directory = match group {
                GroupRef::Name(name) => name.split_once('\\').and_then(|(directory, _)| {
                    let directory = directory.to_lowercase();
                    self.further.iter().find(|further| further.name.as_str() == directory)
                }),
                GroupRef::Dn(_) | GroupRef::Sid(_) => None,
            };
            let directory = directory.map_or(&self.default, |further| &further.directory);
            findings.extend(directory.find_groups(std::slice::from_ref(group)).await?);
        }
        Ok(findings)
    }
}
