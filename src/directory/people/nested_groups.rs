use std::collections::HashMap;

use ldap3::Scope;

use crate::directory::connection::{LdapConnection, OperationFault, OperationKind, SearchRequest};
use crate::directory::schema::{LdapEntry, filter};
use crate::domain::{Dn, Group, GroupId, Groups};

/// The deepest nesting of groups followed: deeper is a mistake in the directory, and every level costs a search.
const MAX_NESTING: usize = 32;

/// The most groups of one person, more than anybody is in; below the usual limits on what one search returns, times a
/// few.
const MAX_GROUPS: usize = 2_000;

/// The most members whose groups one search asks for: a filter that any server takes.
const MEMBERS_PER_SEARCH: usize = 25;

/// The most groups taken from one search: what servers commonly allow (Active Directory's page, 389's default).
const GROUPS_PER_SEARCH: u16 = 1_000;

/// The most unique identifiers of one entry: one is the rule.
const MAX_IDENTIFIERS: usize = 4;

/// The filter for groups that list a DN or, in posix groups, a `uid`, as a member.
pub(in crate::directory) const MEMBER_FILTER: &str = "(|(member={dn})(uniqueMember={dn})(memberUid={username}))";

/// The base and filter of a search for nested groups.
pub(in crate::directory) struct NestedGroupSearch<'a> {
    pub(in crate::directory) base_dn: &'a str,
    /// The settings' `group_filter`.
    pub(in crate::directory) group_filter: Option<&'a str>,
}

/// Resolves the groups of a person, nested ones included, on a server that does not compute them: those in `memberOf`,
/// those that list the person, the posix group whose number the person has, and level by level those that list a group
/// already found. The parents of each group are asked for once, so a cycle ends.
///
/// # Errors
/// When a search fails. A half-known set of groups is never handed out for a fault; only the limits named above cut it
/// short, and the log says so.
pub(in crate::directory) async fn resolve_nested(
    connection: &mut LdapConnection,
    nested: &NestedGroupSearch<'_>,
    person: &LdapEntry,
    uid: &str,
) -> Result<Groups, OperationFault> {
    resolve(connection, nested, person, uid, TruncatedAnswers::Accept).await
}

/// Resolves the groups of somebody whose groups are known: an answer that the server cuts short is a fault, since it
/// must not look like a loss.
///
/// # Errors
/// Also when the server sends only some of the groups.
pub(in crate::directory) async fn resolve_nested_whole(
    connection: &mut LdapConnection,
    nested: &NestedGroupSearch<'_>,
    person: &LdapEntry,
    uid: &str,
) -> Result<Groups, OperationFault> {
    resolve(connection, nested, person, uid, TruncatedAnswers::Reject).await
}

/// The handling of answers that the server cut short. At a sign-in they grant what they hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TruncatedAnswers {
    Accept,
    Reject,
}

async fn resolve(
    connection: &mut LdapConnection,
    nested: &NestedGroupSearch<'_>,
    person: &LdapEntry,
    uid: &str,
    truncated_answers: TruncatedAnswers,
) -> Result<Groups, OperationFault> {
    let mut found = GroupCollector::default();
    for dn in person.texts("memberOf") {
        found.add(dn, None);
    }
    let template = nested.group_filter.unwrap_or(MEMBER_FILTER);
    let mut level = vec![filter::group_by_member(template, &person.dn, uid)];
    if nested.group_filter.is_none() {
        level.extend(primary_group_filter(person));
        level.extend(unique_member_filters(person));
    }
    for _ in 0..MAX_NESTING {
        for batch in level.chunks(MEMBERS_PER_SEARCH) {
            let search = SearchRequest {
                base: nested.base_dn,
                scope: Scope::Subtree,
                filter: &filter::any(batch),
                attributes: &["cn"],
                limit: GROUPS_PER_SEARCH,
            };
            let answer = connection.search(OperationKind::Search, &search).await?;
            if answer.truncated && truncated_answers == TruncatedAnswers::Reject {
                let reason = "the server cut the list of groups short: raise its size limit for bind_name";
                return Err(OperationFault::unreachable(OperationKind::Search, reason));
            }
            if answer.truncated {
                tracing::warn!(dn = person.dn, "the server cut the list of groups short: raise its size limit");
            }
            for group in answer.entries {
                found.add(&group.dn, group.text("cn"));
            }
        }
        // A group's own name must not pass for a uid: its DN, which no uid is, stands in both places.
        level = found.take_unresolved().iter().map(|dn| filter::group_by_member(template, dn, dn)).collect();
        if level.is_empty() {
            return Ok(found.into_groups());
        }
        if found.groups.len() >= MAX_GROUPS {
            break;
        }
    }
    tracing::warn!(
        dn = person.dn,
        groups = found.groups.len(),
        "more groups, or deeper nesting, than are followed: some are left out"
    );
    Ok(found.into_groups())
}

