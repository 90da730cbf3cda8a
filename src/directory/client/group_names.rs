use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::directory::schema::Sid;
use crate::domain::{Group, Timestamp};

/// How long a group's name is believed: a renamed group answers to its new name after this.
const NAME_AGE: Duration = Duration::from_mins(10);

/// How many names are kept: more groups than people are ever in at once, in a few megabytes.
const MOST_NAMES: usize = 10_000;

/// A group's name and DN by its SID, as last read, so that a sign-in asks only for groups nobody had before.
#[derive(Default)]
pub(in crate::directory) struct GroupNames {
    kept: Mutex<HashMap<Sid, Named>>,
}

struct Named {
    group: Group,
    read: Timestamp,
}

impl GroupNames {
    pub(in crate::directory) fn known(&self, now: Timestamp, sids: &[Sid]) -> HashMap<Sid, Group> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |sid: &Sid| {
            kept.get(sid).filter(|named| named.is_fresh(now)).map(|named| (sid.clone(), named.group.clone()))
        };
        sids.iter().filter_map(fresh).collect()
    }

    pub(in crate::directory) fn keep(&self, now: Timestamp, named: &[(Sid, Group)]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() + named.len() > MOST_NAMES {
            kept.retain(|_, named| named.is_fresh(now));
        }
        if kept.len() + named.len() > MOST_NAMES {
            // All of it is fresh, and all of it can be asked for again.
            kept.clear();
        }
        kept.extend(named.iter().map(|(sid, group)| (sid.clone(), Named { group: group.clone(), read: now })));
    }
}

impl Named {
    fn is_fresh(&self, now: Timestamp) -> bool {
        now < self.read + NAME_AGE
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
        Group { id: GroupId::new(sid.to_string()), name: sid.to_string(), dn: String::new() }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn a_name_is_believed_for_its_time_and_no_longer() {
        let names = GroupNames::default();
        names.keep(at(0), &[(sid(1), nameless(&sid(1)))]);
        assert_eq!(names.known(at(599), &[sid(1), sid(2)]).len(), 1);
        assert_eq!(names.known(at(600), &[sid(1)]).len(), 0);
    }

    #[test]
    fn the_kept_names_do_not_grow_without_end() {
        let names = GroupNames::default();
        for rid in 0..30_000 {
            names.keep(at(0), &[(sid(rid), nameless(&sid(rid)))]);
        }
        assert!(names.kept.lock().unwrap().len() <= MOST_NAMES);
        assert_eq!(names.known(at(0), &[sid(29_999)]).len(), 1);
    }
}
