use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;

use super::client::{GroupLookup, LdapDirectory};
use super::connection::SetUpError;
use super::connection::{DirectoryRefusal, Unreachable};
use super::diagnostics::{Diagnosis, group_step};
use super::password::{ChangeRefusal, PasswordChange, PasswordState};
use super::people::merge_mentions;
use super::refresh::AccountStatus;
use super::sign_in::{BindGate, LockoutInfo};
use super::{DiagnosticStep, DiagnosticsRequest, Directory, DirectoryReport, PersonLookup, ReportSection};
use crate::config::Settings;
use crate::domain::{
    Clock, DirectoryName, GroupRef, NameForm, Password, Person, PersonId, PrincipalName, Realm, Revalidation, UserRef, Username,
};
use crate::telemetry::{DirectoryMetrics, Metrics};

/// All the directories of the settings. A sign-in goes to one of them, chosen by what was typed, and never on to
/// another: a password that one of them refused is not tried elsewhere.
pub struct Directories {
    default: LdapDirectory,
    additional: Vec<NamedDirectory>,
}

struct NamedDirectory {
    name: DirectoryName,
    /// In lower case.
    domains: Vec<String>,
    directory: LdapDirectory,
}

impl Directories {
    /// Builds the client of each directory, without dialling any.
    ///
    /// # Errors
    /// [`SetUpError`], with the setting to correct.
    pub fn new(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Self, SetUpError> {
        Self::with_metrics(settings, clock, &Metrics::new().directory())
    }

    /// Builds the client of each directory, and counts its operations in `metrics`.
    ///
    /// # Errors
    /// [`SetUpError`], with the setting to correct.
    pub fn with_metrics(settings: &Settings, clock: &Arc<dyn Clock>, metrics: &DirectoryMetrics) -> Result<Self, SetUpError> {
        let build = |name, domains, settings| LdapDirectory::build(name, domains, settings, Arc::clone(clock), metrics.clone());
        let default = build(None, Vec::new(), &settings.directory)?;
        let mut additional = Vec::new();
        for (name, set) in &settings.directories {
            let domains: Vec<String> = set.domains.iter().map(|domain| domain.to_lowercase()).collect();
            let directory = build(Some(name.clone()), domains.clone(), &set.settings)?;
            additional.push(NamedDirectory { name: name.clone(), domains, directory });
        }
        Ok(Self { default, additional })
    }

    /// Every directory, the default one first.
    pub fn all(&self) -> impl Iterator<Item = &LdapDirectory> {
        std::iter::once(&self.default).chain(self.additional.iter().map(|named| &named.directory))
    }

    /// The one directory that a sign-in with this name goes to, by the domain in the name.
    fn for_username(&self, username: &Username) -> &LdapDirectory {
        let domain = match username.form() {
            NameForm::Bare(_) => return &self.default,
            NameForm::DownLevel { domain, .. } => domain.to_lowercase(),
            NameForm::Principal { suffix, .. } => suffix.to_lowercase(),
        };
        let additional = self.additional.iter().find(|named| named.domains.contains(&domain));
        additional.map_or(&self.default, |named| &named.directory)
    }

    /// The person without a principal name that another directory answers for: whoever rules one domain must not name
    /// people of another.
    fn without_foreign_principal(&self, person: Person) -> Person {
        let own = |principal: &PrincipalName| {
            let suffix = principal.suffix().to_lowercase();
            let answers = self.additional.iter().find(|named| named.domains.contains(&suffix));
            Realm::of_directory(answers.map(|named| &named.name)) == person.realm
        };
        Person { principal: person.principal.clone().filter(own), ..person }
    }

    /// Diagnoses every directory, and looks up each group in the directory that it belongs to.
    pub async fn diagnose(&self, request: &DiagnosticsRequest<'_>) -> Vec<DirectoryReport> {
        let (wanted, by) = merge_mentions(request.groups);
        let home = request.person.map(|person| self.for_username(person).realm());
        let diagnoses = join_all(self.all().map(|directory| {
            let theirs = self.groups_for(directory, &wanted);
            let person = request.person.filter(|_| home.as_ref() == Some(&directory.realm()));
            async move { (directory.diagnose(&DiagnosticsRequest { person, ..*request }, &theirs).await, theirs) }
        }))
        .await;
        let mut reports = Vec::new();
        for (Diagnosis { mut report, group_lookups }, theirs) in diagnoses {
            let named_by = |group: &GroupRef| wanted.iter().zip(&by).find(|(wanted, _)| *wanted == group).map(|(_, by)| by);
            let steps = match &group_lookups {
                Ok(lookups) => {
                    let step = |lookup| group_step(lookup, named_by(&lookup.wanted).map_or(&[], Vec::as_slice));
                    lookups.iter().map(step).collect()
                }
                Err(why) => theirs.iter().map(|group| DiagnosticStep::skipped(group.to_string(), why.clone())).collect(),
            };
            let section = ReportSection { title: "groups that pages and settings name".to_owned(), steps };
            if !section.steps.is_empty() {
                report.sections.push(section);
            }
            reports.push(report);
        }
        reports
    }

    /// Looks up a person with the service account of their directory.
    ///
    /// # Errors
    /// [`Unreachable`] when that directory cannot be asked, or has no service account.
    pub async fn lookup_person(&self, username: &Username) -> Result<PersonLookup, Unreachable> {
        self.for_username(username).lookup_person(username).await
    }

    /// Looks up the person whom a page or the settings name, in the directory that they name; `None` where there is no service
    /// account to look with, or no such directory.
    pub async fn lookup_user(&self, user: &UserRef) -> Option<Result<PersonLookup, Unreachable>> {
        let username = Username::parse(user.name()).ok()?;
        let directory = match user.realm() {
            Some(realm) => self.by_realm(realm)?,
            None => self.for_username(&username),
        };
        if !directory.has_service_account() {
            return None;
        }
        Some(directory.lookup_person(&username).await)
    }

    /// Whether a person can be looked up by this name: whether their directory has a service account.
    pub fn can_look_up_person(&self, username: &Username) -> bool {
        self.for_username(username).has_service_account()
    }

    /// Whether this group can be looked up: whether its directory has a service account.
    pub fn can_look_up_group(&self, group: &GroupRef) -> bool {
        self.home_of(group).has_service_account()
    }

    /// The directory that is asked for a group: the one of its realm. Where no directory is called so, the default one
    /// says that there is no such group, and which are called alike.
    fn home_of(&self, group: &GroupRef) -> &LdapDirectory {
        self.by_realm(group.realm()).unwrap_or(&self.default)
    }

    /// The groups among `wanted` that `directory` is asked for.
    fn groups_for(&self, directory: &LdapDirectory, wanted: &[GroupRef]) -> Vec<GroupRef> {
        wanted.iter().filter(|group| std::ptr::eq(self.home_of(group), directory)).cloned().collect()
    }

    /// The directory of this realm; `None` when the settings have it no more.
    fn by_realm(&self, realm: &Realm) -> Option<&LdapDirectory> {
        match realm {
            Realm::Local => None,
            Realm::Default => Some(&self.default),
            Realm::Additional(name) => self.additional.iter().find(|named| named.name == *name).map(|named| &named.directory),
        }
    }
}

#[async_trait]
impl Directory for Directories {
    async fn sign_in(&self, username: &Username, password: &Password, gate: &dyn BindGate) -> Result<Person, DirectoryRefusal> {
        let person = self.for_username(username).sign_in(username, password, gate).await?;
        Ok(self.without_foreign_principal(person))
    }

