use std::collections::{HashMap, HashSet};

use super::closure::{Closure, DEEPEST_NESTING, MOST_GROUPS, reach};
use super::look::{Look, Within};
use crate::directory::client::LdapDirectory;
use crate::directory::connection::Unreachable;
use crate::directory::people::MEMBER_FILTER;
use crate::directory::schema::{LdapEntry, filter};
use crate::domain::{Dn, Group, GroupId};

/// How many members one search asks the groups of: a filter that any server takes.
const MEMBERS_A_SEARCH: usize = 100;

/// The most groups taken from one search: what servers commonly allow. When there are more, the members are asked
/// about in two halves.
const GROUPS_A_SEARCH: u16 = 1_000;

/// A group with more members than this is not sent a second time.
const LARGE: usize = 100;

/// How many groups a search leaves out because they are known, so that its filter does not grow without end.
const MOST_LEFT_OUT: usize = 100;

/// Who is looked for in lists of members.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) dn: String,
    /// What stands for `{username}`.
    pub(super) uid: String,
}

/// One way in which groups list their members, from a group filter: `(member={dn})`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listing {
    attribute: String,
    /// The value, with the placeholders.
    value: String,
}

/// The groups that have been read, and whom they list.
struct Lists {
    listings: Vec<Listing>,
    groups: Vec<Group>,
    by_name: HashMap<Dn, usize>,
    /// Who is listed where: by the way of listing and the value.
    listed: HashMap<(usize, String), Vec<usize>>,
    /// Groups that are not sent a second time, as parts of filters.
    left_out: Vec<String>,
    /// Whether some list came in part only.
    is_partial: bool,
    /// Those whose groups are more than the server sends at once.
    overfull: HashSet<String>,
}

impl LdapDirectory {
    /// The groups of these people on a server that does not compute them: those in `memberOf`, those that list them,
    /// and level by level those that list a group already found. One search for a hundred members.
    ///
    /// # Errors
    /// [`Unreachable`], when a search fails.
    pub(super) async fn closures_by_lists(
        &self,
        base_dn: &str,
        people: &[(&LdapEntry, Member)],
    ) -> Result<Vec<Closure>, Unreachable> {
        let template = self.settings.group_filter.as_deref().unwrap_or(MEMBER_FILTER);
        let mut lists = Lists::new(template);
        for batch in people.chunks(MEMBERS_A_SEARCH) {
            let members: Vec<Member> = batch.iter().map(|(_, member)| member.clone()).collect();
            self.read_lists(base_dn, template, members, &mut lists).await?;
        }
        for dn in people.iter().flat_map(|(person, _)| person.texts("memberOf")) {
            lists.add_named(dn);
        }
        let (mut climbed, mut levels) = (0, 0);
        while climbed < lists.groups.len() && levels < DEEPEST_NESTING && lists.groups.len() <= MOST_GROUPS {
            // A group's own name must not pass for a uid: its DN, which no uid is, stands in both places.
            let level: Vec<Member> = lists.groups[climbed..].iter().map(as_member).collect();
            climbed = lists.groups.len();
            levels += 1;
            for batch in level.chunks(MEMBERS_A_SEARCH) {
                self.read_lists(base_dn, template, batch.to_vec(), &mut lists).await?;
            }
        }
        let is_complete = climbed == lists.groups.len() && !lists.is_partial;
        let closure = |(person, member): &(&LdapEntry, Member)| {
            if is_complete && !lists.overfull.contains(&member.dn) {
                lists.closure(person, member)
            } else {
                Closure::Unknown
            }
        };
        Ok(people.iter().map(closure).collect())
    }

    /// Reads the groups that list any of these members; in halves, when there are too many for one answer.
    async fn read_lists(
        &self,
        base_dn: &str,
        template: &str,
        members: Vec<Member>,
        lists: &mut Lists,
    ) -> Result<(), Unreachable> {
        let mut to_do = vec![members];
        while let Some(mut members) = to_do.pop() {
            let clauses: Vec<String> =
                members.iter().map(|member| filter::group_by_member(template, &member.dn, &member.uid)).collect();
            let found = self
                .look(Look {
                    within: Within::Below(base_dn.to_owned()),
                    filter: lists.without_known(&filter::any(&clauses)),
                    attributes: vec!["cn", "entryUUID", "nsUniqueId"],
                    further: lists.listings.iter().map(|listing| listing.attribute.clone()).collect(),
                    limit: GROUPS_A_SEARCH,
                })
                .await?;
            for group in &found.entries {
                lists.add(group);
            }
            if found.truncated {
                if let [only] = members.as_slice() {
                    lists.too_many(only);
                    continue;
                }
                let half = members.split_off(members.len() / 2);
                to_do.extend([members, half]);
            }
        }
        Ok(())
    }
}

fn as_member(group: &Group) -> Member {
    Member { dn: group.dn.clone(), uid: group.dn.clone() }
}

impl Lists {
    fn new(template: &str) -> Self {
        Self {
            listings: listings(template),
            groups: Vec::new(),
            by_name: HashMap::new(),
            listed: HashMap::new(),
            left_out: Vec::new(),
            is_partial: false,
            overfull: HashSet::new(),
        }
    }

    /// Notes that a member is in more groups than the server sends at once. A person's groups are then read by
    /// themselves; when it is a group, nobody's can be told in bulk.
    fn too_many(&mut self, member: &Member) {
        if member.uid == member.dn {
            self.is_partial = true;
        } else {
            self.overfull.insert(member.dn.clone());
        }
    }

    /// A filter that does not find the large groups that are known already, all their members with them.
    fn without_known(&self, filter: &str) -> String {
        if self.left_out.is_empty() {
            return filter.to_owned();
        }
        filter::all(&[filter, &format!("(!{})", filter::any(&self.left_out))])
    }

