use std::collections::{HashMap, HashSet};

use super::closure::{Closure, DEEPEST_NESTING, MOST_GROUPS, reach};
use super::look::{Look, Within, cut_short};
use crate::directory::client::LdapDirectory;
use crate::directory::connection::{AdDomain, Unreachable};
use crate::directory::schema::{LdapEntry, Sid, filter};
use crate::domain::{Dn, Group, GroupId, Groups};

/// How many groups one search asks for, by their names or SIDs: a filter that any controller takes.
const GROUPS_A_SEARCH: usize = 100;

/// `groupType`'s GROUP_TYPE_SECURITY_ENABLED, the sign of a 32-bit integer (MS-ADTS 2.2.12). Other groups grant
/// nothing and are not in `tokenGroups`.
fn is_mailing_list(group: &LdapEntry) -> bool {
    group.text("groupType").and_then(|bits| bits.parse::<i64>().ok()).is_some_and(|bits| bits >= 0)
}

/// The SIDs that can be seen in `memberOf`: of domains, and built-in ones. Others, such as "Authenticated Users", are
/// no groups that have members.
fn is_of_a_domain(id: &GroupId) -> bool {
    id.as_str().starts_with("S-1-5-21-") || id.as_str().starts_with("S-1-5-32-")
}

/// The groups among `groups` that tell of changes when they are read in bulk.
pub(super) fn comparable(groups: &Groups) -> HashSet<&GroupId> {
    groups.iter().map(|group| &group.id).filter(|id| is_of_a_domain(id)).collect()
}

/// Whether somebody is in a group of another domain than their own. That one's nesting cannot be seen from here.
pub(super) fn reaches_abroad(person: &LdapEntry, groups: &Groups) -> bool {
    let Some(own) = sid(person).map(|sid| sid.to_string()) else { return true };
    let home = own.rsplit_once('-').map_or("", |(domain, _)| domain);
    groups
        .iter()
        .map(|group| group.id.as_str())
        .any(|id| id.starts_with("S-1-5-21-") && id.rsplit_once('-').is_none_or(|(domain, _)| domain != home))
}

/// The groups of a domain that have been read, and how they nest.
#[derive(Default)]
struct Graph {
    groups: Vec<Node>,
    by_name: HashMap<Dn, usize>,
    by_sid: HashMap<Sid, usize>,
}

struct Node {
    group: Group,
    /// The groups that it is in, by name.
    parents: Vec<Dn>,
    /// Whether the server sent all of them.
    is_whole: bool,
}

/// A group that is to be read.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Wanted {
    Named(Dn),
    Numbered(Sid),
}

impl LdapDirectory {
    /// The groups of these people in Active Directory, from `memberOf` and `primaryGroupID`: theirs, and level by level
    /// those of the groups. A handful of searches, however many people there are.
    ///
    /// # Errors
    /// [`Unreachable`], when a search fails or is cut short.
    pub(super) async fn closures_in_domain(
        &self,
        domain: &AdDomain,
        people: &[&LdapEntry],
    ) -> Result<Vec<Closure>, Unreachable> {
        let mut graph = Graph::default();
        let mut asked: HashSet<Wanted> = HashSet::new();
        let mut level: Vec<Wanted> = people.iter().flat_map(|person| begins(person)).collect();
        for _ in 0..DEEPEST_NESTING {
            level.retain(|wanted| asked.insert(wanted.clone()));
            if level.is_empty() || graph.groups.len() > MOST_GROUPS {
                break;
            }
            let before = graph.groups.len();
            for batch in level.chunks(GROUPS_A_SEARCH) {
                self.read_group_batch(domain, batch, &mut graph).await?;
            }
            let found = graph.groups[before..].iter();
            level = found.flat_map(|node| node.parents.iter().cloned().map(Wanted::Named)).collect();
        }
        let is_complete = level.is_empty() && graph.groups.len() <= MOST_GROUPS;
        Ok(people.iter().map(|person| if is_complete { graph.closure(person) } else { Closure::Unknown }).collect())
    }

    async fn read_group_batch(
        &self,
        domain: &AdDomain,
        wanted: &[Wanted],
        graph: &mut Graph,
    ) -> Result<(), Unreachable> {
        let clauses: Vec<String> = wanted.iter().map(Wanted::clause).collect();
        let found = self
            .look(Look {
                // The groups may be elsewhere than the people: base_dn is where the latter are.
                within: Within::Below(domain.dn.clone()),
                filter: filter::any(&clauses),
                attributes: vec!["objectSid", "sAMAccountName", "cn", "groupType", "memberOf"],
                further: Vec::new(),
                limit: u16::try_from(wanted.len()).unwrap_or(u16::MAX),
            })
            .await?;
        if found.truncated {
            return Err(cut_short("the groups that were asked for"));
        }
        for entry in &found.entries {
            graph.add(entry);
        }
        Ok(())
    }
}

