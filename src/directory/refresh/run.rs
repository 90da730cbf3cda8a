use std::collections::BTreeSet;
use std::ops::ControlFlow;

use ldap3::Scope;

use super::account_status::AccountStatus;
use super::comparable_groups::{comparable_ids, has_foreign_groups};
use super::person_reference::{PersonReference, id_attribute, person_reference};
use super::service_search::{OPERATION_NAME, ServiceSearcher};
use crate::config::DirectoryKind;
use crate::directory::client::LdapDirectory;
use crate::directory::connection::{DirectoryProfile, SearchRequest, SearchResult, Truncation, Unreachable};
use crate::directory::people::compat_tree::leave_out_copies;
use crate::directory::people::removal::{self, removal_reason};
use crate::directory::people::{BulkGroups, Halves, MembershipSearcher as _, RemovalReason, TruncatedAnswers, person};
use crate::directory::schema::{LdapEntry, filter};
use crate::domain::{Dn, Groups, Person};

/// The most people one search asks for: a filter that any server takes.
const PEOPLE_PER_SEARCH: usize = 100;

/// The result of finding a person again.
enum RefreshedEntry {
    Removed(RemovalReason),
    Found(Box<LdapEntry>),
}

/// The entries found of people, and those among the people whose answer is cut short though it was asked for alone.
#[derive(Default)]
struct FoundEntries {
    entries: Vec<LdapEntry>,
    /// By the references they were asked for by.
    unread: Vec<(PersonReference, Truncation)>,
}

impl LdapDirectory {
    /// Refreshes these people: one answer for each, in their order.
    pub(in crate::directory) async fn refresh_people(&self, people: &[Person]) -> Vec<Result<AccountStatus, Unreachable>> {
        if self.settings.service_account.is_none() {
            let reason = "there is no service account to ask with: set bind_name and bind_password_file".to_owned();
            return people.iter().map(|_| Err(Unreachable::new(reason.clone()))).collect();
        }
        let profile = match self.profile_for_refresh().await {
            Ok(profile) => profile,
            Err(unreachable) => return people.iter().map(|_| Err(unreachable.clone())).collect(),
        };
        let mut entries_found = Vec::with_capacity(people.len());
        for batch in people.chunks(PEOPLE_PER_SEARCH) {
            match self.find_by_ids(profile, batch).await {
                Ok(found) => entries_found.extend(found),
                Err(unreachable) => entries_found.extend(batch.iter().map(|_| Err(unreachable.clone()))),
            }
        }
        let found: Vec<(&Person, &LdapEntry)> = people
            .iter()
            .zip(&entries_found)
            .filter_map(|(person, refreshed_entry)| match refreshed_entry {
                Ok(RefreshedEntry::Found(entry)) => Some((person, &**entry)),
                Ok(RefreshedEntry::Removed(_)) | Err(_) => None,
            })
            .collect();
        let mut updated = self.update_all(profile, &found).await.into_iter();
        let no_answer = || Unreachable::new("nothing was said of this person");
        entries_found
            .into_iter()
            .map(|refreshed_entry| match refreshed_entry? {
                RefreshedEntry::Removed(reason) => Ok(AccountStatus::Removed(reason)),
                RefreshedEntry::Found(_) => updated.next().unwrap_or_else(|| Err(no_answer())).map(AccountStatus::Active),
            })
            .collect()
    }

    /// Finds these people again by their ids.
    async fn find_by_ids(
        &self,
        profile: &DirectoryProfile,
        people: &[Person],
    ) -> Result<Vec<Result<RefreshedEntry, Unreachable>>, Unreachable> {
        let references: Vec<Option<PersonReference>> = people.iter().map(|person| person_reference(&person.id)).collect();
        let found = self.read_entries(profile, references.iter().flatten()).await?;
        if found.entries.is_empty() && found.unread.is_empty() {
            self.ensure_people_are_visible(profile, people).await?;
        }
        let now = self.clock.now();
        let mut refreshed = Vec::with_capacity(people.len());
        for (known, reference) in people.iter().zip(&references) {
            let unread = found.unread.iter().find(|(unread, _)| Some(unread) == reference.as_ref());
            if let Some((_, truncation)) = unread {
                refreshed.push(Err(unreadable_person(known, *truncation)));
                continue;
            }
            let entry = found.entries.iter().find(|entry| person::person_id(&self.realm(), entry) == known.id);
            refreshed.push(Ok(match entry {
                None => RefreshedEntry::Removed(RemovalReason::NotFound),
                Some(entry) if self.has_taken_a_uid(profile, entry, known).await? => {
                    RefreshedEntry::Removed(RemovalReason::NotFound)
                }
                Some(entry) => removal_reason(entry, now)
                    .map_or_else(|| RefreshedEntry::Found(Box::new(entry.clone())), RefreshedEntry::Removed),
            }));
        }
        Ok(refreshed)
    }

