use std::ops::ControlFlow;

use ldap3::Scope;

use super::account::{Bar, State};
use super::report::{Section, Step};
use super::ways::Membership;
use super::{account, ways};
use crate::config::DirectoryKind;
use crate::directory::client::LdapDirectory;
use crate::directory::connection::{
    AdDomain, DirectoryProfile, DirectoryRefusal, LdapConnection, Operation, OperationFault, OperationKind,
    SearchRequest, Unreachable,
};
use crate::directory::people::{NestedGroupSearch, person, read_token_groups, resolve_nested};
use crate::domain::{NameForm, Person, Username};

/// How many entries of one name are told.
const MOST_NAMESAKES: u16 = 5;

/// Somebody as the directory shows them now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Who it is, as after a sign-in.
    pub person: Person,
    /// Where their entry is.
    pub dn: String,
    /// Their groups, and how they come by each.
    pub memberships: Vec<Membership>,
    /// Why they could not sign in now, whatever the password.
    pub bar: Option<Bar>,
    /// The state of their account in words.
    pub state: Vec<String>,
}

/// What a name comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sought {
    /// The one person who has it.
    One(Box<Seen>),
    /// No entry, or several, whose DNs these are.
    NotOne(Vec<String>),
    /// It is of another domain than the directory's, as `OTHER\alice` is.
    Elsewhere {
        /// The domain that was typed.
        typed: String,
        /// The directory's own.
        own: String,
    },
}

impl LdapDirectory {
    /// Looks somebody up with the service account.
    ///
    /// # Errors
    /// [`Unreachable`] when the directory cannot be asked, or there is no service account.
    pub async fn look_up(&self, username: &Username) -> Result<Sought, Unreachable> {
        let mut inquiry = self.begin_operation("person");
        let answer = self.try_look_up(&mut inquiry, username).await;
        inquiry.finish_or_unreachable(answer)
    }

    /// Whether people are looked up here without their password: by the service account, or by strangers, who may look
    /// around on other servers than Active Directory.
    pub fn shows_people(&self) -> bool {
        let is_ldap = self.known_profile().map(|profile| profile.domain.is_none());
        self.has_service_account() || is_ldap.unwrap_or(self.settings.kind == Some(DirectoryKind::Ldap))
    }

    async fn try_look_up(&self, inquiry: &mut Operation, username: &Username) -> Result<Sought, OperationFault> {
        if !self.has_service_account() {
            return Err(OperationFault::unreachable(
                OperationKind::ServiceBind,
                "people are looked up with the service account, and none is set: set bind_name and bind_password_file",
            ));
        }
        let profile = self.find_out(inquiry).await?;
        loop {
            let mut service = inquiry.acquire(&self.search_pool).await?;
            let answer = self.seek(&mut service, profile, username).await;
            if let ControlFlow::Break(answer) = inquiry.finish_attempt(answer, &service) {
                return answer;
            }
        }
    }

    /// Looks somebody up over a connection that may search.
    pub(super) async fn seek(
        &self,
        connection: &mut LdapConnection,
        profile: &DirectoryProfile,
        username: &Username,
    ) -> Result<Sought, OperationFault> {
        if let Some(domain) = &profile.domain
            && let Some(elsewhere) = self.elsewhere(connection, domain, username).await?
        {
            return Ok(elsewhere);
        }
        let filter = person::name_filter(profile, &self.name_settings(), username);
        let search = SearchRequest {
            base: &profile.base_dn,
            scope: Scope::Subtree,
            filter: &filter,
            attributes: &["cn"],
            limit: MOST_NAMESAKES,
        };
        let found = connection.search(OperationKind::Search, &search).await?;
        let [one] = found.entries.as_slice() else {
            return Ok(Sought::NotOne(found.entries.into_iter().map(|entry| entry.dn).collect()));
        };
        let attributes = [person::ATTRIBUTES, account::ATTRIBUTES].concat();
        let search = SearchRequest {
            base: &one.dn,
            scope: Scope::Base,
            filter: "(objectClass=*)",
            attributes: &attributes,
            limit: 1,
        };
        let found = connection.search(OperationKind::Search, &search).await?;
        let Some(entry) = found.entries.into_iter().next() else { return Ok(Sought::NotOne(Vec::new())) };
        let uid = person::uid(&entry, self.short_name(username));
        let groups = if let Some(domain) = &profile.domain {
            read_token_groups(connection, domain, &self.group_names, &*self.clock, &entry.dn).await?
        } else {
            let climber =
                NestedGroupSearch { base_dn: &profile.base_dn, group_filter: self.settings.group_filter.as_deref() };
            resolve_nested(connection, &climber, &entry, uid).await?
        };
        let memberships = ways::find(connection, profile, &entry, uid, &groups).await?;
        let state = State::of(&entry, self.clock.now());
        Ok(Sought::One(Box::new(Seen {
            person: person::from_entry(profile.kind(), self.name(), &entry, self.short_name(username), groups),
            dn: entry.dn.clone(),
            memberships,
            bar: state.bar(|password| self.allows_password_change(password)),
            state: state.in_words(),
        })))
    }