/// The filter for the posix group that a `posixAccount` is in by its `gidNumber`; such a group does not list the
/// account (RFC 2307, 3). An admin's own `group_filter` says all there is to say instead.
fn primary_group_filter(person: &LdapEntry) -> Option<String> {
    let number = person.text("gidNumber").filter(|number| number.bytes().all(|digit| digit.is_ascii_digit()))?;
    Some(filter::all(&["(objectClass=posixGroup)", &filter::equals("gidNumber", number)]))
}

/// Filters for the groups that list the person with a unique identifier behind the DN (RFC 4517, 3.3.21). Such a value
/// is another than the bare DN to a server, and that is its sense: who gets the DN after somebody has another
/// identifier, and is no member.
fn unique_member_filters(person: &LdapEntry) -> impl Iterator<Item = String> {
    let is_bit_string = |bits: &&str| {
        let digits = bits.strip_prefix('\'').and_then(|bits| bits.strip_suffix("'B"));
        digits.is_some_and(|digits| digits.bytes().all(|digit| matches!(digit, b'0' | b'1')))
    };
    let identifiers = person.texts("x500UniqueIdentifier").filter(is_bit_string).take(MAX_IDENTIFIERS);
    identifiers.map(|bits| filter::equals("uniqueMember", &format!("{}#{bits}", person.dn)))
}

/// The groups found so far, each once, in the order found.
#[derive(Default)]
struct GroupCollector {
    groups: Vec<Group>,
    index: HashMap<Dn, usize>,
    resolved: usize,
}

impl GroupCollector {
    /// Adds a group, or gives a name to one known only by its DN.
    fn add(&mut self, written: &str, cn: Option<&str>) {
        let Ok(dn) = written.parse::<Dn>() else {
            tracing::warn!(dn = written, "the server names a group by what is not a distinguished name: left out");
            return;
        };
        if let Some(place) = self.index.get(&dn) {
            if let Some(cn) = cn {
                cn.clone_into(&mut self.groups[*place].name);
            }
            return;
        }
        if self.groups.len() >= MAX_GROUPS {
            return;
        }
        let name = cn.map_or_else(|| first_rdn_value(&dn), str::to_owned);
        self.index.insert(dn.clone(), self.groups.len());
        self.groups.push(Group { id: GroupId::new(dn.normalized()), name, dn: written.to_owned() });
    }

    /// Takes the DNs found since the last call, whose parents are still to be asked for.
    fn take_unresolved(&mut self) -> Vec<String> {
        let new = self.groups[self.resolved..].iter().map(|group| group.dn.clone()).collect();
        self.resolved = self.groups.len();
        new
    }

    fn into_groups(self) -> Groups {
        self.groups.into_iter().collect()
    }
}

/// The name of a group that is known by its DN alone (`cn=ops,ou=groups` is `ops`). A DN with escapes in it is left
/// whole: a wrong guess would be a group that somebody is not in.
fn first_rdn_value(dn: &Dn) -> String {
    let first = dn.as_str().split(',').next().unwrap_or_default();
    match first.split_once('=') {
        Some((_, value)) if !dn.as_str().contains(['\\', '+']) => value.trim().to_owned(),
        _ => dn.as_str().to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_group_counts_once_however_its_name_is_written() {
        let mut found = GroupCollector::default();
        found.add("cn=Ops, ou=groups,dc=x", None);
        found.add("CN=ops,OU=Groups,DC=X", Some("ops"));
        assert_eq!(found.take_unresolved(), ["cn=Ops, ou=groups,dc=x"]);
        assert!(found.take_unresolved().is_empty());
        let groups = found.into_groups();
        let group = groups.iter().next().unwrap();
        assert_eq!((groups.len(), group.name.as_str(), group.id.as_str()), (1, "ops", "cn=ops,ou=groups,dc=x"));
    }

    #[test]
    fn a_group_known_by_its_dn_alone_has_its_first_value_as_name() {
        assert_eq!(first_rdn_value(&"cn=ops,dc=x".parse().unwrap()), "ops");
        assert_eq!(first_rdn_value(&r"cn=a\,cn=ops,dc=x".parse().unwrap()), r"cn=a\,cn=ops,dc=x");
    }

    #[test]
    fn only_a_number_names_a_primary_group() {
        let with =
            |number: &str| primary_group_filter(&LdapEntry::with("uid=a,dc=x", &[("gidNumber", number.as_bytes())]));
        assert_eq!(with("100").as_deref(), Some("(&(objectClass=posixGroup)(gidNumber=100))"));
        assert_eq!((with("*"), with("")), (None, None));
    }

    #[test]
    fn only_the_persons_own_identifier_stands_behind_their_dn() {
        let person =
            LdapEntry::with("uid=a,dc=x", &[("x500UniqueIdentifier", b"'01'B"), ("x500UniqueIdentifier", b"*")]);
        let filters: Vec<_> = unique_member_filters(&person).collect();
        assert_eq!(filters, ["(uniqueMember=uid=a,dc=x\\23\\2701\\27B)"]);
    }

    #[test]
    fn the_number_of_groups_has_an_end() {
        let mut found = GroupCollector::default();
        for n in 0..3_000 {
            found.add(&format!("cn=g{n},dc=x"), None);
        }
        assert_eq!(found.groups.len(), MAX_GROUPS);
    }
}