/// The groups that somebody is in directly.
fn begins(person: &LdapEntry) -> Vec<Wanted> {
    let named = names(person).into_iter().map(Wanted::Named);
    named.chain(primary_group(person).map(Wanted::Numbered)).collect()
}

fn names(entry: &LdapEntry) -> Vec<Dn> {
    entry.texts("memberOf").filter_map(|dn| dn.parse().ok()).collect()
}

fn primary_group(person: &LdapEntry) -> Option<Sid> {
    sid(person)?.with_rid(person.text("primaryGroupID")?.parse().ok()?)
}

fn sid(entry: &LdapEntry) -> Option<Sid> {
    entry.bytes("objectSid").find_map(Sid::from_bytes)
}

impl Wanted {
    fn clause(&self) -> String {
        match self {
            Self::Named(dn) => filter::equals("distinguishedName", dn.as_str()),
            Self::Numbered(sid) => format!("(objectSid={})", filter::escape_bytes(sid.as_bytes())),
        }
    }
}

impl Graph {
    fn add(&mut self, entry: &LdapEntry) {
        let (Some(sid), Ok(dn)) = (sid(entry), entry.dn.parse::<Dn>()) else { return };
        if is_mailing_list(entry) || self.by_sid.contains_key(&sid) {
            return;
        }
        let id = GroupId::new(sid.to_string());
        let name = entry.text("sAMAccountName").or_else(|| entry.text("cn")).unwrap_or(id.as_str()).to_owned();
        let group = Group { id, name, dn: entry.dn.clone() };
        self.by_name.insert(dn, self.groups.len());
        self.by_sid.insert(sid, self.groups.len());
        self.groups.push(Node { group, parents: names(entry), is_whole: !entry.is_partial("memberOf") });
    }

    fn place(&self, wanted: &Wanted) -> Option<usize> {
        match wanted {
            Wanted::Named(dn) => self.by_name.get(dn).copied(),
            Wanted::Numbered(sid) => self.by_sid.get(sid).copied(),
        }
    }

    /// What is not in the graph is no group that can be seen, or none that grants anything.
    fn closure(&self, person: &LdapEntry) -> Closure {
        let begin = begins(person).into_iter().filter_map(|wanted| self.place(&wanted));
        let parents =
            |at: usize| self.groups[at].parents.iter().filter_map(|dn| self.by_name.get(dn).copied()).collect();
        let reached = reach(begin, parents);
        if person.is_partial("memberOf") || reached.iter().any(|at| !self.groups[*at].is_whole) {
            return Closure::Unknown;
        }
        let groups = reached.into_iter().map(|at| &self.groups[at].group);
        Closure::Known(groups.map(|group| (group.id.clone(), group.clone())).collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::directory::refresh::closure::names_in;

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

    fn graph(groups: &[LdapEntry]) -> Graph {
        let mut graph = Graph::default();
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
        assert_eq!(names_in(&graph.closure(&alice)), ["all", "nyc", "ops", "users"]);
    }

    #[test]
    fn a_mailing_list_grants_nothing_and_leads_nowhere() {
        let graph = graph(&[
            group("list", 6, &["CN=ops,DC=x"], &[("groupType", b"2")]),
            group("ops", 7, &[], &[("groupType", b"-2147483646")]),
        ]);
        let alice = person(&[("memberOf", b"CN=list,DC=x")]);
        assert!(names_in(&graph.closure(&alice)).is_empty());
    }

    #[test]
    fn memberships_that_came_in_part_only_are_not_taken_for_all() {
        let graph = graph(&[group("ops", 7, &[], &[("memberOf;range=0-1499", b"CN=x,DC=x")])]);
        assert_eq!(graph.closure(&person(&[("memberOf", b"CN=ops,DC=x")])), Closure::Unknown);
        assert_eq!(graph.closure(&person(&[("memberOf;range=0-1499", b"CN=ops,DC=x")])), Closure::Unknown);
    }

    #[test]
    fn groups_of_other_domains_are_told_from_ones_own_and_from_well_known_ones() {
        let held = |id: &str| -> Groups {
            [Group { id: GroupId::new(id), name: String::new(), dn: String::new() }].into_iter().collect()
        };
        let alice = person(&[]);
        assert!(!reaches_abroad(&alice, &held("S-1-5-21-513")) && !reaches_abroad(&alice, &held("S-1-5-32-545")));
        assert!(reaches_abroad(&alice, &held("S-1-5-21-1-2-3-513")));
        assert!(reaches_abroad(&LdapEntry::with("CN=a", &[]), &held("S-1-5-32-545")), "nobody knows");
        assert!(comparable(&held("S-1-5-11")).is_empty());
    }
}
