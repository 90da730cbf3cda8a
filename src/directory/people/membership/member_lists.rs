use std::collections::{HashMap, HashSet};

use ldap3::Scope;

use super::bulk_groups::BulkGroups;
use super::group_index::GroupIndex;
use super::group_search::{id_clause, search_groups};
use super::halves::Halves;
use super::member_search::{MemberQuery, MemberSearch, MemberValue};
use super::namesakes::mark_namesakes;
use super::path::{PathStep, ShortestPaths};
use super::searcher::MembershipSearcher;
use super::walk::WalkBounds;
use crate::directory::connection::SearchRequest;
use crate::directory::schema::{LdapEntry, filter};

/// The most members whose groups one search asks for: a filter that any server takes.
const MEMBERS_PER_SEARCH: usize = 100;

/// The most groups taken from one search, with all their members. When there are more, or they are too large together, the
/// members are asked about in two halves.
const GROUPS_PER_SEARCH: u16 = 1_000;

/// The most answers of a level that are cut short before its members are asked about one by one: enough to find the one of a
/// hundred who is in groups too large to be read.
const MAX_CUT_SHORT: usize = 8;

/// The most groups of the people in one refresh, all together; beyond it they are read one by one.
const MAX_GROUPS: usize = 10_000;

/// The number of members above which a group is large, and not sent a second time.
const LARGE_GROUP: usize = 100;

/// The most groups that a search leaves out because they are known, so that its filter does not grow without end.
const MAX_EXCLUDED: usize = 100;

/// Reads the groups of these people, each an entry with the value for `{username}`: those in `memberOf`, those that
/// list them, their posix groups, and level by level those that list a group already found. One search for a hundred
/// members.
///
/// # Errors
/// When a search fails.
pub(super) async fn read_member_lists<S: MembershipSearcher>(
    searcher: &mut S,
    search: &MemberSearch<'_>,
    people: &[(&LdapEntry, &str)],
) -> Result<Vec<BulkGroups>, S::Error> {
    let mut lists = MemberLists::new(search);
    for dn in people.iter().flat_map(|(person, _)| person.texts("memberOf")) {
        lists.index.add(dn, None);
    }
    let people: Vec<(&LdapEntry, ListedMember)> =
        people.iter().map(|(person, uid)| (*person, ListedMember::new(search.person_queries(person, uid)))).collect();
    let mut level: Vec<ListedMember> = people.iter().map(|(_, member)| member.clone()).collect();
    let mut bounds = WalkBounds::new(MAX_GROUPS);
    while bounds.admit(&level, lists.index.groups().len()) {
        lists.read_level(searcher, &level).await?;
        level = lists.index.take_new().map(|group| lists.group_member(group)).collect();
    }
    mark_namesakes(searcher, search, &mut lists.index).await?;
    let is_complete = level.is_empty() && !lists.is_truncated;
    let bulk_groups = |(person, member): &(&LdapEntry, ListedMember)| {
        let is_known = is_complete && !lists.truncated_filters.contains(&member.filter);
        if is_known { lists.bulk_groups_of(person, member) } else { BulkGroups::Unknown }
    };
    Ok(people.iter().map(bulk_groups).collect())
}

/// A person or group that is looked for in lists of members.
#[derive(Clone)]
struct ListedMember {
    filter: String,
    values: Vec<MemberValue>,
    is_person: bool,
}

impl ListedMember {
    fn new(queries: Vec<MemberQuery>) -> Self {
        let is_person = queries.iter().all(|query| !matches!(query.step, PathStep::Through(_)));
        let (filters, values): (Vec<String>, Vec<_>) = queries.into_iter().map(|query| (query.filter, query.values)).unzip();
        Self { filter: filter::any(&filters), values: values.concat(), is_person }
    }
}

/// The groups that have been read, with their members.
struct MemberLists<'a> {
    search: &'a MemberSearch<'a>,
    index: GroupIndex,
    groups_by_value: HashMap<MemberValue, Vec<usize>>,
    /// The groups of those members who were asked about alone, by their filter.
    groups_by_filter: HashMap<String, Vec<usize>>,
    /// Groups that are not sent a second time, as parts of filters.
    excluded: Vec<String>,
    /// Whether some of a group's members, or of a group's groups, came in part only.
    is_truncated: bool,
    /// The filters for those people whose groups are more than the server sends at once.
    truncated_filters: HashSet<String>,
}

impl<'a> MemberLists<'a> {
    fn new(search: &'a MemberSearch<'a>) -> Self {
        Self {
            search,
            index: GroupIndex::with_limit(MAX_GROUPS),
            groups_by_value: HashMap::new(),
            groups_by_filter: HashMap::new(),
            excluded: Vec::new(),
            is_truncated: false,
            truncated_filters: HashSet::new(),
        }
    }

