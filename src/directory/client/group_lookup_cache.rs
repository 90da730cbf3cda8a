use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::{Group, GroupRef, Timestamp};

/// The longest time a lookup is believed: a group that was made a moment ago is found after this at the latest.
const LOOKUP_MAX_AGE: Duration = Duration::from_mins(3);

/// The most lookups kept: more than pages and settings ever name, in a few hundred kilobytes.
const MAX_LOOKUPS: usize = 2_000;

/// The groups that a name in the settings or in a page stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupLookup {
    /// The name as it is written.
    pub wanted: GroupRef,
    /// The groups it names: one, as a rule. None when there is none; several when the name is ambiguous.
    pub found: Vec<Group>,
    /// Suggestions when it is not one: names of similar groups, or the DNs of several that have this name.
    pub suggestions: Vec<String>,
    /// The reason why an entry of that name does not count, or several do not.
    pub note: Option<&'static str>,
}

impl GroupLookup {
    /// Whether there is no such group.
    pub fn is_missing(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether nobody is let in by this name: it has to be that of one group.
    pub fn lets_nobody_in(&self) -> bool {
        self.found.len() != 1
    }
}

/// The group lookups of the last minutes, by the names as they are written.
#[derive(Default)]
pub(in crate::directory) struct GroupLookupCache {
    lookups: Mutex<HashMap<String, (Timestamp, GroupLookup)>>,
}

impl GroupLookupCache {
    pub(in crate::directory) fn get(&self, now: Timestamp, wanted: &GroupRef) -> Option<GroupLookup> {
        let cached = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
        let (looked_up_at, lookup) = cached.get(&wanted.to_string())?;
        (now < *looked_up_at + LOOKUP_MAX_AGE).then(|| lookup.clone())
    }

    pub(in crate::directory) fn insert(&self, now: Timestamp, new: &[GroupLookup]) {
        let mut cached = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.len() + new.len() > MAX_LOOKUPS {
            cached.clear();
        }
        cached.extend(new.iter().map(|lookup| (lookup.wanted.to_string(), (now, lookup.clone()))));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn empty_lookup(name: &str) -> GroupLookup {
        GroupLookup { wanted: name.parse().unwrap(), found: Vec::new(), suggestions: Vec::new(), note: None }
    }

    #[test]
    fn a_finding_is_believed_for_its_time_and_no_longer() {
        let cache = GroupLookupCache::default();
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        cache.insert(at(0), &[empty_lookup("ops")]);
        assert!(cache.get(at(179), &"ops".parse().unwrap()).is_some());
        assert!(cache.get(at(180), &"ops".parse().unwrap()).is_none());
        for n in 0..5_000 {
            cache.insert(at(0), &[empty_lookup(&format!("g{n}"))]);
        }
        assert!(cache.lookups.lock().unwrap().len() <= MAX_LOOKUPS);
    }
}
