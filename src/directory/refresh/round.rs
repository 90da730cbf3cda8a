use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::active_directory::{comparable, reaches_abroad};
use super::closure::Closure;
use super::ids::{Reference, attribute, reference};
use super::lists::Member;
use super::look::{ASKED, Look, Within, cut_short};
use super::standing;
use super::standing::{Departure, Standing, departure};
use crate::config::DirectoryKind;
use crate::directory::client::LdapDirectory;
use crate::directory::connection::{DirectoryProfile, LdapConnection, OperationFault, Unreachable};
use crate::directory::people::{NestedGroupSearch, person, read_token_groups, resolve_nested_whole};
use crate::directory::schema::{LdapEntry, filter};
use crate::domain::{Dn, Groups, Person};

/// How many people one search asks for: a filter that any server takes.
const PEOPLE_A_SEARCH: usize = 100;

/// Somebody as they were found again.
enum Sight {
    Gone(Departure),
    Here(Box<LdapEntry>),
}

impl LdapDirectory {
    /// What became of these people: one answer for each, in their order.
    pub(in crate::directory) async fn refresh_people(&self, people: &[Person]) -> Vec<Result<Standing, Unreachable>> {
        if self.settings.service_account.is_none() {
            let reason = "there is no service account to ask with: set bind_name and bind_password_file".to_owned();
            return people.iter().map(|_| Err(Unreachable { reason: reason.clone(), password_sent: false })).collect();
        }
        let profile = match self.asked_profile().await {
            Ok(profile) => profile,
            Err(unreachable) => return people.iter().map(|_| Err(unreachable.clone())).collect(),
        };
        let mut sights = Vec::with_capacity(people.len());
        for batch in people.chunks(PEOPLE_A_SEARCH) {
            match self.find_again(profile, batch).await {
                Ok(found) => sights.extend(found.into_iter().map(Ok)),
                Err(unreachable) => sights.extend(batch.iter().map(|_| Err(unreachable.clone()))),
            }
        }
        let here: Vec<(&Person, &LdapEntry)> = people
            .iter()
            .zip(&sights)
            .filter_map(|(person, sight)| match sight {
                Ok(Sight::Here(entry)) => Some((person, &**entry)),
                Ok(Sight::Gone(_)) | Err(_) => None,
            })
            .collect();
        let mut described = self.describe_all(profile, &here).await.into_iter();
        let no_answer = || Unreachable { reason: "nothing was said of this person".to_owned(), password_sent: false };
        sights
            .into_iter()
            .map(|sight| match sight? {
                Sight::Gone(departure) => Ok(Standing::Gone(departure)),
                Sight::Here(_) => described.next().unwrap_or_else(|| Err(no_answer())).map(Standing::Here),
            })
            .collect()
    }

    /// Finds these people again by their ids.
    async fn find_again(&self, profile: &DirectoryProfile, people: &[Person]) -> Result<Vec<Sight>, Unreachable> {
        let references: Vec<Option<Reference>> = people.iter().map(|person| reference(&person.id)).collect();
        let clauses: Vec<String> = references
            .iter()
            .filter_map(|reference| match reference {
                Some(Reference::Clause(clause)) => Some(clause.clone()),
                Some(Reference::Dn(_)) | None => None,
            })
            .collect();
        let mut entries = Vec::new();
        if !clauses.is_empty() {
            let below = Within::Below(profile.base_dn.clone());
            entries = self.people_within(profile, below, &filter::any(&clauses), clauses.len()).await?;
        }
        for dn in references.iter().filter_map(|reference| match reference {
            Some(Reference::Dn(dn)) if is_within(dn, &profile.base_dn) => Some(dn),
            _ => None,
        }) {
            entries.extend(self.people_within(profile, Within::Entry(dn.clone()), "(objectClass=*)", 1).await?);
        }
        if entries.is_empty() {
            self.make_sure_that_people_can_be_seen(profile, people).await?;
        }
        let now = self.clock.now();
        let sight =
            |known: &Person| match entries.iter().find(|entry| person::person_id(self.name(), entry) == known.id) {
                None => Sight::Gone(Departure::NotFound),
                Some(entry) => departure(entry, now).map_or_else(|| Sight::Here(Box::new(entry.clone())), Sight::Gone),
            };
        Ok(people.iter().map(sight).collect())
    }

    async fn people_within(
        &self,
        profile: &DirectoryProfile,
        within: Within,
        which: &str,
        most: usize,
    ) -> Result<Vec<LdapEntry>, Unreachable> {
        let any_person = person::any_person_filter(profile, self.settings.person_filter.as_deref());
        let found = self
            .look(Look {
                within,
                filter: filter::all(&[&any_person, which]),
                attributes: [person::ATTRIBUTES, standing::ATTRIBUTES].concat(),
                further: Vec::new(),
                limit: u16::try_from(most).unwrap_or(u16::MAX),
            })
            .await?;
        if found.truncated { Err(cut_short("the people who were asked for")) } else { Ok(found.entries) }
    }

