//! The tree of entries, built once from a [`SampleDomain`], with the memberships between them. It never changes.

use std::collections::{HashMap, HashSet, VecDeque};

use super::ids::DemoSid;
use super::sample::SampleAccountId;
use super::schema;
use crate::domain::Dn;

mod build;

pub(super) use build::build_tree;

/// The index of an entry in [`DemoTree::entries`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct EntryId(usize);

/// The naming context an entry is in; a search never crosses from one to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NamingContext {
    /// The domain.
    Domain,
    /// The forest's configuration.
    Configuration,
}

/// An entry with its stored attributes.
#[derive(Debug)]
pub(super) struct DemoEntry {
    pub(super) id: EntryId,
    pub(super) dn: Dn,
    pub(super) parent: Option<Dn>,
    pub(super) context: NamingContext,
    pub(super) account: Option<SampleAccountId>,
    /// The SID of people and groups, of which `tokenGroups` is made.
    sid: Option<DemoSid>,
    is_security_group: bool,
    attributes: Vec<(&'static str, Vec<Vec<u8>>)>,
}

impl DemoEntry {
    /// The stored values of an attribute, by its proper spelling; none when it is absent.
    pub(super) fn values(&self, attribute: &str) -> &[Vec<u8>] {
        self.attributes.iter().find(|(name, _)| *name == attribute).map_or(&[], |(_, values)| values)
    }

    /// The names of the stored attributes.
    pub(super) fn attribute_names(&self) -> impl Iterator<Item = &'static str> {
        self.attributes.iter().map(|(name, _)| *name)
    }

    fn with(mut self, attribute: &'static str, values: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        debug_assert!(schema::attribute(attribute).is_some_and(|(name, _)| name == attribute), "{attribute}");
        let values: Vec<Vec<u8>> = values.into_iter().map(Into::into).filter(|value| !value.is_empty()).collect();
        if !values.is_empty() {
            self.attributes.push((attribute, values));
        }
        self
    }
}

/// All entries, parents before children.
#[derive(Debug)]
pub(super) struct DemoTree {
    pub(super) domain: Dn,
    pub(super) configuration: Dn,
    pub(super) schema: Dn,
    entries: Vec<DemoEntry>,
    by_dn: HashMap<Dn, EntryId>,
    /// For each entry, the groups that list it as a member.
    direct_groups: Vec<Vec<EntryId>>,
    domain_users: EntryId,
}

impl DemoTree {
    pub(super) fn entries(&self) -> impl Iterator<Item = &DemoEntry> {
        self.entries.iter()
    }

    pub(super) fn find(&self, dn: &Dn) -> Option<&DemoEntry> {
        self.by_dn.get(dn).map(|id| &self.entries[id.0])
    }

    /// The entry with this value of `objectGUID` or `objectSid`.
    pub(super) fn find_by_id(&self, attribute: &str, id: &[u8]) -> Option<&DemoEntry> {
        self.entries.iter().find(|entry| entry.values(attribute).iter().any(|value| value == id))
    }

    /// The deepest entry above a name that does not exist.
    pub(super) fn nearest_above(&self, dn: &Dn) -> Option<&DemoEntry> {
        self.entries.iter().rev().find(|entry| dn.is_within(&entry.dn))
    }

    /// Whether `member` is in `group`, directly or through other groups; the primary group does not count
    /// (MS-ADTS 3.1.1.3.4.4.3, `LDAP_MATCHING_RULE_TRANSITIVE_EVAL`).
    pub(super) fn is_member(&self, member: &DemoEntry, group: &DemoEntry) -> bool {
        self.groups_above([member.id]).contains(&group.id)
    }

    /// The SIDs that count when access is judged: all groups, nested, with the primary one; no mailing lists (MS-ADTS
    /// 3.1.1.4.5.19).
    pub(super) fn token_groups(&self, entry: &DemoEntry) -> Vec<Vec<u8>> {
        let primary = entry.account.is_some().then_some(self.domain_users);
        // Nobody is listed as a member of the primary group, so nothing can come twice.
        let groups = self.groups_above([entry.id].into_iter().chain(primary)).into_iter().chain(primary);
        let groups = groups.map(|id| &self.entries[id.0]).filter(|group| group.is_security_group);
        groups.filter_map(|group| group.sid.as_ref()).map(|sid| sid.as_bytes().to_vec()).collect()
    }

