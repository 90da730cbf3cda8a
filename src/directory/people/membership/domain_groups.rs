use std::collections::{HashMap, HashSet};

use ldap3::Scope;

use super::bulk_groups::BulkGroups;
use super::halves::Halves;
use super::path::{GroupMembership, MembershipPath, PathStep, ShortestPaths};
use super::searcher::MembershipSearcher;
use super::walk::WalkBounds;
use crate::directory::connection::{AdDomain, SearchRequest};
use crate::directory::schema::{LdapEntry, Sid, filter};
use crate::domain::{Dn, Group, GroupId, Groups};

/// The most groups one search asks for, by DN or SID: a filter that any controller takes.
const GROUPS_PER_SEARCH: usize = 100;

/// The most groups of the people in one refresh, all together; beyond it they are read one by one.
const MAX_GROUPS: usize = 10_000;

/// Whether a group is a distribution list, by `groupType`'s GROUP_TYPE_SECURITY_ENABLED, the sign of a 32-bit integer
/// (MS-ADTS 2.2.12). Such groups grant nothing and are not in `tokenGroups`.
pub(in crate::directory) fn is_distribution_list(group: &LdapEntry) -> bool {
    group.text("groupType").and_then(|bits| bits.parse::<i64>().ok()).is_some_and(|bits| bits >= 0)
}

/// The groups of a domain that have been read, and how they nest.
#[derive(Default)]
pub(super) struct DomainGroups {
    groups: Vec<GroupNode>,
    /// Each group by its DN and by its SID.
    by_key: HashMap<GroupReference, usize>,
    /// Whether groups are missing, since there are too many or they are nested too deep.
    is_incomplete: bool,
    /// The groups whose entry cannot be read, or not whole.
    unread: HashSet<GroupReference>,
}

struct GroupNode {
    group: Group,
    /// The groups that it is in, by DN.
    parents: Vec<GroupReference>,
    /// Whether the server sent all of them.
    is_complete: bool,
}

/// A DN or SID that names a group.
#[derive(Clone, PartialEq, Eq, Hash)]
enum GroupReference {
    Dn(Dn),
    Sid(Sid),
}

impl GroupReference {
    fn filter_clause(&self) -> String {
        match self {
            Self::Dn(dn) => filter::equals("distinguishedName", dn.as_str()),
            Self::Sid(sid) => format!("(objectSid={})", filter::escape_bytes(sid.as_bytes())),
        }
    }
}

/// Reads the groups of these people in Active Directory, from `memberOf` and `primaryGroupID`: theirs, and level by
/// level those of the groups. A handful of searches, however many people there are.
///
/// # Errors
/// When a search fails.
pub(super) async fn read_domain_groups<S: MembershipSearcher>(
    searcher: &mut S,
    domain: &AdDomain,
    people: &[&LdapEntry],
) -> Result<DomainGroups, S::Error> {
    let mut found = DomainGroups::default();
    let (mut asked, mut bounds) = (HashSet::<GroupReference>::new(), WalkBounds::new(MAX_GROUPS));
    let mut level: Vec<GroupReference> = people.iter().flat_map(|person| direct_groups(person)).map(|(key, _)| key).collect();
    level.retain(|key| asked.insert(key.clone()));
    while bounds.admit(&level, found.groups.len()) {
        let before = found.groups.len();
        let mut halves = Halves::of(&level, GROUPS_PER_SEARCH);
        while let Some(batch) = halves.next_batch() {
            let clauses: Vec<String> = batch.iter().map(GroupReference::filter_clause).collect();
            let request = SearchRequest {
                // The groups may be elsewhere than the people: base_dn is where the latter are.
                base: &domain.dn,
                scope: Scope::Subtree,
                filter: &filter::any(&clauses),
                attributes: &["objectSid", "sAMAccountName", "groupType", "memberOf"],
                limit: u16::try_from(batch.len()).unwrap_or(u16::MAX),
            };
            let answer = searcher.run(&request).await?;
            answer.entries.iter().for_each(|entry| found.add(entry));
            if answer.truncated.is_some() && !halves.split(batch) {
                found.unread.extend(batch.iter().cloned());
            }
        }
        level = found.groups[before..].iter().flat_map(|node| node.parents.clone()).collect();
        level.retain(|key| asked.insert(key.clone()));
    }
    Ok(DomainGroups { is_incomplete: !level.is_empty(), ..found })
}