    /// Adds a group with everybody whom it lists.
    fn add(&mut self, entry: &LdapEntry) {
        let Some(place) = self.place_of(&entry.dn, entry.text("cn")) else { return };
        let mut members = 0;
        for (at, listing) in self.listings.iter().enumerate() {
            self.is_partial |= entry.is_partial(&listing.attribute);
            for value in entry.texts(&listing.attribute) {
                members += 1;
                let groups = self.listed.entry((at, key(value))).or_default();
                if !groups.contains(&place) {
                    groups.push(place);
                }
            }
        }
        if members > LARGE
            && self.left_out.len() < MOST_LEFT_OUT
            && let Some(id) = ["entryUUID", "nsUniqueId"]
                .into_iter()
                .find_map(|attribute| entry.text(attribute).map(|id| filter::equals(attribute, id)))
            && !self.left_out.contains(&id)
        {
            self.left_out.push(id);
        }
    }

    /// Adds a group that is known by its name alone.
    fn add_named(&mut self, dn: &str) {
        self.place_of(dn, None);
    }

    fn place_of(&mut self, written: &str, cn: Option<&str>) -> Option<usize> {
        let dn: Dn = written.parse().ok()?;
        if let Some(place) = self.by_name.get(&dn) {
            if let Some(cn) = cn {
                cn.clone_into(&mut self.groups[*place].name);
            }
            return Some(*place);
        }
        let place = self.groups.len();
        let group =
            Group { id: GroupId::new(dn.normalized()), name: cn.unwrap_or(written).to_owned(), dn: written.to_owned() };
        self.groups.push(group);
        self.by_name.insert(dn, place);
        Some(place)
    }

    /// The groups that list a member.
    fn of(&self, member: &Member) -> Vec<usize> {
        let by = |(at, listing): (usize, &Listing)| self.listed.get(&(at, key(&listing.value_for(member))));
        self.listings.iter().enumerate().filter_map(by).flatten().copied().collect()
    }

    fn closure(&self, person: &LdapEntry, member: &Member) -> Closure {
        let named = person.texts("memberOf").filter_map(|dn| self.by_name.get(&dn.parse::<Dn>().ok()?).copied());
        let reached = reach(self.of(member).into_iter().chain(named), |at| self.of(&as_member(&self.groups[at])));
        let groups = reached.into_iter().map(|at| &self.groups[at]);
        Closure::Known(groups.map(|group| (group.id.clone(), group.clone())).collect())
    }
}

impl Listing {
    /// The value by which a group lists this member.
    fn value_for(&self, member: &Member) -> String {
        filter::fill_placeholders(&self.value, &member.dn, &member.uid)
    }
}

/// The ways of listing members that a group filter knows: the comparisons that a placeholder stands in.
fn listings(template: &str) -> Vec<Listing> {
    let comparisons = template.split('(').filter_map(|piece| piece.split(')').next());
    comparisons
        .filter(|comparison| filter::has_placeholder(comparison))
        .filter_map(|comparison| {
            let (attribute, value) = comparison.split_once('=')?;
            // Behind the attribute's name there may be a matching rule (RFC 4515, 3).
            let attribute = attribute.split([':', '~', '<', '>']).next().unwrap_or_default().trim();
            Some(Listing { attribute: attribute.to_owned(), value: filter::unescape(value) })
        })
        .collect()
}

/// The one form of a value, however it is written: names of entries by their meaning, others without regard to case.
fn key(value: &str) -> String {
    value.parse::<Dn>().map_or_else(|_| value.trim().to_lowercase(), |dn| dn.normalized().to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::directory::refresh::closure::names_in;

    fn member(dn: &str, uid: &str) -> Member {
        Member { dn: dn.into(), uid: uid.into() }
    }

    #[test]
    fn the_ways_of_listing_are_read_off_the_filter() {
        let of = |template: &str| -> Vec<(String, String)> {
            listings(template).into_iter().map(|listing| (listing.attribute, listing.value)).collect()
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
        let mut lists = Lists::new(MEMBER_FILTER);
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
        lists.add_named("cn=overlay,dc=x");
        let alice = LdapEntry::with("cn=alice,dc=x", &[("memberOf", b"cn=overlay,dc=x")]);
        let closure = lists.closure(&alice, &member("cn=alice,dc=x", "alice"));
        assert_eq!(names_in(&closure), ["above", "cn=overlay,dc=x", "direct", "posix", "unique"]);
    }

    #[test]
    fn a_large_group_is_sent_once() {
        let mut lists = Lists::new(MEMBER_FILTER);
        let values: Vec<String> = (0..=LARGE).map(|n| format!("cn=p{n},dc=x")).collect();
        let mut attributes: Vec<(&str, &[u8])> = vec![("cn", b"all"), ("entryUUID", b"ab-cd")];
        attributes.extend(values.iter().map(|value| ("member", value.as_bytes())));
        lists.add(&LdapEntry::with("cn=all,dc=x", &attributes));
        assert_eq!(lists.without_known("(a=b)"), "(&(a=b)(!(entryUUID=ab-cd)))");
        assert_eq!(lists.of(&member("cn=p7,dc=x", "p7")), [0], "whom it lists is known all the same");
    }

    #[test]
    fn a_list_that_came_in_part_only_is_known_as_such() {
        let mut lists = Lists::new(MEMBER_FILTER);
        lists.add(&LdapEntry::with("cn=all,dc=x", &[("member;range=0-1499", b"cn=a,dc=x")]));
        assert!(lists.is_partial);
    }
}
