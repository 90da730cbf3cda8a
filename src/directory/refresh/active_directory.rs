use std::collections::{HashMap, HashSet};

use super::bulk_groups::{BulkGroups, MAX_GROUPS, MAX_NESTING, reachable};
use super::service_search::{SearchBase, ServiceSearch, truncated_answer};
use crate::directory::client::LdapDirectory;
use crate::directory::connection::{AdDomain, Unreachable};
use crate::directory::schema::{LdapEntry, Sid, filter};
use crate::domain::{Dn, Group, GroupId, Groups};

/// The most groups one search asks for, by DN or SID: a filter that any controller takes.
const GROUPS_PER_SEARCH: usize = 100;

/// Whether a group is a distribution list, by `groupType`'s GROUP_TYPE_SECURITY_ENABLED, the sign of a 32-bit integer
/// (MS-ADTS 2.2.12). Such groups grant nothing and are not in `tokenGroups`.
fn is_distribution_list(group: &LdapEntry) -> bool {
    group.text("groupType").and_then(|bits| bits.parse::<i64>().ok()).is_some_and(|bits| bits >= 0)
}

/// Whether a group can be seen in `memberOf`, by its SID: of a domain, or built in. Others, such as "Authenticated
/// Users", are no groups that have members.
fn is_domain_or_builtin(id: &GroupId) -> bool {
    id.as_str().starts_with("S-1-5-21-") || id.as_str().starts_with("S-1-5-32-")
}

/// The ids among `groups` that can be compared with groups read in bulk.
pub(super) fn comparable_ids(groups: &Groups) -> HashSet<&GroupId> {
    groups.iter().map(|group| &group.id).filter(|id| is_domain_or_builtin(id)).collect()
}

/// Whether somebody is in a group of another domain than their own. That one's nesting cannot be seen from here.
pub(super) fn has_foreign_groups(person: &LdapEntry, groups: &Groups) -> bool {
    let Some(own) = entry_sid(person).map(|sid| sid.to_string()) else { return true };
    let home = own.rsplit_once('-').map_or("", |(domain, _)| domain);
    groups
        .iter()
        .map(|group| group.id.as_str())
        .any(|id| id.starts_with("S-1-5-21-") && id.rsplit_once('-').is_none_or(|(domain, _)| domain != home))
}

/// The groups of a domain that have been read, and how they nest.
#[derive(Default)]
struct GroupGraph {
    groups: Vec<GroupNode>,
    by_dn: HashMap<Dn, usize>,
    by_sid: HashMap<Sid, usize>,
}

struct GroupNode {
    group: Group,
    /// The groups that it is in, by DN.
    parents: Vec<Dn>,
    /// Whether the server sent all of them.
    is_complete: bool,
}

/// A group that is to be read.
#[derive(Clone, PartialEq, Eq, Hash)]
enum GroupKey {
    Dn(Dn),
    Sid(Sid),
}

impl LdapDirectory {
    /// Reads the groups of these people in Active Directory, from `memberOf` and `primaryGroupID`: theirs, and level by
    /// level those of the groups. A handful of searches, however many people there are.
    ///
    /// # Errors
    /// [`Unreachable`], when a search fails or is cut short.
    pub(super) async fn bulk_groups_in_domain(
        &self,
        domain: &AdDomain,
        people: &[&LdapEntry],
    ) -> Result<Vec<BulkGroups>, Unreachable> {
        let mut graph = GroupGraph::default();
        let mut asked: HashSet<GroupKey> = HashSet::new();
        let mut level: Vec<GroupKey> = people.iter().flat_map(|person| direct_groups(person)).collect();
        for _ in 0..MAX_NESTING {
            level.retain(|wanted| asked.insert(wanted.clone()));
            if level.is_empty() || graph.groups.len() > MAX_GROUPS {
                break;
            }
            let before = graph.groups.len();
            for batch in level.chunks(GROUPS_PER_SEARCH) {
                self.read_group_batch(domain, batch, &mut graph).await?;
            }
            let found = graph.groups[before..].iter();
            level = found.flat_map(|node| node.parents.iter().cloned().map(GroupKey::Dn)).collect();
        }
        let is_complete = level.is_empty() && graph.groups.len() <= MAX_GROUPS;
        Ok(people
            .iter()
            .map(|person| if is_complete { graph.bulk_groups_of(person) } else { BulkGroups::Unknown })
            .collect())
    }

