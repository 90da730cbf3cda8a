use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};

use crate::domain::{GroupId, Groups, PersonId};

/// The most people remembered, more than are ever signed in at once; forgetting all of them costs a search each.
const MAX_PEOPLE: usize = 50_000;

/// People whose groups read in bulk differ from their groups read one by one, though both are right: in well-known
/// groups, in groups that the account which searches may not see. The bulk groups seen when the groups were last read
/// one by one stand for them until either changes; otherwise such a person would be read anew in every refresh.
#[derive(Default)]
pub(in crate::directory) struct MembershipCache {
    /// A hash of both sets by person, which is enough to recognise them.
    fingerprints: Mutex<HashMap<PersonId, u64>>,
}

impl MembershipCache {
    /// Whether `bulk` was seen when the person's groups were last read one by one and came to be `groups`.
    pub(in crate::directory) fn is_unchanged(&self, person: &PersonId, bulk: &BTreeSet<&GroupId>, groups: &Groups) -> bool {
        self.fingerprints.lock().unwrap_or_else(PoisonError::into_inner).get(person) == Some(&fingerprint(bulk, groups))
    }

    /// Records the bulk groups seen at the time when the person's groups were read one by one.
    pub(in crate::directory) fn record(&self, person: &PersonId, bulk: &BTreeSet<&GroupId>, groups: &Groups) {
        let mut fingerprints = self.fingerprints.lock().unwrap_or_else(PoisonError::into_inner);
        if fingerprints.len() >= MAX_PEOPLE {
            fingerprints.clear();
        }
        fingerprints.insert(person.clone(), fingerprint(bulk, groups));
    }
}

fn fingerprint(bulk: &BTreeSet<&GroupId>, groups: &Groups) -> u64 {
    let mut hasher = DefaultHasher::new();
    // A set is hashed with its size, so that no group can pass from the one into the other.
    bulk.hash(&mut hasher);
    groups.iter().map(|group| &group.id).collect::<BTreeSet<_>>().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Group;

    #[test]
    fn a_difference_stands_until_either_way_says_something_else() {
        let id = |id: &str| GroupId::new(id);
        let groups = |ids: &[&str]| -> Groups {
            ids.iter()
                .map(|id| Group { id: GroupId::new(*id), name: String::new(), dn: String::new(), shares_name: false })
                .collect()
        };
        let (a, b, alice) = (id("a"), id("b"), PersonId::new("alice"));
        let cache = MembershipCache::default();
        let seen = BTreeSet::from([&a]);
        assert!(!cache.is_unchanged(&alice, &seen, &groups(&["a", "b"])));
        cache.record(&alice, &seen, &groups(&["a", "b"]));
        assert!(cache.is_unchanged(&alice, &seen, &groups(&["b", "a"])));
        assert!(!cache.is_unchanged(&alice, &BTreeSet::from([&a, &b]), &groups(&["a", "b"])), "seen otherwise");
        assert!(!cache.is_unchanged(&alice, &seen, &groups(&["a"])), "read otherwise");
        assert!(!cache.is_unchanged(&PersonId::new("bob"), &seen, &groups(&["a", "b"])));
    }
}
