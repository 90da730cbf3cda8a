use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use crate::domain::Group;

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
    /// It is their primary group, which lists nobody (`primaryGroupID`, MS-ADTS 3.1.1.4.5.19; `gidNumber`, RFC 2307,
    /// 3).
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

/// The last step of a path to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathStep {
    /// The group lists the person.
    Listed,
    /// It is the person's primary group.
    Primary,
    /// It lists the group with this index.
    Through(usize),
}

/// The shortest paths from a person to groups, by the groups' indices: a breadth-first walk. Each group is expanded
/// once, so a cycle ends.
#[derive(Default)]
pub(super) struct ShortestPaths {
    steps: HashMap<usize, PathStep>,
    queue: VecDeque<usize>,
}

impl ShortestPaths {
    /// Records that a group has been reached; the first path is the shortest.
    pub(super) fn reach(&mut self, group: usize, step: PathStep) {
        if let Entry::Vacant(entry) = self.steps.entry(group) {
            entry.insert(step);
            self.queue.push_back(group);
        }
    }

    /// Expands the groups reached: goes on to the `parents` that they are in.
    pub(super) fn expand(&mut self, parents: impl Fn(usize) -> Vec<usize>) {
        while let Some(group) = self.queue.pop_front() {
            for parent in parents(group) {
                self.reach(parent, PathStep::Through(group));
            }
        }
    }

    /// The groups reached.
    pub(super) fn reached(&self) -> impl Iterator<Item = usize> {
        self.steps.keys().copied()
    }

    /// The path to a group, in the names of those it leads through.
    pub(super) fn path<'g>(&self, group: usize, name: impl Fn(usize) -> &'g str) -> MembershipPath {
        let mut through = Vec::new();
        let mut step = self.steps.get(&group);
        while let Some(PathStep::Through(child)) = step {
            through.push(name(*child).to_owned());
            step = self.steps.get(child);
        }
        through.reverse();
        match step {
            Some(_) if !through.is_empty() => MembershipPath::Nested(through),
            Some(PathStep::Primary) => MembershipPath::Primary,
            Some(_) => MembershipPath::Direct,
            None => MembershipPath::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_path_is_found_and_a_cycle_ends() {
        let names = ["nyc", "ops", "all", "other", "users"];
        let mut paths = ShortestPaths::default();
        paths.reach(0, PathStep::Listed);
        paths.reach(4, PathStep::Primary);
        paths.expand(|group| match group {
            0 => vec![1],
            1 => vec![2],
            2 => vec![0, 1],
            _ => Vec::new(),
        });
        let words: Vec<_> = (0..5).map(|group| paths.path(group, |group| names[group]).in_words()).collect();
        let unknown = MembershipPath::Unknown.in_words();
        let primary = "as their primary group";
        assert_eq!(words, ["directly", "through nyc", "through nyc, then ops", &unknown, primary]);
        assert_eq!(paths.reached().count(), 4);
    }
}
