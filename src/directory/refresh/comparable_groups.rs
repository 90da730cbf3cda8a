use std::collections::HashSet;

use crate::directory::schema::LdapEntry;
use crate::domain::{GroupId, Groups};

/// The SIDs that can be seen in `memberOf`: of domains, and built-in ones. Others, such as "Authenticated Users", are
/// no groups that have members.
fn is_domain_or_builtin(id: &GroupId) -> bool {
    id.as_str().starts_with("S-1-5-21-") || id.as_str().starts_with("S-1-5-32-")
}

/// The groups among `groups` that tell of changes when they are read in bulk.
pub(super) fn comparable_ids(groups: &Groups) -> HashSet<&GroupId> {
    groups.iter().map(|group| &group.id).filter(|id| is_domain_or_builtin(id)).collect()
}

/// Whether somebody is in a group of another domain than their own. That one's nesting cannot be seen from here.
pub(super) fn has_foreign_groups(person: &LdapEntry, groups: &Groups) -> bool {
    let Some(own) = person.sid().map(|sid| sid.to_string()) else { return true };
    let home = own.rsplit_once('-').map_or("", |(domain, _)| domain);
    groups
        .iter()
        .map(|group| group.id.as_str())
        .any(|id| id.starts_with("S-1-5-21-") && id.rsplit_once('-').is_none_or(|(domain, _)| domain != home))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Group;

    #[test]
    fn groups_of_other_domains_are_told_from_ones_own_and_from_well_known_ones() {
        let held = |id: &str| -> Groups {
            [Group { id: GroupId::new(id), name: String::new(), dn: String::new(), shares_name: false }].into_iter().collect()
        };
        let sid = [1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 100, 0, 0, 0];
        let alice = LdapEntry::with("CN=alice,DC=x", &[("objectSid", &sid)]);
        assert!(!has_foreign_groups(&alice, &held("S-1-5-21-513")) && !has_foreign_groups(&alice, &held("S-1-5-32-545")));
        assert!(has_foreign_groups(&alice, &held("S-1-5-21-1-2-3-513")));
        assert!(has_foreign_groups(&LdapEntry::with("CN=a", &[]), &held("S-1-5-32-545")), "nobody knows");
        assert!(comparable_ids(&held("S-1-5-11")).is_empty());
    }
}
