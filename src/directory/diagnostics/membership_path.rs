use std::collections::{HashMap, VecDeque};

use ldap3::Scope;

use crate::directory::connection::{DirectoryProfile, LdapConnection, OperationFault, OperationKind, SearchRequest};
use crate::directory::schema::{LdapEntry, filter};
use crate::domain::{Dn, Group, Groups};

/// The most groups expanded; the paths to the rest stay unknown. Each costs a search on servers that do not tell its
/// parents with the group itself.
const MAX_EXPANDED: usize = 300;

/// The most groups that one search asks about.
const GROUPS_PER_SEARCH: usize = 25;

/// The most parents taken of one group.
const MAX_PARENTS: u16 = 500;

/// A group that somebody is in, and the path of memberships to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMembership {
    /// The group.
    pub group: Group,
    /// The path to it.
    pub path: MembershipPath,
}

/// The path of memberships from a person to a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MembershipPath {
    /// They are listed in it.
    Direct,
    /// It is their primary group, which lists nobody (`primaryGroupID`, MS-ADTS 3.1.1.4.5.19).
    Primary,
    /// Through these groups: the first has them or is their primary one, each is in the next, the last is in the group.
    Nested(Vec<String>),
    /// It was not found out: another domain's group, or more groups than are expanded.
    Unknown,
}

impl MembershipPath {
    /// `directly`, `through dash-ops-nyc, then dash-all`.
    pub fn in_words(&self) -> String {
        match self {
            Self::Direct => "directly".to_owned(),
            Self::Primary => "as their primary group".to_owned(),
            Self::Nested(groups) => format!("through {}", groups.join(", then ")),
            Self::Unknown => "in a way that this server does not show".to_owned(),
        }
    }
}

/// Finds the shortest path to each group.
pub(super) async fn membership_paths(
    connection: &mut LdapConnection,
    profile: &DirectoryProfile,
    person: &LdapEntry,
    uid: &str,
    groups: &Groups,
) -> Result<Vec<GroupMembership>, OperationFault> {
    let mut walk = MembershipWalk::new(groups);
    if let Some(primary) = primary_group(person, groups) {
        walk.reach(&primary.dn, &MembershipPath::Primary);
    }
    let direct = if profile.domain.is_some() {
        person.texts("memberOf").map(str::to_owned).collect()
    } else {
        groups_listing(connection, profile, &person.dn, uid).await?
    };
    for dn in direct {
        walk.reach(&dn, &MembershipPath::Direct);
    }
    for _ in 0..MAX_EXPANDED.div_ceil(GROUPS_PER_SEARCH) {
        let batch = walk.next_batch();
        if batch.is_empty() {
            break;
        }
        for (child, parents) in parents_of(connection, profile, &batch).await? {
            let path = walk.path_through(&child);
            for parent in &parents {
                walk.reach(parent, &path);
            }
        }
    }
    Ok(walk.memberships(groups))
}

/// A breadth-first walk from a person up to all their groups.
struct MembershipWalk {
    /// The names of the groups to reach, by their DNs in normal form.
    names: HashMap<String, (String, String)>,
    paths: HashMap<String, MembershipPath>,
    queue: VecDeque<String>,
}

impl MembershipWalk {
    fn new(groups: &Groups) -> Self {
        let names =
            groups.iter().filter_map(|group| Some((normalized(&group.dn)?, (group.name.clone(), group.dn.clone()))));
        Self { names: names.collect(), paths: HashMap::new(), queue: VecDeque::new() }
    }

    /// Records that a group has been reached. The first path is the shortest; groups that are not the person's do not
    /// count.
    fn reach(&mut self, dn: &str, path: &MembershipPath) {
        let Some(key) = normalized(dn).filter(|key| self.names.contains_key(key)) else { return };
        if !self.paths.contains_key(&key) {
            self.paths.insert(key.clone(), path.clone());
            self.queue.push_back(key);
        }
    }

    /// The next groups to expand.
    fn next_batch(&mut self) -> Vec<String> {
        let count = self.queue.len().min(GROUPS_PER_SEARCH);
        let dns = self.queue.drain(..count).filter_map(|key| self.names.get(&key).map(|(_, dn)| dn.clone()));
        dns.collect()
    }

    /// The path to the groups that `child` is in.
    fn path_through(&self, child: &str) -> MembershipPath {
        let Some(key) = normalized(child) else { return MembershipPath::Unknown };
        let mut groups = match self.paths.get(&key) {
            Some(MembershipPath::Nested(groups)) => groups.clone(),
            _ => Vec::new(),
        };
        groups.extend(self.names.get(&key).map(|(name, _)| name.clone()));
        MembershipPath::Nested(groups)
    }

