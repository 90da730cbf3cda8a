use std::collections::HashMap;

use crate::domain::{Dn, Group, GroupId};

/// The groups found so far on a server that knows them by their DNs: each once, in the order found.
pub(super) struct GroupIndex {
    groups: Vec<Group>,
    by_dn: HashMap<Dn, usize>,
    max_groups: usize,
    /// The number of groups that [`GroupIndex::take_new`] has returned.
    taken: usize,
}

impl GroupIndex {
    /// An empty index, which takes at most so many groups and leaves out the rest.
    pub(super) fn with_limit(max_groups: usize) -> Self {
        Self { groups: Vec::new(), by_dn: HashMap::new(), max_groups, taken: 0 }
    }

    /// Adds a group, or gives a name to one known only by its DN. Returns its index; `None` for what is no DN, or
    /// beyond the limit.
    pub(super) fn add(&mut self, written: &str, cn: Option<&str>) -> Option<usize> {
        let dn: Dn = written.parse().ok()?;
        if let Some(&index) = self.by_dn.get(&dn) {
            if let Some(cn) = cn {
                cn.clone_into(&mut self.groups[index].name);
            }
            return Some(index);
        }
        let index = self.groups.len();
        if index >= self.max_groups {
            return None;
        }
        let name = cn.map_or_else(|| first_rdn_value(&dn), str::to_owned);
        self.groups.push(Group { id: GroupId::new(dn.normalized()), name, dn: written.to_owned(), shares_name: false });
        self.by_dn.insert(dn, index);
        Some(index)
    }

    /// Takes the indices of the groups added since the last call.
    pub(super) fn take_new(&mut self) -> std::ops::Range<usize> {
        let new = self.taken..self.groups.len();
        self.taken = new.end;
        new
    }

    /// The index of the group with this DN.
    pub(super) fn index_of(&self, dn: &str) -> Option<usize> {
        self.by_dn.get(&dn.parse::<Dn>().ok()?).copied()
    }

    /// Marks a group as one of several with its name.
    pub(super) fn mark_shared_name(&mut self, index: usize) {
        self.groups[index].shares_name = true;
    }

    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }
}

/// The name of a group that is known by its DN alone (`cn=ops,ou=groups` is `ops`). A DN with escapes in it is left
/// whole: a wrong guess would be a group that somebody is not in.
fn first_rdn_value(dn: &Dn) -> String {
    let first = dn.as_str().split(',').next().unwrap_or_default();
    match first.split_once('=') {
        Some((_, value)) if !dn.as_str().contains(['\\', '+']) => value.trim().to_owned(),
        _ => dn.as_str().to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_group_counts_once_however_its_name_is_written() {
        let mut found = GroupIndex::with_limit(10);
        assert_eq!(found.add("cn=Ops, ou=groups,dc=x", None), Some(0));
        assert_eq!(found.add("CN=ops,OU=Groups,DC=X", Some("ops")), Some(0));
        assert_eq!(found.add("no name", None), None);
        assert_eq!((found.take_new(), found.take_new()), (0..1, 1..1));
        let [group] = found.groups() else { panic!("one group") };
        assert_eq!((group.name.as_str(), group.id.as_str()), ("ops", "cn=ops,ou=groups,dc=x"));
        assert_eq!(group.dn, "cn=Ops, ou=groups,dc=x");
    }

    #[test]
    fn a_group_known_by_its_dn_alone_has_its_first_value_as_name() {
        assert_eq!(first_rdn_value(&"cn=ops,dc=x".parse().unwrap()), "ops");
        assert_eq!(first_rdn_value(&r"cn=a\,cn=ops,dc=x".parse().unwrap()), r"cn=a\,cn=ops,dc=x");
    }

    #[test]
    fn the_number_of_groups_has_an_end() {
        let mut found = GroupIndex::with_limit(2_000);
        for n in 0..3_000 {
            found.add(&format!("cn=g{n},dc=x"), None);
        }
        assert_eq!(found.groups().len(), 2_000);
    }
}