    /// Reads the groups that list any of these members.
    async fn read_level<S: MembershipSearcher>(&mut self, searcher: &mut S, level: &[ListedMember]) -> Result<(), S::Error> {
        let attributes: Vec<&str> = ["cn", "entryUUID", "nsUniqueId"].into_iter().chain(self.search.attributes()).collect();
        let (mut halves, mut cut_short) = (Halves::of(level, MEMBERS_PER_SEARCH), 0);
        while let Some(members) = halves.next_batch() {
            if members.len() == 1 || cut_short == MAX_CUT_SHORT {
                for member in members {
                    self.read_alone(searcher, member).await?;
                }
                continue;
            }
            let clauses: Vec<String> = members.iter().map(|member| member.filter.clone()).collect();
            let request = SearchRequest {
                base: self.search.base_dn,
                scope: Scope::Subtree,
                filter: &filter::excluding(&filter::any(&clauses), &self.excluded),
                attributes: &attributes,
                limit: GROUPS_PER_SEARCH,
            };
            let found = searcher.run(&request).await?;
            if found.truncated.is_none() {
                found.entries.iter().for_each(|group| self.add(group));
            } else {
                cut_short += 1;
                halves.split(members);
            }
        }
        Ok(())
    }

    /// Reads the groups that list one member, without the other members of those: whoever is found by the member's filter
    /// lists the member.
    async fn read_alone<S: MembershipSearcher>(&mut self, searcher: &mut S, member: &ListedMember) -> Result<(), S::Error> {
        let found = search_groups(searcher, self.search.base_dn, &member.filter).await?;
        let groups = found.entries.iter().filter_map(|group| self.index.add(&group.dn, group.text("cn"))).collect();
        self.groups_by_filter.insert(member.filter.clone(), groups);
        if found.truncated.is_some() {
            self.record_truncation(member);
        }
        Ok(())
    }

    /// Records that a member is in more groups than the server sends. A person's groups are then read by themselves; when it
    /// is a group, nobody's can be told in bulk.
    fn record_truncation(&mut self, member: &ListedMember) {
        if member.is_person {
            self.truncated_filters.insert(member.filter.clone());
        } else {
            self.is_truncated = true;
        }
    }