    /// When not one of the people is found, they may all have gone; more often a right was taken away from the account
    /// that searches, or `base_dn` leads elsewhere now. It is an answer only where other people can be seen.
    async fn make_sure_that_people_can_be_seen(
        &self,
        profile: &DirectoryProfile,
        people: &[Person],
    ) -> Result<(), Unreachable> {
        let any_person = person::any_person_filter(profile, self.settings.person_filter.as_deref());
        // By the very attributes that they were looked for: a right to read one of those may be gone alone.
        let attributes: BTreeSet<&str> = people.iter().filter_map(|person| attribute(&person.id)).collect();
        let ids: Vec<String> = attributes.into_iter().map(|attribute| format!("({attribute}=*)")).collect();
        let filter = if ids.is_empty() { any_person } else { filter::all(&[&any_person, &filter::any(&ids)]) };
        let found = self
            .look(Look {
                within: Within::Below(profile.base_dn.clone()),
                filter,
                attributes: vec!["1.1"],
                further: Vec::new(),
                limit: 1,
            })
            .await?;
        if !found.entries.is_empty() || found.truncated {
            return Ok(());
        }
        let reason = format!(
            "the account that searches sees nobody at all below {}: check its rights, base_dn and person_filter",
            profile.base_dn
        );
        tracing::warn!(reason, "what became of the people who are signed in cannot be said");
        Err(Unreachable { reason, password_sent: false })
    }

    /// These people as they are now. Only those whose groups seem to have changed are read one by one.
    async fn describe_all(
        &self,
        profile: &DirectoryProfile,
        people: &[(&Person, &LdapEntry)],
    ) -> Vec<Result<Person, Unreachable>> {
        let closures = match self.closures(profile, people).await {
            Ok(closures) => closures,
            Err(unreachable) => return people.iter().map(|_| Err(unreachable.clone())).collect(),
        };
        let mut described = Vec::with_capacity(people.len());
        for ((known, entry), closure) in people.iter().zip(closures) {
            let groups = if self.is_as_known(profile, known, entry, &closure) {
                Ok(closure.renamed(&known.groups))
            } else {
                self.read_groups_of(profile, known, entry, &closure).await
            };
            described.push(groups.map(|groups| self.described(profile, known, entry, groups)));
        }
        described
    }

    /// The person as the entry has them now. Where only a bind tells when their password expires, that stands.
    fn described(&self, profile: &DirectoryProfile, known: &Person, entry: &LdapEntry, groups: Groups) -> Person {
        let mut person = person::from_entry(profile.kind(), self.name(), entry, &known.username, groups);
        if profile.domain.is_none() && person.password_expires.is_none() {
            person.password_expires = known.password_expires;
        }
        person
    }

    async fn closures(
        &self,
        profile: &DirectoryProfile,
        people: &[(&Person, &LdapEntry)],
    ) -> Result<Vec<Closure>, Unreachable> {
        if let Some(domain) = &profile.domain {
            let entries: Vec<&LdapEntry> = people.iter().map(|(_, entry)| *entry).collect();
            return self.closures_in_domain(domain, &entries).await;
        }
        let members: Vec<(&LdapEntry, Member)> = people
            .iter()
            .map(|(known, entry)| {
                let uid = person::uid(entry, &known.username).to_owned();
                (*entry, Member { dn: entry.dn.clone(), uid })
            })
            .collect();
        self.closures_by_lists(&profile.base_dn, &members).await
    }

    /// Whether somebody is in the groups that they are known to be in, as far as can be seen in bulk.
    fn is_as_known(&self, profile: &DirectoryProfile, known: &Person, entry: &LdapEntry, closure: &Closure) -> bool {
        let Some(seen) = closure.ids() else { return false };
        let same = match profile.kind() {
            DirectoryKind::ActiveDirectory if reaches_abroad(entry, &known.groups) => return false,
            DirectoryKind::ActiveDirectory => {
                let known = comparable(&known.groups);
                known.len() == seen.len() && seen.iter().all(|id| known.contains(id))
            }
            DirectoryKind::Ldap => {
                known.groups.len() == seen.len() && known.groups.iter().all(|group| seen.contains(&group.id))
            }
        };
        same || self.membership_cache.is_unchanged(&known.id, &seen, &known.groups)
    }

    /// Somebody's groups, read as at a sign-in.
    async fn read_groups_of(
        &self,
        profile: &DirectoryProfile,
        known: &Person,
        entry: &LdapEntry,
        closure: &Closure,
    ) -> Result<Groups, Unreachable> {
        let mut inquiry = self.begin_operation(ASKED);
        let answer = loop {
            let mut service = match inquiry.acquire(&self.search_pool).await {
                Ok(service) => service,
                Err(fault) => break Err(fault),
            };
            let groups = self.read_groups_on(&mut service, profile, known, entry).await;
            if let ControlFlow::Break(groups) = inquiry.finish_attempt(groups, &service) {
                break groups;
            }
        };
        let groups = inquiry.finish_or_unreachable(answer)?;
        if let Some(seen) = closure.ids() {
            self.membership_cache.record(&known.id, &seen, &groups);
        }
        Ok(groups)
    }

    async fn read_groups_on(
        &self,
        service: &mut LdapConnection,
        profile: &DirectoryProfile,
        known: &Person,
        entry: &LdapEntry,
    ) -> Result<Groups, OperationFault> {
        if let Some(domain) = &profile.domain {
            return read_token_groups(service, domain, &self.group_names, &*self.clock, &entry.dn).await;
        }
        let climber =
            NestedGroupSearch { base_dn: &profile.base_dn, group_filter: self.settings.group_filter.as_deref() };
        resolve_nested_whole(service, &climber, entry, person::uid(entry, &known.username)).await
    }
}

fn is_within(dn: &str, base: &str) -> bool {
    match (dn.parse::<Dn>(), base.parse::<Dn>()) {
        (Ok(dn), Ok(base)) => dn.is_within(&base),
        _ => false,
    }
}
