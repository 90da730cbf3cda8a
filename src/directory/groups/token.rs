use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ldap3::Scope;

use crate::directory::connection::{Connection, Search};
use crate::directory::entry::Entry;
use crate::directory::fault::{Fault, Operation, rc};
use crate::directory::filter;
use crate::directory::root_dse::Domain;
use crate::directory::sid::Sid;
use crate::domain::{Clock, Group, GroupId, Groups, Timestamp};

/// How long a group's name is believed: a renamed group answers to its new name after this.
const NAME_AGE: Duration = Duration::from_mins(10);

/// How many names are kept: more groups than people are ever in at once, in a few megabytes.
const MOST_NAMES: usize = 10_000;

/// How many SIDs one search asks for: well below any server's limit on a filter's size.
const SIDS_A_SEARCH: u16 = 50;

/// A group's name and DN by its SID, as last read, so that a sign-in asks only for groups nobody had before.
#[derive(Default)]
pub(in crate::directory) struct GroupNames {
    kept: Mutex<HashMap<Sid, Named>>,
}

struct Named {
    group: Group,
    read: Timestamp,
}

/// The groups of a person in Active Directory: `tokenGroups`, which the server computes (MS-ADTS 3.1.1.4.5.19), has
/// the nested and the primary ones, and no limit of 1,500 values.
///
/// # Errors
/// When the attribute may not be read: everybody is in some group, so nothing at all is a missing right and no
/// answer about the person.
pub(in crate::directory) async fn token_groups(
    connection: &mut Connection,
    domain: &Domain,
    names: &GroupNames,
    clock: &dyn Clock,
    person_dn: &str,
) -> Result<Groups, Fault> {
    let search = Search {
        base: person_dn,
        scope: Scope::Base,
        filter: "(objectClass=*)",
        attributes: &["tokenGroups"],
        limit: 1,
    };
    let found = connection.search(Operation::Search, &search).await?;
    let sids: Vec<Sid> =
        found.entries.iter().flat_map(|entry| entry.bytes("tokenGroups")).filter_map(Sid::from_bytes).collect();
    if sids.is_empty() {
        return Err(Fault::unreachable(
            Operation::Search,
            "the person's tokenGroups may not be read: add the account that searches to the group \"Windows \
             Authorization Access Group\"",
        ));
    }
    names.of(connection, domain, clock.now(), &sids).await
}

impl GroupNames {
    /// The groups these SIDs are. One that does not resolve (another domain's, a well-known one) keeps its SID as name.
    async fn of(
        &self,
        connection: &mut Connection,
        domain: &Domain,
        now: Timestamp,
        sids: &[Sid],
    ) -> Result<Groups, Fault> {
        let mut groups = self.known(now, sids);
        let unknown: Vec<Sid> = sids.iter().filter(|sid| !groups.contains_key(*sid)).cloned().collect();
        for batch in unknown.chunks(usize::from(SIDS_A_SEARCH)) {
            let named = ask(connection, domain, batch).await?;
            // That somebody may not see a group says nothing of what others may see.
            let seen: Vec<_> = named.iter().filter(|(_, group)| !group.dn.is_empty()).cloned().collect();
            self.keep(now, &seen);
            groups.extend(named);
        }
        Ok(sids.iter().filter_map(|sid| groups.get(sid).cloned()).collect())
    }

    fn known(&self, now: Timestamp, sids: &[Sid]) -> HashMap<Sid, Group> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |sid: &Sid| {
            kept.get(sid).filter(|named| named.is_fresh(now)).map(|named| (sid.clone(), named.group.clone()))
        };
        sids.iter().filter_map(fresh).collect()
    }

    fn keep(&self, now: Timestamp, named: &[(Sid, Group)]) {
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

/// Asks for the names of at most [`SIDS_A_SEARCH`] SIDs.
async fn ask(connection: &mut Connection, domain: &Domain, sids: &[Sid]) -> Result<Vec<(Sid, Group)>, Fault> {
    let clauses: Vec<String> =
        sids.iter().map(|sid| format!("(objectSid={})", filter::escape_bytes(sid.as_bytes()))).collect();
    let search = Search {
        base: &domain.dn,
        scope: Scope::Subtree,
        filter: &filter::any(&clauses),
        attributes: &["objectSid", "sAMAccountName", "cn"],
        limit: SIDS_A_SEARCH,
    };
    let entries = match connection.search(Operation::Search, &search).await {
        Ok(found) => found.entries,
        // Who may not see the domain's head sees no names there; the SIDs still hold.
        Err(fault) if fault.result_code == Some(rc::NO_SUCH_OBJECT) => Vec::new(),
        Err(fault) => return Err(fault),
    };
    let mut found: HashMap<Sid, Group> = entries.iter().filter_map(named).collect();
    Ok(sids.iter().map(|sid| (sid.clone(), found.remove(sid).unwrap_or_else(|| nameless(sid)))).collect())
}

fn named(entry: &Entry) -> Option<(Sid, Group)> {
    let sid = entry.bytes("objectSid").find_map(Sid::from_bytes)?;
    let name = entry.text("sAMAccountName").or_else(|| entry.text("cn"))?;
    let group = Group { id: GroupId::new(sid.to_string()), name: name.to_owned(), dn: entry.dn.clone() };
    Some((sid, group))
}

fn nameless(sid: &Sid) -> Group {
    Group { id: GroupId::new(sid.to_string()), name: sid.to_string(), dn: String::new() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sid(rid: u32) -> Sid {
        let mut bytes = vec![1, 1, 0, 0, 0, 0, 0, 5];
        bytes.extend(rid.to_le_bytes());
        Sid::from_bytes(&bytes).unwrap()
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

    #[test]
    fn a_sid_without_a_name_is_still_a_group() {
        let group = nameless(&sid(18));
        assert_eq!((group.id.as_str(), group.name.as_str(), group.dn.as_str()), ("S-1-5-18", "S-1-5-18", ""));
    }
}