    /// The groups above some entries, nearest first. Circles end where they began.
    fn groups_above(&self, from: impl IntoIterator<Item = EntryId>) -> Vec<EntryId> {
        let mut waiting: VecDeque<EntryId> = from.into_iter().collect();
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        while let Some(id) = waiting.pop_front() {
            for &group in &self.direct_groups[id.0] {
                if seen.insert(group) {
                    found.push(group);
                    waiting.push_back(group);
                }
            }
        }
        found
    }
}

/// Escapes a value for a DN (RFC 4514, 2.4).
pub(super) fn escape_rdn(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (at, c) in value.chars().enumerate() {
        let at_the_edge = (c == ' ' && (at == 0 || at == last)) || (c == '#' && at == 0);
        if at_the_edge || matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]
mod tests {
    use std::io;

    use super::*;
    use crate::demo_directory::sample::SampleDomain;
    use crate::domain::Timestamp;

    fn built(sample: &SampleDomain) -> DemoTree {
        build_tree(sample, Timestamp::from_millis(1_795_309_126_976)).unwrap()
    }

    fn named<'a>(tree: &'a DemoTree, account: &str) -> &'a DemoEntry {
        let by_name = |entry: &&DemoEntry| entry.values("sAMAccountName").iter().any(|name| name == account.as_bytes());
        tree.entries().find(by_name).expect(account)
    }

    #[test]
    fn a_restart_keeps_ids() {
        let (one, two) = (built(&SampleDomain::demo()), built(&SampleDomain::demo()));
        for (a, b) in one.entries().zip(two.entries()) {
            assert_eq!(a.dn, b.dn);
            assert_eq!(a.values("objectGUID"), b.values("objectGUID"));
            assert_eq!(a.values("objectSid"), b.values("objectSid"));
        }
        let guids: HashSet<_> = one.entries().map(|entry| entry.values("objectGUID")).collect();
        assert_eq!(guids.len(), one.entries().count(), "two entries share an objectGUID");
    }

    #[test]
    fn a_person_renamed_keeps_their_ids() {
        let mut sample = SampleDomain::demo();
        sample.people[0].common_name = "Alice Smith".to_owned();
        let (before, after) = (built(&SampleDomain::demo()), built(&sample));
        assert_ne!(named(&before, "alice").dn, named(&after, "alice").dn);
        assert_eq!(named(&before, "alice").values("objectGUID"), named(&after, "alice").values("objectGUID"));
    }

    #[test]
    fn nested_groups_count_and_mailing_lists_do_not() {
        let tree = built(&SampleDomain::demo());
        let sid = |name: &str| named(&tree, name).values("objectSid")[0].clone();
        let groups = tree.token_groups(named(&tree, "alice"));
        for name in ["dash-ops-nyc", "dash-ops", "Domain Users", "Users"] {
            assert!(groups.contains(&sid(name)), "{name}");
        }
        assert_eq!(groups.len(), 4, "neither the mailing list nor a sibling group, and nothing twice");
    }

    #[test]
    fn a_circle_of_groups_ends() {
        let mut sample = SampleDomain::demo();
        let nyc = sample.groups.iter_mut().find(|group| group.name == "dash-ops-nyc").unwrap();
        nyc.members.push("dash-ops".to_owned());
        let tree = built(&sample);
        assert!(tree.is_member(named(&tree, "dash-ops"), named(&tree, "dash-ops")));
        assert_eq!(tree.token_groups(named(&tree, "alice")).len(), 4);
    }

    #[test]
    fn a_sample_that_contradicts_itself_is_refused() {
        let mut twice = SampleDomain::demo();
        twice.people[1].username = "ALICE".to_owned();
        let mut stranger = SampleDomain::demo();
        stranger.groups[0].members.push("nobody".to_owned());
        for (sample, word) in [(twice, "ALICE"), (stranger, "nobody")] {
            let error = build_tree(&sample, Timestamp::from_millis(0)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn awkward_names_are_escaped_so_that_they_read_back() {
        let tree = built(&SampleDomain::demo());
        let lobby = named(&tree, "lobby");
        assert_eq!(lobby.values("cn")[0], br"Lobby screen #2 * (NYC\LA)");
        assert!(lobby.dn.as_str().starts_with(r"CN=Lobby screen #2 * (NYC\\LA),OU="), "{}", lobby.dn);
        assert_eq!(escape_rdn("# a "), r"\# a\ ");
    }
}