    /// Another domain's name, where a sign-in would refuse it as one.
    async fn elsewhere(
        &self,
        connection: &mut LdapConnection,
        domain: &AdDomain,
        username: &Username,
    ) -> Result<Option<Sought>, OperationFault> {
        match self.refuse_foreign_domain(domain, connection, username).await {
            Err(OperationFault { refusal: DirectoryRefusal::WrongCredentials, .. }) => {}
            other => return other.map(|()| None),
        }
        let NameForm::DownLevel { domain: typed, .. } = username.form() else { return Ok(None) };
        let own = self.netbios_name.get().cloned().unwrap_or_else(|| domain.dns_name.clone());
        Ok(Some(Sought::Elsewhere { typed: typed.to_owned(), own }))
    }
}

impl Sought {
    /// Why a name is nobody's, in words; `None` when it is one person's.
    pub fn why_nobody(&self, username: &Username) -> Option<String> {
        match self {
            Self::One(_) => None,
            Self::NotOne(dns) if dns.is_empty() => Some(format!("the directory has nobody called {username}")),
            Self::NotOne(_) => {
                Some(format!("{username} is more than one person, so none of them can sign in by that name"))
            }
            Self::Elsewhere { typed, own } => Some(format!("{typed} is not this directory's domain ({own})")),
        }
    }
}

/// The steps about a person.
pub(super) fn steps(section: &mut Section, username: &Username, sought: &Sought, base_dn: &str) {
    let seen = match sought {
        Sought::One(seen) => seen,
        Sought::NotOne(dns) if dns.is_empty() => {
            let reason = format!("nobody called {username} is found below {base_dn}");
            let remedy = "check the spelling; if the person is elsewhere, widen base_dn or person_filter, and let the \
                          account bind_name read there";
            section.note(Step::failure("person", reason, remedy));
            section.skip(&["account", "groups"], "nobody was found");
            return;
        }
        Sought::NotOne(dns) => {
            let reason = format!("{username} is more than one person, so none of them can sign in by that name");
            let remedy = "let them use a name that is theirs alone, or narrow base_dn or person_filter to one of them";
            section.note(Step::failure("person", reason, remedy).with_all(dns.iter().cloned()));
            section.skip(&["account", "groups"], "it is not clear who is meant");
            return;
        }
        Sought::Elsewhere { own, .. } => {
            let reason = sought.why_nobody(username).unwrap_or_default();
            let remedy = format!(
                "write {own}\\ before the name, or the name alone; another domain is a directory of its \
                                  own, with its domains named in the settings"
            );
            section.note(Step::failure("person", reason, remedy));
            section.skip(&["account", "groups"], "nobody was looked for");
            return;
        }
    };
    let person = &seen.person;
    let step = Step::ok("person").with(format!("{}, {}", person.display_name, seen.dn));
    section.note(step.with(format!("known for ever as {}", person.id)));
    let account = match &seen.bar {
        None => Step::ok("account").with("nothing stands against signing in"),
        Some(bar) => Step::warning("account", bar.reason.clone(), bar.remedy.clone()),
    };
    section.note(account.with_all(seen.state.iter().cloned()));
    let mut memberships: Vec<&Membership> = seen.memberships.iter().collect();
    memberships.sort_by_key(|membership| membership.group.name.to_lowercase());
    let lines = memberships.iter().map(|one| format!("{}, {}", one.group.name, one.way.in_words()));
    let step = Step::ok("groups");
    section.note(if memberships.is_empty() { step.with("none") } else { step.with_all(lines) });
}