    /// Whether somebody outside Active Directory has another `uid` than they were known by, and it is somebody else's, too. Whoever
    /// writes one branch of the tree must not make the account that they are signed in with pass for a colleague's.
    async fn has_taken_a_uid(
        &self,
        profile: &DirectoryProfile,
        entry: &LdapEntry,
        known: &Person,
    ) -> Result<bool, Unreachable> {
        let uid = person::uid(entry, &known.username);
        if profile.domain.is_some() || uid.to_lowercase() == known.username.to_lowercase() {
            return Ok(false);
        }
        let (base, scope) = (profile.base_dn.as_str(), Scope::Subtree);
        let filter = person::uid_filter(uid);
        let request = SearchRequest { base, scope, filter: &filter, attributes: person::NO_ATTRIBUTES, limit: 4 };
        let mut entries = ServiceSearcher(self).run(&request).await?.entries;
        leave_out_copies(&mut entries, &profile.base_dn);
        let is_shared = entries.len() > 1;
        if is_shared {
            person::warn_of_shared_uid(uid, &entry.dn);
        }
        Ok(is_shared)
    }

    /// Reads the entries of people: those with an id in one search, in halves where the answer is cut short.
    async fn read_entries(
        &self,
        profile: &DirectoryProfile,
        references: impl Iterator<Item = &PersonReference>,
    ) -> Result<FoundEntries, Unreachable> {
        let mut found = FoundEntries::default();
        let (mut clauses, mut dns) = (Vec::new(), Vec::new());
        for reference in references {
            match reference {
                PersonReference::Clause(clause) => clauses.push(clause.clone()),
                PersonReference::Dn(dn) => dns.push(dn),
            }
        }
        let mut halves = Halves::of(&clauses, PEOPLE_PER_SEARCH);
        while let Some(batch) = halves.next_batch() {
            let below = (profile.base_dn.as_str(), Scope::Subtree);
            let answer = self.search_people(profile, below, &filter::any(batch), batch.len()).await?;
            match (answer.truncated, batch) {
                (None, _) => found.entries.extend(answer.entries),
                (Some(truncation), [only]) => found.unread.push((PersonReference::Clause(only.clone()), truncation)),
                (Some(_), _) => {
                    halves.split(batch);
                }
            }
        }
        for dn in dns.into_iter().filter(|dn| is_below(dn, &profile.base_dn)) {
            let answer = self.search_people(profile, (dn, Scope::Base), "(objectClass=*)", 1).await?;
            found.entries.extend(answer.entries);
            found.unread.extend(answer.truncated.map(|truncation| (PersonReference::Dn(dn.clone()), truncation)));
        }
        Ok(found)
    }

    async fn search_people(
        &self,
        profile: &DirectoryProfile,
        (base, scope): (&str, Scope),
        which: &str,
        most: usize,
    ) -> Result<SearchResult, Unreachable> {
        let any_person = person::any_person_filter(profile, self.settings.person_filter.as_ref());
        let request = SearchRequest {
            base,
            scope,
            filter: &filter::all(&[&any_person, which]),
            attributes: &[person::ATTRIBUTES, removal::ATTRIBUTES].concat(),
            limit: u16::try_from(most).unwrap_or(u16::MAX),
        };
        ServiceSearcher(self).run(&request).await
    }

    /// Checks that other people can be seen. When not one of the people is found, they may all have gone; more often a
    /// right was taken away from the account that searches, or `base_dn` leads elsewhere now. It is an answer only
    /// where other people can be seen.
    async fn ensure_people_are_visible(&self, profile: &DirectoryProfile, people: &[Person]) -> Result<(), Unreachable> {
        let any_person = person::any_person_filter(profile, self.settings.person_filter.as_ref());
        // By the very attributes that they were looked for: a right to read one of those may be gone alone.
        let attributes: BTreeSet<&str> = people.iter().filter_map(|person| id_attribute(&person.id)).collect();
        let ids: Vec<String> = attributes.into_iter().map(|attribute| format!("({attribute}=*)")).collect();
        let filter = if ids.is_empty() { any_person } else { filter::all(&[&any_person, &filter::any(&ids)]) };
        let (base, scope) = (profile.base_dn.as_str(), Scope::Subtree);
        let request = SearchRequest { base, scope, filter: &filter, attributes: person::NO_ATTRIBUTES, limit: 1 };
        let found = ServiceSearcher(self).run(&request).await?;
        if !found.entries.is_empty() || found.truncated.is_some() {
            return Ok(());
        }
        let reason = format!(
            "the account that searches sees nobody at all below {}: check its rights, base_dn and person_filter",
            profile.base_dn
        );
        tracing::warn!(reason, "what became of the people who are signed in cannot be said");
        Err(Unreachable::new(reason))
    }

