use std::ops::ControlFlow;

use ldap3::Scope;

use super::compat_tree::leave_out_copies;
use super::group_classes;
use super::membership::is_distribution_list;
use super::suggestions;
use crate::directory::client::{GroupLookup, LdapDirectory};
use crate::directory::connection::{
    DirectoryProfile, LdapConnection, OperationFault, OperationKind, SearchRequest, Unreachable, result_code,
};
use crate::directory::schema::{LdapEntry, Sid, filter};
use crate::domain::{Dn, Group, GroupId, GroupKey, GroupRef, Realm, is_same_name};

/// The most groups of one operation: a handful of searches, well within its deadline.
const GROUPS_PER_SEARCH: usize = 25;

/// The most entries taken for one batch of names: each should have one, and a few may have several.
const MAX_ENTRIES: u16 = 200;

/// The prefix of SIDs that domains give out (MS-DTYP 2.4.2.4).
const DOMAIN_SID_PREFIX: &str = "S-1-5-21-";

/// The note about a name that several groups have.
const SEVERAL: &str = "several groups have that name, so it means none of them: write the DN of the one that is meant";

const ANY_ENTRY: &str = "(objectClass=*)";

/// The attributes read of a group.
pub(super) const ATTRIBUTES: &[&str] = &["objectClass", "objectSid", "sAMAccountName", "cn", "groupType"];

impl LdapDirectory {
    /// Looks up groups: one lookup for each, in their order. What was found in the last minutes is not asked for again.
    ///
    /// # Errors
    /// [`Unreachable`] when the directory cannot be asked, or there is no service account to ask with.
    pub(in crate::directory) async fn lookup_groups(&self, wanted: &[GroupRef]) -> Result<Vec<GroupLookup>, Unreachable> {
        if !self.has_service_account() {
            let reason = "groups are looked up with the service account, and none is set (bind_name)".to_owned();
            return Err(Unreachable::new(reason));
        }
        let now = self.clock.now();
        let mut lookups: Vec<Option<GroupLookup>> = wanted.iter().map(|group| self.group_lookups.get(now, group)).collect();
        let open: Vec<GroupRef> =
            wanted.iter().zip(&lookups).filter(|(_, found)| found.is_none()).map(|(group, _)| group.clone()).collect();
        let mut asked = Vec::with_capacity(open.len());
        for batch in open.chunks(GROUPS_PER_SEARCH) {
            let found = self.lookup_group_batch(batch).await?;
            self.group_lookups.insert(now, &found);
            asked.extend(found);
        }
        let mut asked = asked.into_iter();
        Ok(lookups.iter_mut().filter_map(|lookup| lookup.take().or_else(|| asked.next())).collect())
    }

    async fn lookup_group_batch(&self, batch: &[GroupRef]) -> Result<Vec<GroupLookup>, Unreachable> {
        let mut operation = self.begin_operation("groups");
        let asked = async {
            let profile = self.profile(&mut operation).await?;
            loop {
                let mut service = operation.acquire(&self.search_pool).await?;
                let answer = self.lookup_groups_on(&mut service, profile, batch).await;
                if let ControlFlow::Break(answer) = operation.finish_attempt(answer, &service) {
                    return answer;
                }
            }
        };
        let answer = asked.await;
        operation.finish_or_unreachable(answer)
    }

    /// Looks up groups over a connection that may search, without the cache.
    pub(in crate::directory) async fn lookup_groups_on(
        &self,
        connection: &mut LdapConnection,
        profile: &DirectoryProfile,
        wanted: &[GroupRef],
    ) -> Result<Vec<GroupLookup>, OperationFault> {
        let finder = GroupFinder { profile, realm: self.realm(), has_custom_classes: self.settings.group_filter.is_some() };
        let mut lookups = Vec::with_capacity(wanted.len());
        for batch in wanted.chunks(GROUPS_PER_SEARCH) {
            lookups.extend(finder.lookup(connection, batch).await?);
        }
        Ok(lookups)
    }
}

/// Looks for groups in one directory.
pub(super) struct GroupFinder<'a> {
    pub(super) profile: &'a DirectoryProfile,
    /// The directory's realm, which stands before its groups' names in pages.
    pub(super) realm: Realm,
    /// Whether the settings' `group_filter` has classes of groups of its own.
    pub(super) has_custom_classes: bool,
}

