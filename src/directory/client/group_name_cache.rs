use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::directory::schema::Sid;
use crate::domain::{Group, Timestamp};

/// The longest time a group's name is believed: a renamed group answers to its new name after this.
const NAME_MAX_AGE: Duration = Duration::from_mins(10);

/// The most names kept: more groups than people are ever in at once, in a few megabytes.
const MAX_NAMES: usize = 10_000;

/// Groups' names and DNs by SID, as last read, so that a sign-in asks only for groups nobody had before.
#[derive(Default)]
pub(in crate::directory) struct GroupNameCache {
    groups: Mutex<HashMap<Sid, CachedGroup>>,
}

struct CachedGroup {
    group: Group,
    read_at: Timestamp,
}

impl GroupNameCache {
    pub(in crate::directory) fn get_fresh(&self, now: Timestamp, sids: &[Sid]) -> HashMap<Sid, Group> {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh =
            |sid: &Sid| groups.get(sid).filter(|found| found.is_fresh(now)).map(|found| (sid.clone(), found.group.clone()));
        sids.iter().filter_map(fresh).collect()
    }

    pub(in crate::directory) fn insert(&self, now: Timestamp, found: &[(Sid, Group)]) {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if groups.len() + found.len() > MAX_NAMES {
            groups.retain(|_, found| found.is_fresh(now));
        }
        if groups.len() + found.len() > MAX_NAMES {
            // All of it is fresh, and all of it can be asked for again.
            groups.clear();
        }
        groups.extend(found.iter().map(|(sid, group)| (sid.clone(), CachedGroup { group: group.clone(), read_at: now })));
    }
}

impl CachedGroup {
    fn is_fresh(&self, now: Timestamp) -> bool {
        now < self.read_at + NAME_MAX_AGE
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::GroupId;

    fn sid(rid: u32) -> Sid {
        let mut bytes = vec![1, 1, 0, 0, 0, 0, 0, 5];
        bytes.extend(rid.to_le_bytes());
        Sid::from_bytes(&bytes).unwrap()
    }

    fn nameless(sid: &Sid) -> Group {
        Group { id: GroupId::new(sid.to_string()), name: sid.to_string(), dn: String::new(), shares_name: false }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn a_name_is_believed_for_its_time_and_no_longer() {
        let names = GroupNameCache::default();
        names.insert(at(0), &[(sid(1), nameless(&sid(1)))]);
        assert_eq!(names.get_fresh(at(599), &[sid(1), sid(2)]).len(), 1);
        assert_eq!(names.get_fresh(at(600), &[sid(1)]).len(), 0);
    }

    #[test]
    fn the_kept_names_do_not_grow_without_end() {
        let names = GroupNameCache::default();
        for rid in 0..30_000 {
            names.insert(at(0), &[(sid(rid), nameless(&sid(rid)))]);
        }
        assert!(names.groups.lock().unwrap().len() <= MAX_NAMES);
        assert_eq!(names.get_fresh(at(0), &[sid(29_999)]).len(), 1);
    }
}
