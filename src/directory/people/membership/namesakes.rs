use std::collections::{BTreeSet, HashMap};

use ldap3::Scope;

use super::group_index::GroupIndex;
use super::halves::Halves;
use super::member_search::MemberSearch;
use super::searcher::MembershipSearcher;
use crate::directory::connection::SearchRequest;
use crate::directory::people::compat_tree::is_in_compat_tree;
use crate::directory::schema::filter;
use crate::domain::{Dn, Group};

/// The most names one search asks for: a filter that any server takes.
const NAMES_PER_SEARCH: usize = 100;

/// The most groups taken from one search. When there are more, the names are asked for in two halves; more than so many of
/// one name are several, whatever the rest are.
const GROUPS_PER_SEARCH: u16 = 1_000;

/// Marks the groups found whose name another group of the directory has too. Nothing but the tree makes names unique
/// outside Active Directory: whoever may write one branch of it can make a group with the name of any other.
///
/// The directory is asked each time. An answer that was kept would let in the maker of a namesake for as long.
///
/// # Errors
/// When a search fails: then nobody knows whether a name is a group's alone.
pub(super) async fn mark_namesakes<S: MembershipSearcher>(
    searcher: &mut S,
    search: &MemberSearch<'_>,
    index: &mut GroupIndex,
) -> Result<(), S::Error> {
    let mut bearers = Bearers::of(index, search.base_dn);
    let names = bearers.names();
    let mut halves = Halves::of(&names, NAMES_PER_SEARCH);
    while let Some(names) = halves.next_batch() {
        let clauses: Vec<String> = names.iter().map(|name| filter::equals("cn", name)).collect();
        let request = SearchRequest {
            base: search.base_dn,
            scope: Scope::Subtree,
            filter: &filter::all(&[search.group_classes(), &filter::any(&clauses)]),
            attributes: &["cn"],
            limit: GROUPS_PER_SEARCH,
        };
        let answer = searcher.run(&request).await?;
        for entry in &answer.entries {
            entry.texts("cn").for_each(|cn| bearers.add(cn, &entry.dn));
        }
        if answer.truncated.is_some() && !halves.split(names) {
            for only in names {
                bearers.mark_common(only);
            }
        }
    }
    for group in bearers.with_namesakes() {
        let Group { name, dn, .. } = &index.groups()[group];
        tracing::info!(name, dn, "another group has this name too: whoever names it by that lets nobody in, its DN would");
        index.mark_shared_name(group);
    }
    Ok(())
}

/// The groups found, and the DNs of all groups that bear their names.
struct Bearers<'i> {
    index: &'i GroupIndex,
    base_dn: &'i str,
    dns_by_name: HashMap<String, BTreeSet<String>>,
}

impl<'i> Bearers<'i> {
    fn of(index: &'i GroupIndex, base_dn: &'i str) -> Self {
        let mut dns_by_name = HashMap::<_, BTreeSet<_>>::new();
        for group in index.groups() {
            dns_by_name.entry(normalized(&group.name)).or_default().insert(normalized_dn(&group.dn));
        }
        Self { index, base_dn, dns_by_name }
    }

    /// The names to ask for.
    fn names(&self) -> Vec<&'i str> {
        self.index.groups().iter().map(|group| group.name.as_str()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Notes that the group with this DN is called `cn`.
    fn add(&mut self, cn: &str, dn: &str) {
        if let Some(dns) = self.dns_by_name.get_mut(&normalized(cn)) {
            dns.insert(normalized_dn(dn));
        }
    }

    /// Notes that there are more groups of this name than a server sends.
    fn mark_common(&mut self, name: &str) {
        self.dns_by_name.entry(normalized(name)).or_default().extend(["one".to_owned(), "another".to_owned()]);
    }

    /// Those among the groups found whose names others have too. A copy in the compatibility tree is no other for what it is a
    /// copy of, which is one for it.
    fn with_namesakes(&self) -> Vec<usize> {
        let is_copy = |dn: &str| is_in_compat_tree(dn, self.base_dn);
        let is_shared = |group: &Group| {
            let Some(dns) = self.dns_by_name.get(&normalized(&group.name)) else { return false };
            let originals = dns.iter().filter(|dn| !is_copy(dn)).count();
            if is_copy(&group.dn) { dns.len() > 1 } else { originals > 1 }
        };
        let named = self.index.groups().iter().enumerate().filter(|(_, group)| is_shared(group));
        named.map(|(at, _)| at).collect()
    }
}

/// The form that all spellings share which a server might take for one name: a name that seems to be shared and is not
/// lets nobody in, one that is shared and does not seem so would let in anybody.
fn normalized(name: &str) -> String {
    name.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn normalized_dn(dn: &str) -> String {
    dn.parse().map_or_else(|_| dn.to_owned(), |dn: Dn| dn.normalized().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shared_however_the_other_one_spells_it_and_a_group_is_no_namesake_of_itself() {
        let mut index = GroupIndex::with_limit(10);
        for (dn, cn) in [("cn=ops,ou=a,dc=x", "ops"), ("cn=Dash Admins,dc=x", "Dash Admins"), ("cn=alone,dc=x", "alone")] {
            index.add(dn, Some(cn));
        }
        let mut bearers = Bearers::of(&index, "dc=x");
        assert_eq!(bearers.names(), ["Dash Admins", "alone", "ops"]);
        for (cn, dn) in
            [("OPS", "CN=ops, OU=b,DC=x"), ("dash  admins ", "cn=y,dc=x"), ("Alone", "CN=alone, DC=x"), ("other", "cn=z,dc=x")]
        {
            bearers.add(cn, dn);
        }
        assert_eq!(bearers.with_namesakes(), [0, 1]);
        bearers.mark_common("alone");
        assert_eq!(bearers.with_namesakes(), [0, 1, 2]);
    }

    #[test]
    fn two_groups_of_one_person_are_namesakes_already() {
        let mut index = GroupIndex::with_limit(10);
        index.add("cn=ops,ou=a,dc=x", Some("ops"));
        index.add("cn=ops,ou=b,dc=x", None);
        assert_eq!(Bearers::of(&index, "dc=x").with_namesakes(), [0, 1]);
    }

    #[test]
    fn a_group_s_copy_in_the_compatibility_tree_takes_nothing_from_it() {
        let mut index = GroupIndex::with_limit(10);
        index.add("cn=ops,cn=groups,cn=accounts,dc=x", Some("ops"));
        index.add("cn=ops,cn=groups,cn=compat,dc=x", Some("ops"));
        index.add("cn=trusted,cn=groups,cn=compat,dc=x", Some("trusted"));
        assert_eq!(Bearers::of(&index, "dc=x").with_namesakes(), [1], "the copy alone is not what the name means");
    }
}
