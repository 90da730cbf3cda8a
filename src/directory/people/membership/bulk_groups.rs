use std::collections::{BTreeSet, HashMap};

use crate::domain::{Group, GroupId, Groups};

/// The groups that somebody is in, as far as the directory tells them in bulk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::directory) enum BulkGroups {
    /// All that can be seen in this way.
    Known(HashMap<GroupId, Group>),
    /// They cannot be told in this way: the directory sent only some of them.
    Unknown,
}

impl BulkGroups {
    /// All of them.
    pub(super) fn known<'g>(groups: impl Iterator<Item = &'g Group>) -> Self {
        Self::Known(groups.map(|group| (group.id.clone(), group.clone())).collect())
    }

    /// The ids, in order.
    pub(in crate::directory) fn ids(&self) -> Option<BTreeSet<&GroupId>> {
        match self {
            Self::Known(groups) => Some(groups.keys().collect()),
            Self::Unknown => None,
        }
    }

    /// Renames the groups in `known` that have another name now.
    pub(in crate::directory) fn with_current_names(&self, known: &Groups) -> Groups {
        let Self::Known(now) = self else { return known.clone() };
        known.iter().map(|group| now.get(&group.id).unwrap_or(group).clone()).collect()
    }
}

/// The names of the groups in a closure that is known, in order.
#[cfg(test)]
pub(super) fn group_names(bulk_groups: &BulkGroups) -> Vec<String> {
    let BulkGroups::Known(groups) = bulk_groups else { panic!("unknown") };
    let mut names: Vec<_> = groups.values().map(|group| group.name.clone()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_group_is_known_by_its_new_name() {
        let group = |id: &str, name: &str| Group {
            id: GroupId::new(id),
            name: name.into(),
            dn: format!("CN={name}"),
            shares_name: false,
        };
        let now = BulkGroups::Known(HashMap::from([(GroupId::new("S-1"), group("S-1", "new"))]));
        let known: Groups = [group("S-1", "old"), group("S-2", "other")].into_iter().collect();
        let renamed = now.with_current_names(&known);
        assert_eq!(renamed.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["new", "other"]);
    }
}
