use std::ops::ControlFlow;

use ldap3::Scope;

use super::account_state;
use super::account_state::AccountState;
use super::person_report::PersonReport;
use super::report::{DiagnosticStep, ReportSection};
use super::root_dse;
use crate::config::DirectoryKind;
use crate::directory::client::LdapDirectory;
use crate::directory::connection::{
    AdDomain, DirectoryProfile, DirectoryRefusal, LdapConnection, Operation, OperationFault, OperationKind, SearchRequest,
    Unreachable,
};
use crate::directory::people::compat_tree::leave_out_copies;
use crate::directory::people::{GroupMembership, person, removal};
use crate::domain::{Groups, NameForm, Username};

/// The most naming contexts of a server that are looked through for somebody.
const MAX_CONTEXTS: usize = 8;

/// The most entries of one name that are reported.
const MAX_NAMESAKES: u16 = 5;

/// The result of looking up a person by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonLookup {
    /// The one person who has it.
    Found(Box<PersonReport>),
    /// No entry, or several, whose DNs these are.
    NotUnique(Vec<String>),
    /// No entry where sign-ins look, but these elsewhere: outside the base DN, or left out by the settings' filter.
    Elsewhere(Vec<String>),
    /// It is of another domain than the directory's, as `OTHER\alice` is.
    ForeignDomain {
        /// The domain that was typed.
        typed: String,
        /// The directory's own.
        own: String,
    },
}

impl LdapDirectory {
    /// Looks up a person with the service account.
    ///
    /// # Errors
    /// [`Unreachable`] when the directory cannot be asked, or there is no service account.
    pub async fn lookup_person(&self, username: &Username) -> Result<PersonLookup, Unreachable> {
        let mut operation = self.begin_operation("person");
        let answer = self.try_lookup_person(&mut operation, username).await;
        operation.finish_or_unreachable(answer)
    }

    /// Whether people are looked up here without their password: by the service account, or by strangers, who may look
    /// around on other servers than Active Directory.
    pub fn can_look_up_people(&self) -> bool {
        let is_ldap = self.known_profile().map(|profile| profile.domain.is_none());
        self.has_service_account() || is_ldap.unwrap_or(self.settings.kind == Some(DirectoryKind::Ldap))
    }

    async fn try_lookup_person(&self, operation: &mut Operation, username: &Username) -> Result<PersonLookup, OperationFault> {
        if !self.has_service_account() {
            return Err(OperationFault::unreachable(
                OperationKind::ServiceBind,
                "people are looked up with the service account, and none is set: set bind_name and bind_password_file",
            ));
        }
        let profile = self.profile(operation).await?;
        loop {
            let mut service = operation.acquire(&self.search_pool).await?;
            let answer = self.lookup_person_on(&mut service, profile, username).await;
            if let ControlFlow::Break(answer) = operation.finish_attempt(answer, &service) {
                return answer;
            }
        }
    }

    /// Looks up a person over a connection that may search.
    pub(super) async fn lookup_person_on(
        &self,
        connection: &mut LdapConnection,
        profile: &DirectoryProfile,
        username: &Username,
    ) -> Result<PersonLookup, OperationFault> {
        if let Some(domain) = &profile.domain
            && let Some(elsewhere) = self.foreign_domain(connection, domain, username).await?
        {
            return Ok(elsewhere);
        }
        let filter = person::name_filter(profile, &self.name_settings(), username);
        let search = SearchRequest {
            base: &profile.base_dn,
            scope: Scope::Subtree,
            filter: &filter,
            attributes: &["cn"],
            limit: MAX_NAMESAKES,
        };
        let mut entries = connection.search(OperationKind::Search, &search).await?.entries;
        leave_out_copies(&mut entries, &profile.base_dn);
        let [one] = entries.as_slice() else {
            let dns: Vec<String> = entries.into_iter().map(|entry| entry.dn).collect();
            return Ok(if dns.is_empty() {
                self.look_elsewhere(connection, profile, username).await
            } else {
                PersonLookup::NotUnique(dns)
            });
        };
        let attributes = [person::ATTRIBUTES, removal::ATTRIBUTES, account_state::ATTRIBUTES].concat();
        let search =
            SearchRequest { base: &one.dn, scope: Scope::Base, filter: "(objectClass=*)", attributes: &attributes, limit: 1 };
        let found = connection.search(OperationKind::Search, &search).await?;
        let Some(entry) = found.entries.into_iter().next() else { return Ok(PersonLookup::NotUnique(Vec::new())) };
        let known_as = self.short_name(username);
        let memberships = self.explain_groups(connection, profile, (&entry, known_as)).await?;
        let groups: Groups = memberships.iter().map(|membership| membership.group.clone()).collect();
        let state = AccountState::from_entry(&entry, &groups, self.clock.now());
        Ok(PersonLookup::Found(Box::new(PersonReport {
            person: person::from_entry(profile.kind(), &self.realm(), &entry, known_as, groups),
            dn: entry.dn.clone(),
            memberships,
            blocker: state.blocker(|password| self.allows_password_change(password)),
            account_state: state.in_words(),
        })))
    }