    /// Refreshes the people found. Only those whose groups seem to have changed are read one by one.
    async fn update_all(
        &self,
        profile: &DirectoryProfile,
        people: &[(&Person, &LdapEntry)],
    ) -> Vec<Result<Person, Unreachable>> {
        let entries: Vec<_> = people.iter().map(|(known, entry)| (*entry, known.username.as_str())).collect();
        let all_bulk_groups = match self.resolve_in_bulk(&mut ServiceSearcher(self), profile, &entries).await {
            Ok(all_bulk_groups) => all_bulk_groups,
            Err(unreachable) => return people.iter().map(|_| Err(unreachable.clone())).collect(),
        };
        let mut updated = Vec::with_capacity(people.len());
        for ((known, entry), bulk_groups) in people.iter().zip(all_bulk_groups) {
            let groups = if self.has_same_groups(profile, known, entry, &bulk_groups) {
                Ok(bulk_groups.with_current_names(&known.groups))
            } else {
                self.reread_groups(profile, known, entry, &bulk_groups).await
            };
            updated.push(groups.map(|groups| self.updated_person(profile, known, entry, groups)));
        }
        updated
    }

    /// The person as the entry has them now. Where only a bind tells when their password expires, that stands.
    fn updated_person(&self, profile: &DirectoryProfile, known: &Person, entry: &LdapEntry, groups: Groups) -> Person {
        let mut person = person::from_entry(profile.kind(), &self.realm(), entry, &known.username, groups);
        if profile.domain.is_none() && person.password_expires.is_none() {
            person.password_expires = known.password_expires;
        }
        person
    }

    /// Whether a person's groups are the known ones, as far as can be seen in bulk.
    fn has_same_groups(&self, profile: &DirectoryProfile, known: &Person, entry: &LdapEntry, bulk_groups: &BulkGroups) -> bool {
        let Some(seen) = bulk_groups.ids() else { return false };
        let same = match profile.kind() {
            DirectoryKind::ActiveDirectory if has_foreign_groups(entry, &known.groups) => return false,
            DirectoryKind::ActiveDirectory => {
                let known = comparable_ids(&known.groups);
                known.len() == seen.len() && seen.iter().all(|id| known.contains(id))
            }
            DirectoryKind::Ldap => {
                known.groups.len() == seen.len() && known.groups.iter().all(|group| seen.contains(&group.id))
            }
        };
        same || self.membership_cache.is_unchanged(&known.id, &seen, &known.groups)
    }

    /// Reads a person's groups as at a sign-in.
    async fn reread_groups(
        &self,
        profile: &DirectoryProfile,
        known: &Person,
        entry: &LdapEntry,
        bulk_groups: &BulkGroups,
    ) -> Result<Groups, Unreachable> {
        let mut operation = self.begin_operation(OPERATION_NAME);
        let answer = loop {
            let mut service = match operation.acquire(&self.search_pool).await {
                Ok(service) => service,
                Err(fault) => break Err(fault),
            };
            let known_as = (entry, known.username.as_str());
            let groups = self.resolve_groups(&mut service, profile, known_as, TruncatedAnswers::Reject).await;
            if let ControlFlow::Break(groups) = operation.finish_attempt(groups, &service) {
                break groups;
            }
        };
        let groups = operation.finish_or_unreachable(answer)?;
        if let Some(seen) = bulk_groups.ids() {
            self.membership_cache.record(&known.id, &seen, &groups);
        }
        Ok(groups)
    }
}

/// The error for somebody whose entry cannot be read. It is theirs alone.
fn unreadable_person(person: &Person, truncation: Truncation) -> Unreachable {
    let reason = format!("the entry of one person cannot be read: {}", truncation.in_words());
    tracing::warn!(id = %person.id, reason, "what became of somebody cannot be said");
    Unreachable { result_code: truncation.result_code(), ..Unreachable::new(reason) }
}

fn is_below(dn: &str, base: &str) -> bool {
    match (dn.parse::<Dn>(), base.parse::<Dn>()) {
        (Ok(dn), Ok(base)) => dn.is_within(&base),
        _ => false,
    }
}
