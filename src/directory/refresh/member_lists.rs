use std::collections::{HashMap, HashSet};

use super::bulk_groups::{BulkGroups, MAX_GROUPS, MAX_NESTING, reachable};
use super::service_search::{SearchBase, ServiceSearch};
use crate::directory::client::LdapDirectory;
use crate::directory::connection::Unreachable;
use crate::directory::people::MEMBER_FILTER;
use crate::directory::schema::{LdapEntry, filter};
use crate::domain::{Dn, Group, GroupId};

/// The most members whose groups one search asks for: a filter that any server takes.
const MEMBERS_PER_SEARCH: usize = 100;

/// The most groups taken from one search: what servers commonly allow. When there are more, the members are asked
/// about in two halves.
const GROUPS_PER_SEARCH: u16 = 1_000;

/// The number of members above which a group is large, and not sent a second time.
const LARGE_GROUP: usize = 100;

/// The most groups that a search leaves out because they are known, so that its filter does not grow without end.
const MAX_EXCLUDED: usize = 100;

/// A person or group that is looked for in lists of members.
#[derive(Clone, Debug)]
pub(super) struct GroupMember {
    pub(super) dn: String,
    /// The value for `{username}`.
    pub(super) uid: String,
}

/// A comparison in a group filter by which groups list their members: `(member={dn})`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct MemberAssertion {
    attribute: String,
    /// The value, with the placeholders.
    value: String,
}

/// The groups that have been read, with their members.
struct MemberLists {
    assertions: Vec<MemberAssertion>,
    groups: Vec<Group>,
    by_dn: HashMap<Dn, usize>,
    /// The groups that list a value, by assertion and value.
    groups_by_value: HashMap<(usize, String), Vec<usize>>,
    /// Groups that are not sent a second time, as parts of filters.
    excluded: Vec<String>,
    /// Whether some list came in part only.
    is_truncated: bool,
    /// The DNs of members whose groups are more than the server sends at once.
    truncated_members: HashSet<String>,
}

impl LdapDirectory {
    /// Reads the groups of these people on a server that does not compute them: those in `memberOf`, those that list
    /// them, and level by level those that list a group already found. One search for a hundred members.
    ///
    /// # Errors
    /// [`Unreachable`], when a search fails.
    pub(super) async fn bulk_groups_by_lists(
        &self,
        base_dn: &str,
        people: &[(&LdapEntry, GroupMember)],
    ) -> Result<Vec<BulkGroups>, Unreachable> {
        let template = self.settings.group_filter.as_deref().unwrap_or(MEMBER_FILTER);
        let mut lists = MemberLists::new(template);
        for batch in people.chunks(MEMBERS_PER_SEARCH) {
            let members: Vec<GroupMember> = batch.iter().map(|(_, member)| member.clone()).collect();
            self.read_member_lists(base_dn, template, members, &mut lists).await?;
        }
        for dn in people.iter().flat_map(|(person, _)| person.texts("memberOf")) {
            lists.add_dn(dn);
        }
        let (mut expanded, mut levels) = (0, 0);
        while expanded < lists.groups.len() && levels < MAX_NESTING && lists.groups.len() <= MAX_GROUPS {
            // A group's own name must not pass for a uid: its DN, which no uid is, stands in both places.
            let level: Vec<GroupMember> = lists.groups[expanded..].iter().map(as_member).collect();
            expanded = lists.groups.len();
            levels += 1;
            for batch in level.chunks(MEMBERS_PER_SEARCH) {
                self.read_member_lists(base_dn, template, batch.to_vec(), &mut lists).await?;
            }
        }
        let is_complete = expanded == lists.groups.len() && !lists.is_truncated;
        let bulk_groups = |(person, member): &(&LdapEntry, GroupMember)| {
            if is_complete && !lists.truncated_members.contains(&member.dn) {
                lists.bulk_groups_of(person, member)
            } else {
                BulkGroups::Unknown
            }
        };
        Ok(people.iter().map(bulk_groups).collect())
    }