    async fn read_group_batch(
        &self,
        domain: &AdDomain,
        wanted: &[GroupKey],
        graph: &mut GroupGraph,
    ) -> Result<(), Unreachable> {
        let clauses: Vec<String> = wanted.iter().map(GroupKey::filter_clause).collect();
        let found = self
            .service_search(ServiceSearch {
                // The groups may be elsewhere than the people: base_dn is where the latter are.
                base: SearchBase::Subtree(domain.dn.clone()),
                filter: filter::any(&clauses),
                attributes: vec!["objectSid", "sAMAccountName", "cn", "groupType", "memberOf"],
                extra_attributes: Vec::new(),
                limit: u16::try_from(wanted.len()).unwrap_or(u16::MAX),
            })
            .await?;
        if found.truncated {
            return Err(truncated_answer("the groups that were asked for"));
        }
        for entry in &found.entries {
            graph.add(entry);
        }
        Ok(())
    }
}

/// The groups that somebody is in directly.
fn direct_groups(person: &LdapEntry) -> Vec<GroupKey> {
    let named = member_of(person).into_iter().map(GroupKey::Dn);
    named.chain(primary_group_sid(person).map(GroupKey::Sid)).collect()
}

fn member_of(entry: &LdapEntry) -> Vec<Dn> {
    entry.texts("memberOf").filter_map(|dn| dn.parse().ok()).collect()
}

fn primary_group_sid(person: &LdapEntry) -> Option<Sid> {
    entry_sid(person)?.with_rid(person.text("primaryGroupID")?.parse().ok()?)
}

fn entry_sid(entry: &LdapEntry) -> Option<Sid> {
    entry.bytes("objectSid").find_map(Sid::from_bytes)
}

impl GroupKey {
    fn filter_clause(&self) -> String {
        match self {
            Self::Dn(dn) => filter::equals("distinguishedName", dn.as_str()),
            Self::Sid(sid) => format!("(objectSid={})", filter::escape_bytes(sid.as_bytes())),
        }
    }
}

impl GroupGraph {
    fn add(&mut self, entry: &LdapEntry) {
        let (Some(sid), Ok(dn)) = (entry_sid(entry), entry.dn.parse::<Dn>()) else { return };
        if is_distribution_list(entry) || self.by_sid.contains_key(&sid) {
            return;
        }
        let id = GroupId::new(sid.to_string());
        let name = entry.text("sAMAccountName").or_else(|| entry.text("cn")).unwrap_or(id.as_str()).to_owned();
        let group = Group { id, name, dn: entry.dn.clone() };
        self.by_dn.insert(dn, self.groups.len());
        self.by_sid.insert(sid, self.groups.len());
        self.groups.push(GroupNode { group, parents: member_of(entry), is_complete: !entry.is_partial("memberOf") });
    }

    fn index_of(&self, wanted: &GroupKey) -> Option<usize> {
        match wanted {
            GroupKey::Dn(dn) => self.by_dn.get(dn).copied(),
            GroupKey::Sid(sid) => self.by_sid.get(sid).copied(),
        }
    }

    /// The groups of a person in the graph. Those outside it cannot be seen, or grant nothing.
    fn bulk_groups_of(&self, person: &LdapEntry) -> BulkGroups {
        let start = direct_groups(person).into_iter().filter_map(|wanted| self.index_of(&wanted));
        let parents = |at: usize| self.groups[at].parents.iter().filter_map(|dn| self.by_dn.get(dn).copied()).collect();
        let reached = reachable(start, parents);
        if person.is_partial("memberOf") || reached.iter().any(|at| !self.groups[*at].is_complete) {
            return BulkGroups::Unknown;
        }
        let groups = reached.into_iter().map(|at| &self.groups[at].group);
        BulkGroups::Known(groups.map(|group| (group.id.clone(), group.clone())).collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::directory::refresh::bulk_groups::group_names;

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

    fn graph(groups: &[LdapEntry]) -> GroupGraph {
        let mut graph = GroupGraph::default();
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
    fn groups_of_other_domains_are_told_from_ones_own_and_from_well_known_ones() {
        let held = |id: &str| -> Groups {
            [Group { id: GroupId::new(id), name: String::new(), dn: String::new() }].into_iter().collect()
        };
        let alice = person(&[]);
        assert!(
            !has_foreign_groups(&alice, &held("S-1-5-21-513")) && !has_foreign_groups(&alice, &held("S-1-5-32-545"))
        );
        assert!(has_foreign_groups(&alice, &held("S-1-5-21-1-2-3-513")));
        assert!(has_foreign_groups(&LdapEntry::with("CN=a", &[]), &held("S-1-5-32-545")), "nobody knows");
        assert!(comparable_ids(&held("S-1-5-11")).is_empty());
    }
}