/// The groups that a person is in directly or as their primary group.
fn direct_groups(person: &LdapEntry) -> Vec<(GroupReference, PathStep)> {
    let primary = primary_group_sid(person).map(|sid| (GroupReference::Sid(sid), PathStep::Primary));
    primary.into_iter().chain(member_of(person).map(|key| (key, PathStep::Listed))).collect()
}

fn member_of(entry: &LdapEntry) -> impl Iterator<Item = GroupReference> {
    entry.texts("memberOf").filter_map(|dn| dn.parse().ok().map(GroupReference::Dn))
}

/// The primary group: the domain's part of the person's SID, with `primaryGroupID` behind it.
fn primary_group_sid(person: &LdapEntry) -> Option<Sid> {
    person.sid()?.with_rid(person.text("primaryGroupID")?.parse().ok()?)
}

impl DomainGroups {
    fn add(&mut self, entry: &LdapEntry) {
        let (Some(sid), Ok(dn)) = (entry.sid(), entry.dn.parse::<Dn>()) else { return };
        if is_distribution_list(entry) || self.by_key.contains_key(&GroupReference::Sid(sid.clone())) {
            return;
        }
        let id = GroupId::new(sid.to_string());
        let name = entry.text("sAMAccountName").unwrap_or(id.as_str()).to_owned();
        let group = Group { id, name, dn: entry.dn.clone(), shares_name: false };
        self.by_key.extend([GroupReference::Dn(dn), GroupReference::Sid(sid)].map(|key| (key, self.groups.len())));
        let parents = member_of(entry).collect();
        self.groups.push(GroupNode { group, parents, is_complete: !entry.is_partial("memberOf") });
    }

    /// The shortest paths to a person's groups. Groups that have not been read cannot be seen, or grant nothing.
    fn paths_of(&self, person: &LdapEntry) -> ShortestPaths {
        let mut paths = ShortestPaths::default();
        for (key, step) in direct_groups(person) {
            if let Some(&group) = self.by_key.get(&key) {
                paths.reach(group, step);
            }
        }
        paths.expand(|group| self.groups[group].parents.iter().filter_map(|key| self.by_key.get(key).copied()).collect());
        paths
    }

    /// The groups of a person, as far as they have been read.
    pub(super) fn bulk_groups_of(&self, person: &LdapEntry) -> BulkGroups {
        let paths = self.paths_of(person);
        let is_unread = |key: &GroupReference| self.unread.contains(key);
        let is_group_partial = |group: &GroupNode| !group.is_complete || group.parents.iter().any(is_unread);
        let is_partial = person.is_partial("memberOf")
            || direct_groups(person).iter().any(|(key, _)| is_unread(key))
            || paths.reached().any(|group| is_group_partial(&self.groups[group]));
        if self.is_incomplete || is_partial {
            return BulkGroups::Unknown;
        }
        BulkGroups::known(paths.reached().map(|group| &self.groups[group].group))
    }