    /// Reads the groups that list any of these members; in halves, when there are too many for one answer.
    async fn read_member_lists(
        &self,
        base_dn: &str,
        template: &str,
        members: Vec<GroupMember>,
        lists: &mut MemberLists,
    ) -> Result<(), Unreachable> {
        let mut to_do = vec![members];
        while let Some(mut members) = to_do.pop() {
            let clauses: Vec<String> =
                members.iter().map(|member| filter::group_by_member(template, &member.dn, &member.uid)).collect();
            let found = self
                .service_search(ServiceSearch {
                    base: SearchBase::Subtree(base_dn.to_owned()),
                    filter: lists.excluding_known(&filter::any(&clauses)),
                    attributes: vec!["cn", "entryUUID", "nsUniqueId"],
                    extra_attributes: lists.assertions.iter().map(|listing| listing.attribute.clone()).collect(),
                    limit: GROUPS_PER_SEARCH,
                })
                .await?;
            for group in &found.entries {
                lists.add(group);
            }
            if found.truncated {
                if let [only] = members.as_slice() {
                    lists.record_truncation(only);
                    continue;
                }
                let half = members.split_off(members.len() / 2);
                to_do.extend([members, half]);
            }
        }
        Ok(())
    }
}

fn as_member(group: &Group) -> GroupMember {
    GroupMember { dn: group.dn.clone(), uid: group.dn.clone() }
}

impl MemberLists {
    fn new(template: &str) -> Self {
        Self {
            assertions: member_assertions(template),
            groups: Vec::new(),
            by_dn: HashMap::new(),
            groups_by_value: HashMap::new(),
            excluded: Vec::new(),
            is_truncated: false,
            truncated_members: HashSet::new(),
        }
    }

    /// Records that a member is in more groups than the server sends at once. A person's groups are then read by
    /// themselves; when it is a group, nobody's can be told in bulk.
    fn record_truncation(&mut self, member: &GroupMember) {
        if member.uid == member.dn {
            self.is_truncated = true;
        } else {
            self.truncated_members.insert(member.dn.clone());
        }
    }

    /// The filter without the large groups that are known already with all their members.
    fn excluding_known(&self, filter: &str) -> String {
        if self.excluded.is_empty() {
            return filter.to_owned();
        }
        filter::all(&[filter, &format!("(!{})", filter::any(&self.excluded))])
    }

    /// Adds a group with its members.
    fn add(&mut self, entry: &LdapEntry) {
        let Some(place) = self.index_of(&entry.dn, entry.text("cn")) else { return };
        let mut members = 0;
        for (at, listing) in self.assertions.iter().enumerate() {
            self.is_truncated |= entry.is_partial(&listing.attribute);
            for value in entry.texts(&listing.attribute) {
                members += 1;
                let groups = self.groups_by_value.entry((at, normalized_value(value))).or_default();
                if !groups.contains(&place) {
                    groups.push(place);
                }
            }
        }
        if members > LARGE_GROUP
            && self.excluded.len() < MAX_EXCLUDED
            && let Some(id) = ["entryUUID", "nsUniqueId"]
                .into_iter()
                .find_map(|attribute| entry.text(attribute).map(|id| filter::equals(attribute, id)))
            && !self.excluded.contains(&id)
        {
            self.excluded.push(id);
        }
    }

    /// Adds a group that is known by its DN alone.
    fn add_dn(&mut self, dn: &str) {
        self.index_of(dn, None);
    }

    fn index_of(&mut self, written: &str, cn: Option<&str>) -> Option<usize> {
        let dn: Dn = written.parse().ok()?;
        if let Some(place) = self.by_dn.get(&dn) {
            if let Some(cn) = cn {
                cn.clone_into(&mut self.groups[*place].name);
            }
            return Some(*place);
        }
        let place = self.groups.len();
        let group =
            Group { id: GroupId::new(dn.normalized()), name: cn.unwrap_or(written).to_owned(), dn: written.to_owned() };
        self.groups.push(group);
        self.by_dn.insert(dn, place);
        Some(place)
    }

    /// The groups that list a member.
    fn groups_listing(&self, member: &GroupMember) -> Vec<usize> {
        let by = |(at, listing): (usize, &MemberAssertion)| {
            self.groups_by_value.get(&(at, normalized_value(&listing.value_for(member))))
        };
        self.assertions.iter().enumerate().filter_map(by).flatten().copied().collect()
    }

    fn bulk_groups_of(&self, person: &LdapEntry, member: &GroupMember) -> BulkGroups {
        let named = person.texts("memberOf").filter_map(|dn| self.by_dn.get(&dn.parse::<Dn>().ok()?).copied());
        let reached = reachable(self.groups_listing(member).into_iter().chain(named), |at| {
            self.groups_listing(&as_member(&self.groups[at]))
        });
        let groups = reached.into_iter().map(|at| &self.groups[at]);
        BulkGroups::Known(groups.map(|group| (group.id.clone(), group.clone())).collect())
    }
}

impl MemberAssertion {
    /// The value by which a group lists this member.
    fn value_for(&self, member: &GroupMember) -> String {
        filter::fill_placeholders(&self.value, &member.dn, &member.uid)
    }
}

