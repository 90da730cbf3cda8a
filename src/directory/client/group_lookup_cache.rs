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
    /// Names of similar groups, when there is none.
    pub suggestions: Vec<String>,
    /// The reason why an entry of that name does not count, when there is one.
    pub note: Option<&'static str>,
}

impl GroupLookup {
    /// Whether nobody can be let in by this name.
    pub fn is_missing(&self) -> bool {
        self.found.is_empty()
    }
}

/// The group lookups of the last minutes, by the names as they are written.
#[derive(Default)]
pub(in crate::directory) struct GroupLookupCache {
    lookups: Mutex<HashMap<String, (Timestamp, GroupLookup)>>,
}

impl GroupLookupCache {
    pub(in crate::directory) fn get(&self, now: Timestamp, wanted: &GroupRef) -> Option<GroupLookup> {
        let kept = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
        let (found, finding) = kept.get(&wanted.to_string())?;
        (now < *found + LOOKUP_MAX_AGE).then(|| finding.clone())
    }

    pub(in crate::directory) fn insert(&self, now: Timestamp, findings: &[GroupLookup]) {
        let mut kept = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() + findings.len() > MAX_LOOKUPS {
            kept.clear();
        }
        kept.extend(findings.iter().map(|finding| (finding.wanted.to_string(), (now, finding.clone()))));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn finding(name: &str) -> GroupLookup {
        GroupLookup { wanted: GroupRef::parse(name), found: Vec::new(), suggestions: Vec::new(), note: None }
    }

    #[test]
    fn a_finding_is_believed_for_its_time_and_no_longer() {
        let kept = GroupLookupCache::default();
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        kept.insert(at(0), &[finding("ops")]);
        assert!(kept.get(at(179), &GroupRef::parse("ops")).is_some());
        assert!(kept.get(at(180), &GroupRef::parse("ops")).is_none());
        for n in 0..5_000 {
            kept.insert(at(0), &[finding(&format!("g{n}"))]);
        }
        assert!(kept.lookups.lock().unwrap().len() <= MAX_LOOKUPS);
    }
}
