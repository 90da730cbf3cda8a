use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;

use crate::domain::{Group, GroupId, Groups};

/// The deepest nesting of groups followed: deeper is a mistake in the directory, and every level costs a search.
pub(super) const MAX_NESTING: usize = 32;

/// The most groups of the people in one refresh, all together; beyond it they are read one by one.
pub(super) const MAX_GROUPS: usize = 10_000;

/// The groups that somebody is in, as far as the directory tells them in bulk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BulkGroups {
    /// All that can be seen in this way.
    Known(HashMap<GroupId, Group>),
    /// They cannot be told in this way: the directory sent only some of them.
    Unknown,
}

impl BulkGroups {
    /// The ids, in order.
    pub(super) fn ids(&self) -> Option<BTreeSet<&GroupId>> {
        match self {
            Self::Known(groups) => Some(groups.keys().collect()),
            Self::Unknown => None,
        }
    }

    /// Renames the groups in `known` that have another name now.
    pub(super) fn with_current_names(&self, known: &Groups) -> Groups {
        let Self::Known(now) = self else { return known.clone() };
        known.iter().map(|group| now.get(&group.id).unwrap_or(group).clone()).collect()
    }
}

/// Everything that can be reached from `begin` by `next`, itself included; each is gone through once, so a cycle ends.
pub(super) fn reachable<T: Copy + Eq + Hash>(
    start: impl IntoIterator<Item = T>,
    next: impl Fn(T) -> Vec<T>,
) -> HashSet<T> {
    let mut reached: HashSet<T> = start.into_iter().collect();
    let mut pending: Vec<T> = reached.iter().copied().collect();
    while let Some(at) = pending.pop() {
        pending.extend(next(at).into_iter().filter(|item| reached.insert(*item)));
    }
    reached
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
    fn a_cycle_ends_and_everything_behind_it_is_reached() {
        let next = |at: u32| match at {
            1 => vec![2],
            2 => vec![1, 3],
            3 => vec![4],
            _ => vec![],
        };
        assert_eq!(reachable([1], next), HashSet::from([1, 2, 3, 4]));
        assert_eq!(reachable([3], next), HashSet::from([3, 4]));
    }

    #[test]
    fn a_renamed_group_is_known_by_its_new_name() {
        let group = |id: &str, name: &str| Group { id: GroupId::new(id), name: name.into(), dn: format!("CN={name}") };
        let now = BulkGroups::Known(HashMap::from([(GroupId::new("S-1"), group("S-1", "new"))]));
        let known: Groups = [group("S-1", "old"), group("S-2", "other")].into_iter().collect();
        let renamed = now.with_current_names(&known);
        assert_eq!(renamed.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["new", "other"]);
    }
}