    /// Whether the default directory can be reached: nearly everybody is in it.
    async fn check_reachable(&self) -> Result<(), Unreachable> {
        self.default.check_reachable().await
    }

    async fn check_ready(&self) -> Result<(), Unreachable> {
        self.default.check_ready().await
    }

    fn revalidation(&self, person: &Person) -> Revalidation {
        self.by_realm(&person.realm).map_or(Revalidation::Unrefreshed, |directory| directory.revalidation(person))
    }

    async fn refresh(&self, people: &[Person]) -> Vec<Result<AccountStatus, Unreachable>> {
        let mut answers: Vec<Option<Result<AccountStatus, Unreachable>>> = vec![None; people.len()];
        for directory in self.all() {
            let places: Vec<usize> = (0..people.len()).filter(|at| people[*at].realm == directory.realm()).collect();
            if places.is_empty() {
                continue;
            }
            let theirs: Vec<Person> = places.iter().map(|at| people[*at].clone()).collect();
            for (at, answer) in places.into_iter().zip(directory.refresh(&theirs).await) {
                answers[at] = Some(answer.map(|status| match status {
                    AccountStatus::Active(person) => AccountStatus::Active(self.without_foreign_principal(person)),
                    gone @ AccountStatus::Removed(_) => gone,
                }));
            }
        }
        let unknown = || {
            let reason = "the settings do not name the person's directory any more".to_owned();
            Err(Unreachable::new(reason))
        };
        answers.into_iter().map(|answer| answer.unwrap_or_else(unknown)).collect()
    }

    fn realm_of(&self, username: &Username) -> Realm {
        self.for_username(username).realm()
    }

    fn lockout_info(&self, username: &Username) -> LockoutInfo {
        self.for_username(username).lockout_info(username)
    }

    fn can_change_password(&self, username: &Username, state: PasswordState) -> bool {
        self.for_username(username).can_change_password(username, state)
    }

    fn password_warning(&self, person: &Person) -> Duration {
        let directory = self.by_realm(&person.realm);
        directory.map_or(Duration::ZERO, |directory| directory.password_warning(person))
    }

    /// A principal name or down-level name for people of additional directories, where the bare name would be somebody
    /// else's, or nobody's. `None` for who is called so that another directory would be asked: it must not hear their
    /// password.
    fn sign_in_name(&self, person: &Person) -> Option<Username> {
        let name = match &person.realm {
            Realm::Local => None,
            Realm::Default => self.default.sign_in_name(person),
            Realm::Additional(name) => {
                let named = self.additional.iter().find(|named| named.name == *name)?;
                let down_level = || format!("{}\\{}", named.domains.first().map_or("", String::as_str), person.username);
                Username::parse(&person.principal.as_ref().map_or_else(down_level, ToString::to_string)).ok()
            }
        };
        name.filter(|name| self.for_username(name).realm() == person.realm)
    }

    async fn change_password(
        &self,
        username: &Username,
        change: &PasswordChange,
        gate: &dyn BindGate,
    ) -> Result<PersonId, ChangeRefusal> {
        self.for_username(username).change_password(username, change, gate).await
    }

    async fn find_groups(&self, wanted: &[GroupRef]) -> Result<Vec<GroupLookup>, Unreachable> {
        let mut found = Vec::new();
        for directory in self.all() {
            let theirs = self.groups_for(directory, wanted);
            if !theirs.is_empty() {
                found.extend(directory.find_groups(&theirs).await?);
            }
        }
        Ok(wanted.iter().filter_map(|group| found.iter().find(|lookup| lookup.wanted == *group).cloned()).collect())
    }
}