/// The member assertions in a group filter: its comparisons with a placeholder.
fn member_assertions(template: &str) -> Vec<MemberAssertion> {
    let comparisons = template.split('(').filter_map(|piece| piece.split(')').next());
    comparisons
        .filter(|comparison| filter::has_placeholder(comparison))
        .filter_map(|comparison| {
            let (attribute, value) = comparison.split_once('=')?;
            // Behind the attribute's name there may be a matching rule (RFC 4515, 3).
            let attribute = attribute.split([':', '~', '<', '>']).next().unwrap_or_default().trim();
            Some(MemberAssertion { attribute: attribute.to_owned(), value: filter::unescape(value) })
        })
        .collect()
}

/// The normalized form of a value: DNs by their meaning, others without regard to case.
fn normalized_value(value: &str) -> String {
    value.parse::<Dn>().map_or_else(|_| value.trim().to_lowercase(), |dn| dn.normalized().to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::directory::refresh::bulk_groups::group_names;

    fn member(dn: &str, uid: &str) -> GroupMember {
        GroupMember { dn: dn.into(), uid: uid.into() }
    }

    #[test]
    fn the_ways_of_listing_are_read_off_the_filter() {
        let of = |template: &str| -> Vec<(String, String)> {
            member_assertions(template).into_iter().map(|listing| (listing.attribute, listing.value)).collect()
        };
        let pair = |attribute: &str, value: &str| (attribute.to_owned(), value.to_owned());
        assert_eq!(
            of(MEMBER_FILTER),
            [pair("member", "{dn}"), pair("uniqueMember", "{dn}"), pair("memberUid", "{username}")]
        );
        assert_eq!(of("(&(objectClass=groupOfNames)(member={dn}))"), [pair("member", "{dn}")]);
        assert_eq!(of("(member:1.2.840.113556.1.4.1941:={dn})"), [pair("member", "{dn}")]);
        assert_eq!(of(r"(owner=uid={username},ou=a\2ab)"), [pair("owner", "uid={username},ou=a*b")]);
    }

    #[test]
    fn every_way_of_being_listed_counts_nested_and_in_a_cycle_and_no_other() {
        let mut lists = MemberLists::new(MEMBER_FILTER);
        let group = |name: &str, attribute: &str, value: &str| {
            LdapEntry::with(&format!("cn={name},dc=x"), &[("cn", name.as_bytes()), (attribute, value.as_bytes())])
        };
        lists.add(&group("direct", "member", "CN=Alice, DC=x"));
        lists.add(&group("unique", "uniqueMember", "cn=alice,dc=x"));
        lists.add(&group("posix", "memberUid", "ALICE"));
        lists.add(&group("above", "member", "cn=direct,dc=x"));
        lists.add(&group("direct", "member", "cn=above,dc=x"));
        lists.add(&group("others", "memberUid", "bob"));
        lists.add(&group("wrongly", "memberUid", "cn=alice,dc=x"));
        lists.add_dn("cn=overlay,dc=x");
        let alice = LdapEntry::with("cn=alice,dc=x", &[("memberOf", b"cn=overlay,dc=x")]);
        let bulk_groups = lists.bulk_groups_of(&alice, &member("cn=alice,dc=x", "alice"));
        assert_eq!(group_names(&bulk_groups), ["above", "cn=overlay,dc=x", "direct", "posix", "unique"]);
    }

    #[test]
    fn a_large_group_is_sent_once() {
        let mut lists = MemberLists::new(MEMBER_FILTER);
        let values: Vec<String> = (0..=LARGE_GROUP).map(|n| format!("cn=p{n},dc=x")).collect();
        let mut attributes: Vec<(&str, &[u8])> = vec![("cn", b"all"), ("entryUUID", b"ab-cd")];
        attributes.extend(values.iter().map(|value| ("member", value.as_bytes())));
        lists.add(&LdapEntry::with("cn=all,dc=x", &attributes));
        assert_eq!(lists.excluding_known("(a=b)"), "(&(a=b)(!(entryUUID=ab-cd)))");
        assert_eq!(lists.groups_listing(&member("cn=p7,dc=x", "p7")), [0], "whom it lists is known all the same");
    }

    #[test]
    fn a_list_that_came_in_part_only_is_known_as_such() {
        let mut lists = MemberLists::new(MEMBER_FILTER);
        lists.add(&LdapEntry::with("cn=all,dc=x", &[("member;range=0-1499", b"cn=a,dc=x")]));
        assert!(lists.is_truncated);
    }
}