impl GroupFinder<'_> {
    async fn lookup(&self, connection: &mut LdapConnection, batch: &[GroupRef]) -> Result<Vec<GroupLookup>, OperationFault> {
        let named = self.find_entries(connection, batch).await?;
        let mut lookups = Vec::with_capacity(batch.len());
        for wanted in batch {
            let candidates = match self.own_key(wanted) {
                Some(GroupKey::Dn(dn)) => self.entry_at(connection, dn).await?,
                Some(key) => {
                    let mut entries = named.iter().filter(|entry| self.matches(entry, key)).cloned().collect();
                    leave_out_copies(&mut entries, &self.profile.base_dn);
                    entries
                }
                None => Vec::new(),
            };
            let mut lookup = self.judge_candidates(wanted, &candidates);
            if lookup.is_missing() && lookup.note.is_none() {
                self.resolve_missing(connection, &mut lookup).await?;
            }
            lookups.push(lookup);
        }
        Ok(lookups)
    }

    /// Finds the entries with the names and SIDs of a batch, in one search.
    async fn find_entries(
        &self,
        connection: &mut LdapConnection,
        batch: &[GroupRef],
    ) -> Result<Vec<LdapEntry>, OperationFault> {
        let clauses: Vec<String> = batch.iter().filter_map(|wanted| self.filter_clause(wanted)).collect();
        if clauses.is_empty() {
            return Ok(Vec::new());
        }
        let filter = filter::all(&[self.class_filter(), &filter::any(&clauses)]);
        self.search(connection, &filter, MAX_ENTRIES).await
    }

    /// Looks for similar names where there is no group of that name. A SID of another domain is accepted as it is,
    /// since nobody can look it up here and a token may well hold it.
    async fn resolve_missing(&self, connection: &mut LdapConnection, lookup: &mut GroupLookup) -> Result<(), OperationFault> {
        let (Some(GroupKey::Sid(text)), Some(domain)) = (self.own_key(&lookup.wanted), &self.profile.domain) else {
            match suggestions::suggest(self, connection, &lookup.wanted).await {
                Ok(near) => lookup.suggestions = near,
                // A search in the middle of names may be refused or slow; the lookup stands without it.
                Err(fault) => {
                    tracing::info!(group = %lookup.wanted, reason = fault.reason(), "near misses were not looked for");
                }
            }
            return Ok(());
        };
        let head =
            SearchRequest { base: &domain.dn, scope: Scope::Base, filter: ANY_ENTRY, attributes: &["objectSid"], limit: 1 };
        let found = connection.search(OperationKind::Search, &head).await?;
        let own = found.entries.iter().find_map(LdapEntry::sid);
        let is_own = own.is_some_and(|own| text.starts_with(&format!("{own}-")));
        if text.starts_with(DOMAIN_SID_PREFIX) && !is_own {
            lookup.found.push(Group {
                id: GroupId::new(text.clone()),
                name: text.clone(),
                dn: String::new(),
                shares_name: false,
            });
        }
        Ok(())
    }

    fn filter_clause(&self, wanted: &GroupRef) -> Option<String> {
        match self.own_key(wanted)? {
            GroupKey::Name(name) => Some(filter::equals(self.name_attribute(), name)),
            GroupKey::Sid(text) => {
                self.profile.domain.as_ref()?;
                Some(format!("(objectSid={})", filter::escape_bytes(Sid::parse(text)?.as_bytes())))
            }
            GroupKey::Dn(_) => None,
        }
    }

    async fn entry_at(&self, connection: &mut LdapConnection, dn: &Dn) -> Result<Vec<LdapEntry>, OperationFault> {
        let search =
            SearchRequest { base: dn.as_str(), scope: Scope::Base, filter: ANY_ENTRY, attributes: ATTRIBUTES, limit: 1 };
        match connection.search(OperationKind::Search, &search).await {
            Ok(found) => Ok(found.entries),
            // A referral is another domain's part of the forest, which is not this directory.
            Err(fault)
                if matches!(
                    fault.result_code,
                    Some(
                        result_code::NO_SUCH_OBJECT
                            | result_code::INVALID_DN_SYNTAX
                            | result_code::REFERRAL
                            | result_code::INSUFFICIENT_ACCESS
                    )
                ) =>
            {
                Ok(Vec::new())
            }
            Err(fault) => Err(fault),
        }
    }

    /// Searches the whole directory. Who may not see its head sees no groups.
    pub(super) async fn search(
        &self,
        connection: &mut LdapConnection,
        filter: &str,
        limit: u16,
    ) -> Result<Vec<LdapEntry>, OperationFault> {
        let base = self.profile.domain.as_ref().map_or(self.profile.base_dn.as_str(), |domain| &domain.dn);
        let search = SearchRequest { base, scope: Scope::Subtree, filter, attributes: ATTRIBUTES, limit };
        match connection.search(OperationKind::Search, &search).await {
            Ok(found) => Ok(found.entries),
            Err(fault) if fault.result_code == Some(result_code::NO_SUCH_OBJECT) => Ok(Vec::new()),
            Err(fault) => Err(fault),
        }
    }

    /// The filter for entries that are groups.
    pub(super) fn class_filter(&self) -> &'static str {
        match (&self.profile.domain, self.has_custom_classes) {
            (Some(_), _) => "(objectClass=group)",
            (None, has_custom_classes) => group_classes::filter(has_custom_classes),
        }
    }

    /// The name by which a reference means a group of this directory; `None` when it means another's.
    fn own_key<'r>(&self, wanted: &'r GroupRef) -> Option<&'r GroupKey> {
        (*wanted.realm() == self.realm).then(|| wanted.key())
    }

    /// The attribute with the short names of groups.
    fn name_attribute(&self) -> &'static str {
        if self.profile.domain.is_some() { "sAMAccountName" } else { "cn" }
    }

    fn matches(&self, entry: &LdapEntry, wanted: &GroupKey) -> bool {
        match wanted {
            GroupKey::Name(name) => entry.texts(self.name_attribute()).any(|theirs| is_same_name(theirs, name)),
            GroupKey::Sid(text) => entry.sid().is_some_and(|sid| sid.to_string() == *text),
            GroupKey::Dn(_) => false,
        }
    }

    /// Judges which entries of that name count as groups.
    fn judge_candidates(&self, wanted: &GroupRef, candidates: &[LdapEntry]) -> GroupLookup {
        let counting = candidates.iter().filter(|entry| rejection_reason(entry).is_none());
        let counting: Vec<Group> = counting.map(|entry| self.group_from_entry(entry)).collect();
        let (suggestions, note) = match counting.as_slice() {
            [] => (Vec::new(), candidates.iter().find_map(rejection_reason)),
            [_] => (Vec::new(), None),
            several => (several.iter().map(|group| group.dn.clone()).collect(), Some(SEVERAL)),
        };
        GroupLookup { wanted: wanted.clone(), found: counting, suggestions, note }
    }

    /// The group as a sign-in would know it.
    fn group_from_entry(&self, entry: &LdapEntry) -> Group {
        let sid = self.profile.domain.as_ref().and_then(|_| entry.sid());
        let id = sid.map_or_else(|| entry.normalized_dn(), |sid| sid.to_string());
        Group { id: GroupId::new(id), name: self.group_name(entry).to_owned(), dn: entry.dn.clone(), shares_name: false }
    }

    /// The name that a sign-in gives the group: nothing but its own attribute for names, as whoever makes a group may
    /// write what they like into others.
    pub(super) fn group_name<'e>(&self, entry: &'e LdapEntry) -> &'e str {
        entry.text(self.name_attribute()).unwrap_or(&entry.dn)
    }
}