    /// The path to each of a person's groups.
    pub(super) fn memberships_of(&self, person: &LdapEntry, groups: &Groups) -> Vec<GroupMembership> {
        let paths = self.paths_of(person);
        let path = |group: &Group| {
            let key = Sid::parse(group.id.as_str()).map(GroupReference::Sid);
            let index = key.and_then(|key| self.by_key.get(&key).copied());
            index.map_or(MembershipPath::Unknown, |index| paths.path(index, |through| &self.groups[through].group.name))
        };
        groups.iter().map(|group| GroupMembership { group: group.clone(), path: path(group) }).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::directory::people::membership::bulk_groups::group_names;

    fn bytes(rid: u8) -> Vec<u8> {
        vec![1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, rid, 0, 0, 0]
    }

    fn group(name: &str, rid: u8, parents: &[&str], more: &[(&str, &[u8])]) -> LdapEntry {
        let sid = bytes(rid);
        let mut attributes: Vec<(&str, &[u8])> = vec![("objectSid", &sid), ("sAMAccountName", name.as_bytes())];
        attributes.extend(parents.iter().map(|parent| ("memberOf", parent.as_bytes())));
        attributes.extend(more);
        LdapEntry::with(&format!("CN={name},DC=x"), &attributes)
    }

    fn person(more: &[(&str, &[u8])]) -> LdapEntry {
        let sid = bytes(100);
        let mut attributes: Vec<(&str, &[u8])> = vec![("objectSid", &sid), ("primaryGroupID", b"5")];
        attributes.extend(more);
        LdapEntry::with("CN=alice,DC=x", &attributes)
    }

    fn graph(groups: &[LdapEntry]) -> DomainGroups {
        let mut graph = DomainGroups::default();
        for group in groups {
            graph.add(group);
        }
        graph
    }

    #[test]
    fn nested_and_primary_groups_are_in_a_closure_and_a_cycle_ends() {
        let graph = graph(&[
            group("users", 5, &["CN=all,DC=x"], &[]),
            group("nyc", 6, &["cn=OPS, dc=x"], &[]),
            group("ops", 7, &["CN=nyc,DC=x"], &[]),
            group("all", 8, &[], &[]),
            group("others", 9, &[], &[]),
        ]);
        let alice = person(&[("memberOf", b"CN=nyc,DC=x")]);
        assert_eq!(group_names(&graph.bulk_groups_of(&alice)), ["all", "nyc", "ops", "users"]);
    }

    #[test]
    fn a_mailing_list_grants_nothing_and_leads_nowhere() {
        let graph = graph(&[
            group("list", 6, &["CN=ops,DC=x"], &[("groupType", b"2")]),
            group("ops", 7, &[], &[("groupType", b"-2147483646")]),
        ]);
        let alice = person(&[("memberOf", b"CN=list,DC=x")]);
        assert!(group_names(&graph.bulk_groups_of(&alice)).is_empty());
    }

    #[test]
    fn memberships_that_came_in_part_only_are_not_taken_for_all() {
        let graph = graph(&[group("ops", 7, &[], &[("memberOf;range=0-1499", b"CN=x,DC=x")])]);
        assert_eq!(graph.bulk_groups_of(&person(&[("memberOf", b"CN=ops,DC=x")])), BulkGroups::Unknown);
        assert_eq!(graph.bulk_groups_of(&person(&[("memberOf;range=0-1499", b"CN=ops,DC=x")])), BulkGroups::Unknown);
    }

    #[test]
    fn a_group_that_cannot_be_read_makes_unknown_the_groups_of_those_alone_who_are_in_it() {
        let mut graph = graph(&[group("inner", 6, &["CN=odd,DC=x"], &[]), group("ops", 7, &[], &[])]);
        graph.unread.insert(GroupReference::Dn("CN=odd,DC=x".parse().unwrap()));
        for direct in ["CN=odd,DC=x", "CN=inner,DC=x"] {
            assert_eq!(graph.bulk_groups_of(&person(&[("memberOf", direct.as_bytes())])), BulkGroups::Unknown, "{direct}");
        }
        assert_eq!(group_names(&graph.bulk_groups_of(&person(&[("memberOf", b"CN=ops,DC=x")]))), ["ops"]);
    }

    #[test]
    fn each_group_is_told_with_the_path_to_it() {
        let graph = graph(&[group("users", 5, &["CN=all,DC=x"], &[]), group("all", 8, &["CN=users,DC=x"], &[])]);
        let held = ["users", "all", "elsewhere"].into_iter().zip(["5", "8", "9"]).map(|(name, rid)| Group {
            id: GroupId::new(format!("S-1-5-21-{rid}")),
            name: name.to_owned(),
            dn: String::new(),
            shares_name: false,
        });
        let memberships = graph.memberships_of(&person(&[]), &held.collect());
        let words: Vec<_> = memberships.iter().map(|one| one.path.in_words()).collect();
        assert_eq!(words, ["as their primary group", "through users", &MembershipPath::Unknown.in_words()]);
    }
}