    fn memberships(&self, groups: &Groups) -> Vec<GroupMembership> {
        let path = |group: &Group| {
            normalized(&group.dn).and_then(|key| self.paths.get(&key).cloned()).unwrap_or(MembershipPath::Unknown)
        };
        groups.iter().map(|group| GroupMembership { group: group.clone(), path: path(group) }).collect()
    }
}

fn normalized(dn: &str) -> Option<String> {
    dn.parse::<Dn>().ok().map(|dn| dn.normalized().to_owned())
}

/// The primary group: the domain's part of the person's SID, with `primaryGroupID` behind it.
fn primary_group<'g>(person: &LdapEntry, groups: &'g Groups) -> Option<&'g Group> {
    use crate::directory::schema::Sid;
    let own = person.bytes("objectSid").find_map(Sid::from_bytes)?.to_string();
    let sid = format!("{}-{}", own.rsplit_once('-')?.0, person.text("primaryGroupID")?);
    groups.iter().find(|group| group.id.as_str() == sid)
}

/// The groups that each of these groups is in.
async fn parents_of(
    connection: &mut LdapConnection,
    profile: &DirectoryProfile,
    batch: &[String],
) -> Result<Vec<(String, Vec<String>)>, OperationFault> {
    let Some(domain) = &profile.domain else {
        let mut parents = Vec::with_capacity(batch.len());
        for dn in batch {
            parents.push((dn.clone(), groups_listing(connection, profile, dn, dn).await?));
        }
        return Ok(parents);
    };
    let clauses: Vec<String> = batch.iter().map(|dn| filter::equals("distinguishedName", dn)).collect();
    let search = SearchRequest {
        base: &domain.dn,
        scope: Scope::Subtree,
        filter: &filter::any(&clauses),
        attributes: &["memberOf"],
        limit: MAX_PARENTS,
    };
    let found = connection.search(OperationKind::Search, &search).await?;
    let parents = |entry: LdapEntry| (entry.dn.clone(), entry.texts("memberOf").map(str::to_owned).collect());
    Ok(found.entries.into_iter().map(parents).collect())
}

/// The groups that list this member.
async fn groups_listing(
    connection: &mut LdapConnection,
    profile: &DirectoryProfile,
    dn: &str,
    uid: &str,
) -> Result<Vec<String>, OperationFault> {
    let lists = filter::any(&[
        filter::equals("member", dn),
        filter::equals("uniqueMember", dn),
        filter::equals("memberUid", uid),
    ]);
    let search = SearchRequest {
        base: &profile.base_dn,
        scope: Scope::Subtree,
        filter: &lists,
        attributes: &["cn"],
        limit: MAX_PARENTS,
    };
    let found = connection.search(OperationKind::Search, &search).await?;
    Ok(found.entries.into_iter().map(|entry| entry.dn).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::GroupId;

    fn groups() -> Groups {
        let group = |name: &str| Group { id: GroupId::new(name), name: name.into(), dn: format!("CN={name},DC=x") };
        ["nyc", "ops", "all", "other"].map(group).into_iter().collect()
    }

    #[test]
    fn the_shortest_way_is_told_and_a_cycle_ends() {
        let groups = groups();
        let mut walk = MembershipWalk::new(&groups);
        walk.reach("cn=NYC, dc=x", &MembershipPath::Direct);
        walk.reach("CN=stranger,DC=x", &MembershipPath::Direct);
        let parents = [("CN=nyc,DC=x", "CN=ops,DC=x"), ("CN=ops,DC=x", "CN=all,DC=x"), ("CN=all,DC=x", "CN=nyc,DC=x")];
        loop {
            let batch = walk.next_batch();
            if batch.is_empty() {
                break;
            }
            for (child, parent) in parents.iter().filter(|(child, _)| batch.contains(&(*child).to_owned())) {
                let path = walk.path_through(child);
                walk.reach(parent, &path);
            }
        }
        let ways: Vec<_> = walk.memberships(&groups).into_iter().map(|one| one.path.in_words()).collect();
        let untold = MembershipPath::Unknown.in_words();
        assert_eq!(ways, ["directly", "through nyc", "through nyc, then ops", &untold]);
    }

    #[test]
    fn the_primary_group_is_found_by_its_number() {
        let mut sid = vec![1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0];
        sid.extend(1104_u32.to_le_bytes());
        let person = LdapEntry::with("CN=a,DC=x", &[("objectSid", &sid), ("primaryGroupID", b"513")]);
        let group = Group { id: GroupId::new("S-1-5-21-513"), name: "Domain Users".into(), dn: "CN=u,DC=x".into() };
        let groups: Groups = [group].into_iter().collect();
        assert_eq!(primary_group(&person, &groups).unwrap().name, "Domain Users");
    }
}