    /// Adds a group with its members.
    fn add(&mut self, entry: &LdapEntry) {
        let Some(group) = self.index.add(&entry.dn, entry.text("cn")) else { return };
        self.is_truncated |= self.search.is_partial(entry);
        let values = self.search.values_of(entry);
        let is_large = values.len() > LARGE_GROUP;
        for value in values {
            let groups = self.groups_by_value.entry(value).or_default();
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        let id = id_clause(entry);
        self.excluded.extend(id.filter(|id| is_large && self.excluded.len() < MAX_EXCLUDED && !self.excluded.contains(id)));
    }

    /// The group with this index, as other groups list it.
    fn group_member(&self, group: usize) -> ListedMember {
        ListedMember::new(vec![self.search.group_query(group, &self.index.groups()[group].dn)])
    }

    /// The groups that list a member.
    fn groups_listing(&self, member: &ListedMember) -> Vec<usize> {
        let listed = member.values.iter().filter_map(|value| self.groups_by_value.get(value));
        listed.chain(self.groups_by_filter.get(&member.filter)).flatten().copied().collect()
    }

    fn bulk_groups_of(&self, person: &LdapEntry, member: &ListedMember) -> BulkGroups {
        let named = person.texts("memberOf").filter_map(|dn| self.index.index_of(dn));
        let mut paths = ShortestPaths::default();
        for group in self.groups_listing(member).into_iter().chain(named) {
            paths.reach(group, PathStep::Listed);
        }
        paths.expand(|group| self.groups_listing(&self.group_member(group)));
        BulkGroups::known(paths.reached().map(|group| &self.index.groups()[group]))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::directory::connection::{SearchResult, Truncation};
    use crate::directory::people::membership::bulk_groups::group_names;

    #[test]
    fn every_way_of_being_listed_counts_nested_and_in_a_cycle_and_no_other() {
        let search = MemberSearch::new("dc=x", None);
        let mut lists = MemberLists::new(&search);
        let group = |name: &str, attribute: &str, value: &str| {
            LdapEntry::with(&format!("cn={name},dc=x"), &[("cn", name.as_bytes()), (attribute, value.as_bytes())])
        };
        lists.add(&group("direct", "member", "CN=Alice, DC=x"));
        lists.add(&group("unique", "uniqueMember", "cn=alice,dc=x"));
        lists.add(&group("posix", "memberUid", "ALICE"));
        lists.add(&group("above", "member", "cn=direct,dc=x"));
        lists.add(&group("direct", "member", "cn=above,dc=x"));
        let posix: &[(&str, &[u8])] = &[("cn", b"primary"), ("objectClass", b"posixGroup"), ("gidNumber", b"7")];
        lists.add(&LdapEntry::with("cn=primary,dc=x", posix));
        lists.add(&group("numbered", "gidNumber", "7"));
        lists.add(&group("identified", "uniqueMember", "cn=alice,dc=x#'01'B"));
        lists.add(&group("predecessor", "uniqueMember", "cn=alice,dc=x#'10'B"));
        lists.add(&group("others", "memberUid", "bob"));
        lists.add(&group("by-dn", "memberUid", "cn=alice,dc=x"));
        lists.index.add("cn=overlay,dc=x", None);
        let identity: &[(&str, &[u8])] =
            &[("memberOf", b"cn=overlay,dc=x"), ("gidNumber", b"7"), ("x500UniqueIdentifier", b"'01'B")];
        let alice = LdapEntry::with("cn=alice,dc=x", identity);
        let closure = lists.bulk_groups_of(&alice, &ListedMember::new(search.person_queries(&alice, "alice")));
        assert_eq!(group_names(&closure), ["above", "by-dn", "direct", "identified", "overlay", "posix", "primary", "unique"]);
    }

    #[test]
    fn a_large_group_is_sent_once() {
        let search = MemberSearch::new("dc=x", None);
        let mut lists = MemberLists::new(&search);
        let values: Vec<String> = (0..=LARGE_GROUP).map(|n| format!("cn=p{n},dc=x")).collect();
        let mut attributes: Vec<(&str, &[u8])> = vec![("cn", b"all"), ("entryUUID", b"ab-cd")];
        attributes.extend(values.iter().map(|value| ("member", value.as_bytes())));
        lists.add(&LdapEntry::with("cn=all,dc=x", &attributes));
        assert_eq!(filter::excluding("(a=b)", &lists.excluded), "(&(a=b)(!(entryUUID=ab-cd)))");
        assert_eq!(
            lists.groups_listing(&ListedMember::new(vec![search.group_query(0, "cn=p7,dc=x")])),
            [0],
            "whom it lists is known all the same"
        );
    }

    #[test]
    fn a_list_that_came_in_part_only_is_known_as_such() {
        let search = MemberSearch::new("dc=x", None);
        let mut lists = MemberLists::new(&search);
        lists.add(&LdapEntry::with("cn=all,dc=x", &[("member;range=0-1499", b"cn=a,dc=x")]));
        assert!(lists.is_truncated);
    }

    /// A server with groups of plain DNs, which cuts short what has the lists of the first person's groups in it.
    struct ServerOfLists {
        groups: Vec<LdapEntry>,
        searches: usize,
    }

    impl MembershipSearcher for ServerOfLists {
        type Error = ();

        async fn run(&mut self, request: &SearchRequest<'_>) -> Result<SearchResult, ()> {
            self.searches += 1;
            if request.attributes.contains(&"member") && request.filter.contains("(member=cn=p0,dc=x)") {
                return Ok(SearchResult { entries: Vec::new(), truncated: Some(Truncation::TooLarge) });
            }
            let lists_one =
                |group: &&LdapEntry| group.texts("member").any(|member| request.filter.contains(&format!("(member={member})")));
            Ok(SearchResult { entries: self.groups.iter().filter(lists_one).cloned().collect(), truncated: None })
        }
    }

    #[tokio::test]
    async fn one_whose_groups_are_too_large_is_asked_about_alone_and_everybody_has_their_groups() {
        let group = |name: &str, members: &[&str]| {
            let mut attributes: Vec<(&str, &[u8])> = vec![("cn", name.as_bytes())];
            attributes.extend(members.iter().map(|member| ("member", member.as_bytes())));
            LdapEntry::with(&format!("cn={name},dc=x"), &attributes)
        };
        let groups = vec![
            group("huge", &["cn=p0,dc=x"]),
            group("few", &["cn=p0,dc=x", "cn=p77,dc=x"]),
            group("above", &["cn=huge,dc=x"]),
        ];
        let mut server = ServerOfLists { groups, searches: 0 };
        let people: Vec<LdapEntry> = (0..250).map(|n| LdapEntry::with(&format!("cn=p{n},dc=x"), &[])).collect();
        let listed: Vec<(&LdapEntry, &str)> = people.iter().map(|person| (person, "nobody")).collect();
        let search = MemberSearch::new("dc=x", None);
        let found = read_member_lists(&mut server, &search, &listed).await.unwrap();
        assert_eq!(group_names(&found[0]), ["above", "few", "huge"]);
        assert_eq!(group_names(&found[77]), ["few"]);
        assert!(found[100..].iter().all(|groups| group_names(groups).is_empty()));
        assert!(server.searches < 30, "{} searches", server.searches);
    }
}
