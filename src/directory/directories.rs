use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;

use super::client::{GroupLookup, LdapDirectory};
use super::connection::SetUpError;
use super::connection::{DirectoryRefusal, PasswordFate, Unreachable};
use super::diagnostics::{Diagnosis, group_step};
use super::password::{ChangeRefusal, PasswordChange, PasswordState};
use super::people::merge_mentions;
use super::refresh::AccountStatus;
use super::sign_in::{BindGate, LockoutInfo};
use super::{DiagnosticStep, DiagnosticsRequest, Directory, DirectoryReport, PersonLookup, ReportSection};
use crate::config::Settings;
use crate::domain::{Clock, DirectoryName, GroupRef, NameForm, Password, Person, PersonId, Revalidation, Username};
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
        let own = |principal: &String| {
            let suffix = principal.rsplit_once('@').map_or(String::new(), |(_, suffix)| suffix.to_lowercase());
            let answers = self.additional.iter().find(|named| named.domains.contains(&suffix));
            answers.map(|named| &named.name) == person.directory.as_ref()
        };
        Person { principal: person.principal.clone().filter(own), ..person }
    }

    /// Diagnoses every directory, and looks up each group in the directory that it belongs to.
    pub async fn diagnose(&self, request: &DiagnosticsRequest<'_>) -> Vec<DirectoryReport> {
        let (wanted, by) = merge_mentions(request.groups);
        let asked = request.person.map(|person| (person, self.for_username(person).name().cloned()));
        let diagnoses = join_all(self.all().map(|directory| {
            let theirs = self.groups_for(directory, &wanted);
            let person = asked.as_ref().filter(|(_, home)| home.as_ref() == directory.name()).map(|(person, _)| *person);
            async move { directory.diagnose(&DiagnosticsRequest { person, ..*request }, &theirs).await }
        }))
        .await;
        let found: Vec<_> = diagnoses.iter().map(|one| one.group_lookups.clone().unwrap_or_default()).collect();
        let merged = merge_lookups(&wanted, &found);
        let mut reports = Vec::new();
        for (directory, Diagnosis { mut report, group_lookups: groups }) in self.all().zip(diagnoses) {
            let here = wanted.iter().zip(&by).zip(&merged).filter(|((group, _), _)| self.is_home_of(directory, group));
            let steps = here.map(|((group, by), lookup)| match &groups {
                Ok(_) => group_step(lookup, by),
                Err(why) => DiagnosticStep::skipped(group.to_string(), why.clone()),
            });
            let section = ReportSection { title: "groups that pages and settings name".to_owned(), steps: steps.collect() };
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

    /// Whether a person can be looked up by this name: whether their directory has a service account.
    pub fn can_look_up_person(&self, username: &Username) -> bool {
        self.for_username(username).has_service_account()
    }

    /// Whether this group can be looked up: whether every directory that might have it has a service account.
    pub fn can_look_up_group(&self, group: &GroupRef) -> bool {
        self.all().filter(|directory| self.may_have(directory, group)).all(LdapDirectory::has_service_account)
    }

    /// The groups among `wanted` that `directory` is to look for.
    fn groups_for(&self, directory: &LdapDirectory, wanted: &[GroupRef]) -> Vec<GroupRef> {
        wanted.iter().filter(|group| self.may_have(directory, group)).cloned().collect()
    }

    /// Whether `directory` might have this group: a name is one directory's, DNs and SIDs are the same in all.
    fn may_have(&self, directory: &LdapDirectory, group: &GroupRef) -> bool {
        matches!(group, GroupRef::Dn(_) | GroupRef::Sid(_)) || self.is_home_of(directory, group)
    }

    /// Whether `group` is reported with `directory`.
    fn is_home_of(&self, directory: &LdapDirectory, group: &GroupRef) -> bool {
        let home = match group {
            GroupRef::Name(name) => name.split_once('\\').and_then(|(qualifier, _)| {
                self.additional.iter().find(|named| named.name.as_str() == qualifier.to_lowercase())
            }),
            GroupRef::Dn(_) | GroupRef::Sid(_) => None,
        };
        home.map(|named| &named.name) == directory.name()
    }

    /// The directory with this name; `None` when the settings have it no more.
    fn by_name(&self, name: Option<&DirectoryName>) -> Option<&LdapDirectory> {
        let Some(name) = name else { return Some(&self.default) };
        self.additional.iter().find(|named| named.name == *name).map(|named| &named.directory)
    }
}

/// One lookup for each group: the first that found something, else the first there is. `found` are the directories'
/// answers.
fn merge_lookups(wanted: &[GroupRef], found: &[Vec<GroupLookup>]) -> Vec<GroupLookup> {
    let of = |group: &GroupRef| {
        let mut all = found.iter().flatten().filter(|lookup| lookup.wanted == *group);
        let first = all.next()?;
        Some(if first.is_missing() { all.find(|lookup| !lookup.is_missing()).unwrap_or(first) } else { first })
    };
    let nothing =
        |group: &GroupRef| GroupLookup { wanted: group.clone(), found: Vec::new(), suggestions: Vec::new(), note: None };
    wanted.iter().map(|group| of(group).cloned().unwrap_or_else(|| nothing(group))).collect()
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

    fn revalidation(&self, person: &Person) -> Revalidation {
        self.by_name(person.directory.as_ref()).map_or(Revalidation::Unrefreshed, |directory| directory.revalidation(person))
    }

    async fn refresh(&self, people: &[Person]) -> Vec<Result<AccountStatus, Unreachable>> {
        let mut answers: Vec<Option<Result<AccountStatus, Unreachable>>> = vec![None; people.len()];
        for directory in self.all() {
            let places: Vec<usize> =
                (0..people.len()).filter(|at| people[*at].directory.as_ref() == directory.name()).collect();
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
            Err(Unreachable { reason, password: PasswordFate::NotSent })
        };
        answers.into_iter().map(|answer| answer.unwrap_or_else(unknown)).collect()
    }

    fn lockout_info(&self, username: &Username) -> LockoutInfo {
        self.for_username(username).lockout_info(username)
    }

    fn can_change_password(&self, username: &Username, state: PasswordState) -> bool {
        self.for_username(username).can_change_password(username, state)
    }

    fn password_warning(&self, person: &Person) -> Duration {
        let directory = self.by_name(person.directory.as_ref());
        directory.map_or(Duration::ZERO, |directory| directory.password_warning(person))
    }

    /// A principal name or down-level name for people of additional directories, where the bare name would be somebody
    /// else's, or nobody's.
    fn sign_in_name(&self, person: &Person) -> Option<Username> {
        let Some(name) = &person.directory else { return self.default.sign_in_name(person) };
        let named = self.additional.iter().find(|named| named.name == *name)?;
        let down_level = || format!("{}\\{}", named.domains.first().map_or("", String::as_str), person.username);
        Username::parse(&person.principal.clone().unwrap_or_else(down_level)).ok()
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
            found.push(if theirs.is_empty() { Vec::new() } else { directory.find_groups(&theirs).await? });
        }
        Ok(merge_lookups(wanted, &found))
    }
}