    /// Looks for a person everywhere in the directory, whatever the settings say of where people are and who is one.
    async fn look_elsewhere(
        &self,
        connection: &mut LdapConnection,
        profile: &DirectoryProfile,
        username: &Username,
    ) -> PersonLookup {
        let contexts = match (&profile.domain, root_dse::read_root_dse(connection).await) {
            (Some(domain), _) => vec![domain.dn.clone()],
            (None, Ok(root)) => root.texts("namingContexts").map(str::to_owned).collect(),
            (None, Err(_)) => Vec::new(),
        };
        let names = person::NameSettings { person_filter: None, ..self.name_settings() };
        let filter = person::name_filter(profile, &names, username);
        let mut dns = Vec::new();
        for context in contexts.iter().filter(|context| !context.is_empty()).take(MAX_CONTEXTS) {
            let search = SearchRequest {
                base: context,
                scope: Scope::Subtree,
                filter: &filter,
                attributes: &["1.1"],
                limit: MAX_NAMESAKES,
            };
            // A part of the directory that may not be searched tells nothing, and there may be many.
            if let Ok(found) = connection.search(OperationKind::Search, &search).await {
                dns.extend(found.entries.into_iter().map(|entry| entry.dn));
            }
        }
        if dns.is_empty() { PersonLookup::NotUnique(dns) } else { PersonLookup::Elsewhere(dns) }
    }

    /// The lookup of another domain's name, where a sign-in would refuse it as one.
    async fn foreign_domain(
        &self,
        connection: &mut LdapConnection,
        domain: &AdDomain,
        username: &Username,
    ) -> Result<Option<PersonLookup>, OperationFault> {
        match self.refuse_foreign_domain(domain, connection, username).await {
            Err(OperationFault { refusal: DirectoryRefusal::WrongCredentials, .. }) => {}
            other => return other.map(|()| None),
        }
        let NameForm::DownLevel { domain: typed, .. } = username.form() else { return Ok(None) };
        let own = self.netbios_name.get().cloned().unwrap_or_else(|| domain.dns_name.clone());
        Ok(Some(PersonLookup::ForeignDomain { typed: typed.to_owned(), own }))
    }
}

impl PersonLookup {
    /// The reason why nobody can be meant by a name; `None` when it is one person's.
    pub fn why_not_found(&self, username: &Username) -> Option<String> {
        match self {
            Self::Found(_) => None,
            Self::NotUnique(dns) if dns.is_empty() => Some(format!("the directory has nobody called {username}")),
            Self::Elsewhere(dns) => {
                Some(format!("{username} is {}, which base_dn or person_filter leaves out", dns.join("; ")))
            }
            Self::NotUnique(_) => Some(format!("{username} is more than one person, so none of them can sign in by that name")),
            Self::ForeignDomain { typed, own } => Some(format!("{typed} is not this directory's domain ({own})")),
        }
    }
}

/// The steps about a person.
pub(super) fn person_steps(section: &mut ReportSection, username: &Username, lookup: &PersonLookup, base_dn: &str) {
    let seen = match lookup {
        PersonLookup::Found(seen) => seen,
        PersonLookup::NotUnique(dns) if dns.is_empty() => {
            let reason = format!("nobody called {username} is found below {base_dn}");
            let remedy = "check the spelling; if the person is elsewhere, widen base_dn or person_filter, and let the \
                          account bind_name read there";
            section.push(DiagnosticStep::failure("person", reason, remedy));
            section.skip(&["account", "groups"], "nobody was found");
            return;
        }
        PersonLookup::Elsewhere(dns) => {
            let reason =
                format!("{username} is somebody of the directory, but not among those below {base_dn} who may sign in");
            let remedy = "widen base_dn or person_filter, if the person is to sign in";
            section.push(DiagnosticStep::failure("person", reason, remedy).with_all(dns.iter().cloned()));
            section.skip(&["account", "groups"], "the settings leave the person out");
            return;
        }
        PersonLookup::NotUnique(dns) => {
            let reason = format!("{username} is more than one person, so none of them can sign in by that name");
            let remedy = "let them use a name that is theirs alone, or narrow base_dn or person_filter to one of them";
            section.push(DiagnosticStep::failure("person", reason, remedy).with_all(dns.iter().cloned()));
            section.skip(&["account", "groups"], "it is not clear who is meant");
            return;
        }
        PersonLookup::ForeignDomain { own, .. } => {
            let reason = lookup.why_not_found(username).unwrap_or_default();
            let remedy = format!(
                "write {own}\\ before the name, or the name alone; another domain is a directory of its \
                                  own, with its domains named in the settings"
            );
            section.push(DiagnosticStep::failure("person", reason, remedy));
            section.skip(&["account", "groups"], "nobody was looked for");
            return;
        }
    };
    let person = &seen.person;
    let step = DiagnosticStep::ok("person").with(format!("{}, {}", person.display_name, seen.dn));
    section.push(step.with(format!("known for ever as {}", person.id)));
    let account = match &seen.blocker {
        None => DiagnosticStep::ok("account").with("nothing stands against signing in"),
        Some(blocker) => DiagnosticStep::warning("account", blocker.reason.clone(), blocker.remedy.clone()),
    };
    section.push(account.with_all(seen.account_state.iter().cloned()));
    let mut memberships: Vec<&GroupMembership> = seen.memberships.iter().collect();
    memberships.sort_by_key(|membership| membership.group.name.to_lowercase());
    let lines = memberships.iter().map(|one| format!("{}, {}", one.group.name, one.path.in_words()));
    let step = DiagnosticStep::ok("groups");
    section.push(if memberships.is_empty() { step.with("none") } else { step.with_all(lines) });
}
