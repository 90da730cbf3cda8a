use std::collections::HashMap;

use ldap3::Scope;

use crate::directory::client::GroupNameCache;
use crate::directory::connection::{AdDomain, LdapConnection, OperationFault, OperationKind, SearchRequest, result_code};
use crate::directory::schema::{LdapEntry, Sid, filter};
use crate::domain::{Clock, Group, GroupId, Groups, Timestamp};

/// The most SIDs one search asks for: well below any server's limit on a filter's size.
const SIDS_PER_SEARCH: u16 = 50;

/// Reads the groups of a person in Active Directory from `tokenGroups`, which the server computes (MS-ADTS
/// 3.1.1.4.5.19), has the nested and the primary ones, and no limit of 1,500 values.
///
/// # Errors
/// When the attribute may not be read: everybody is in some group, so nothing at all is a missing right and no answer
/// about the person.
pub(super) async fn read_token_groups(
    connection: &mut LdapConnection,
    domain: &AdDomain,
    names: &GroupNameCache,
    clock: &dyn Clock,
    person_dn: &str,
) -> Result<Groups, OperationFault> {
    let search = SearchRequest {
        base: person_dn,
        scope: Scope::Base,
        filter: "(objectClass=*)",
        attributes: &["tokenGroups"],
        limit: 1,
    };
    let found = connection.search(OperationKind::Search, &search).await?;
    let sids: Vec<Sid> =
        found.entries.iter().flat_map(|entry| entry.bytes("tokenGroups")).filter_map(Sid::from_bytes).collect();
    if sids.is_empty() {
        return Err(OperationFault::unreachable(
            OperationKind::Search,
            "the person's tokenGroups may not be read: add the account that searches to the group \"Windows \
             Authorization Access Group\"",
        ));
    }
    names.resolve(connection, domain, clock.now(), &sids).await
}

impl GroupNameCache {
    /// The groups with these SIDs. One that does not resolve (another domain's, a well-known one) keeps its SID as
    /// name.
    async fn resolve(
        &self,
        connection: &mut LdapConnection,
        domain: &AdDomain,
        now: Timestamp,
        sids: &[Sid],
    ) -> Result<Groups, OperationFault> {
        let mut groups = self.get_fresh(now, sids);
        let unknown: Vec<Sid> = sids.iter().filter(|sid| !groups.contains_key(*sid)).cloned().collect();
        for batch in unknown.chunks(usize::from(SIDS_PER_SEARCH)) {
            let named = read_groups_by_sid(connection, domain, batch).await?;
            // That somebody may not see a group says nothing of what others may see.
            let seen: Vec<_> = named.iter().filter(|(_, group)| !group.dn.is_empty()).cloned().collect();
            self.insert(now, &seen);
            groups.extend(named);
        }
        Ok(sids.iter().filter_map(|sid| groups.get(sid).cloned()).collect())
    }
}

/// Asks for the names of at most [`SIDS_PER_SEARCH`] SIDs.
async fn read_groups_by_sid(
    connection: &mut LdapConnection,
    domain: &AdDomain,
    sids: &[Sid],
) -> Result<Vec<(Sid, Group)>, OperationFault> {
    let clauses: Vec<String> = sids.iter().map(|sid| format!("(objectSid={})", filter::escape_bytes(sid.as_bytes()))).collect();
    let search = SearchRequest {
        base: &domain.dn,
        scope: Scope::Subtree,
        filter: &filter::any(&clauses),
        attributes: &["objectSid", "sAMAccountName"],
        limit: SIDS_PER_SEARCH,
    };
    let entries = match connection.search(OperationKind::Search, &search).await {
        Ok(found) => found.entries,
        // Who may not see the domain's head sees no names there; the SIDs still hold.
        Err(fault) if fault.result_code == Some(result_code::NO_SUCH_OBJECT) => Vec::new(),
        Err(fault) => return Err(fault),
    };
    let mut found: HashMap<Sid, Group> = entries.iter().filter_map(group_with_sid).collect();
    Ok(sids.iter().map(|sid| (sid.clone(), found.remove(sid).unwrap_or_else(|| unnamed_group(sid)))).collect())
}

fn group_with_sid(entry: &LdapEntry) -> Option<(Sid, Group)> {
    let sid = entry.sid()?;
    // Never its `cn`: that is unique in its container alone, and whoever makes a group there may hide the rest of it.
    let name = entry.text("sAMAccountName")?;
    let group = Group { id: GroupId::new(sid.to_string()), name: name.to_owned(), dn: entry.dn.clone(), shares_name: false };
    Some((sid, group))
}

fn unnamed_group(sid: &Sid) -> Group {
    Group { id: GroupId::new(sid.to_string()), name: sid.to_string(), dn: String::new(), shares_name: false }
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

    #[test]
    fn a_sid_without_a_name_is_still_a_group() {
        let group = unnamed_group(&sid(18));
        assert_eq!((group.id.as_str(), group.name.as_str(), group.dn.as_str()), ("S-1-5-18", "S-1-5-18", ""));
    }
}