/// The reason why membership in this entry does not count; `None` when it does.
pub(super) fn rejection_reason(entry: &LdapEntry) -> Option<&'static str> {
    let is = |class: &str| entry.texts("objectClass").any(|theirs| theirs.eq_ignore_ascii_case(class));
    if is("person") || is("organizationalUnit") || is("container") {
        return Some("it is no group");
    }
    is_distribution_list(entry)
        .then_some("it is a distribution list, and only security groups count: change its type in Active Directory")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::directory::connection::{AdDomain, PasswordCapabilities};

    #[test]
    fn only_a_group_that_can_be_in_somebodys_token_counts() {
        let profile = DirectoryProfile {
            base_dn: "DC=x".into(),
            domain: Some(AdDomain { dn: "DC=x".into(), dns_name: "x".into(), configuration_dn: None }),
            password_capabilities: PasswordCapabilities::default(),
        };
        let finder = GroupFinder { profile: &profile, realm: Realm::Default, has_custom_classes: false };
        let judge = |wanted: &str, entries: &[LdapEntry]| finder.judge_candidates(&wanted.parse().unwrap(), entries);
        let typed = |bits: &str| LdapEntry::with("CN=ops,DC=x", &[("sAMAccountName", b"ops"), ("groupType", bits.as_bytes())]);
        let (global, list) = (typed("-2147483646"), typed("2"));
        assert_eq!(judge("ops", &[global]).found[0].name, "ops");
        let lookup = judge("ops", &[list]);
        assert!(lookup.is_missing() && lookup.note.unwrap().contains("distribution list"), "{lookup:?}");
        let person = LdapEntry::with("CN=a,DC=x", &[("objectClass", b"person")]);
        assert_eq!(judge("CN=a,DC=x", &[person]).note, Some("it is no group"));
    }
}
