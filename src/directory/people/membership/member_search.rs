use std::sync::LazyLock;

use super::path::PathStep;
use crate::config::{FilterComparison, FilterTemplate};
use crate::directory::people::group_classes;
use crate::directory::schema::{LdapEntry, filter};
use crate::domain::Dn;

/// The filter for groups that list a DN or, in posix groups, a `uid` as a member. Some directories have DNs there too.
#[expect(clippy::expect_used, reason = "it is always the same text")]
static MEMBER_FILTER: LazyLock<FilterTemplate> = LazyLock::new(|| {
    "(|(member={dn})(uniqueMember={dn})(memberUid={dn})(memberUid={username}))".parse().expect("an LDAP filter")
});

/// The most unique identifiers of one entry: one is the rule.
const MAX_IDENTIFIERS: usize = 4;

/// The filters and attributes for the groups of a member, on a server that does not compute them: by the settings'
/// `group_filter`, or else by the default one, by unique identifiers, and by the number of the person's posix group.
pub(super) struct MemberSearch<'a> {
    pub(super) base_dn: &'a str,
    template: &'a FilterTemplate,
    /// Whether the settings have a `group_filter`: it says all there is to say instead.
    is_custom: bool,
    comparisons: Vec<FilterComparison>,
}

/// A search for the groups of one member.
pub(super) struct MemberQuery {
    pub(super) filter: String,
    /// The values in the groups found that name the member.
    pub(super) values: Vec<MemberValue>,
    /// The last step of the member's path to the groups found.
    pub(super) step: PathStep,
}

/// A value by which a group lists a member: the attribute in lower case, the value in normalized form.
pub(super) type MemberValue = (String, String);

impl<'a> MemberSearch<'a> {
    /// The ways of being a member below `base_dn`.
    pub(super) fn new(base_dn: &'a str, group_filter: Option<&'a FilterTemplate>) -> Self {
        let template = group_filter.unwrap_or(&MEMBER_FILTER);
        Self { base_dn, template, is_custom: group_filter.is_some(), comparisons: template.comparisons() }
    }

    /// The filter for entries that are groups.
    pub(super) fn group_classes(&self) -> &'static str {
        group_classes::filter(self.is_custom)
    }

    /// The queries for the groups that list a person, and for the primary one, which does not.
    pub(super) fn person_queries(&self, person: &LdapEntry, uid: &str) -> Vec<MemberQuery> {
        let mut listed = self.query(&person.dn, uid, PathStep::Listed);
        if self.is_custom {
            return vec![listed];
        }
        for value in unique_members(person) {
            listed.filter = filter::any(&[listed.filter, filter::equals("uniqueMember", &value)]);
            listed.values.push(member_value("uniqueMember", &value));
        }
        std::iter::once(listed).chain(primary_query(person)).collect()
    }

    /// The query for the groups that list the group with this index. Its own name must not pass for a uid: its DN,
    /// which no uid is, stands in both places.
    pub(super) fn group_query(&self, index: usize, dn: &str) -> MemberQuery {
        self.query(dn, dn, PathStep::Through(index))
    }

    fn query(&self, dn: &str, uid: &str, step: PathStep) -> MemberQuery {
        let filter = filter::group_by_member(self.template, dn, uid);
        let value = |comparison: &FilterComparison| member_value(&comparison.attribute, &comparison.value_for(dn, uid));
        MemberQuery { filter, values: self.comparisons.iter().map(value).collect(), step }
    }

    /// The values of a group that name its members.
    pub(super) fn values_of(&self, group: &LdapEntry) -> Vec<MemberValue> {
        let listed = self
            .comparisons
            .iter()
            .flat_map(|comparison| group.texts(&comparison.attribute).map(|value| member_value(&comparison.attribute, value)));
        let is_posix = group.texts("objectClass").any(|class| class.eq_ignore_ascii_case("posixGroup"));
        let number = group.text("gidNumber").filter(|_| is_posix && !self.is_custom);
        listed.chain(number.map(|number| member_value("gidNumber", number))).collect()
    }

    /// Whether the server sent only some of the members of a group.
    pub(super) fn is_partial(&self, group: &LdapEntry) -> bool {
        self.comparisons.iter().any(|comparison| group.is_partial(&comparison.attribute))
    }

    /// The attributes that [`MemberSearch::values_of`] reads.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &str> {
        let posix: &[&str] = if self.is_custom { &[] } else { &["objectClass", "gidNumber"] };
        self.comparisons.iter().map(|comparison| comparison.attribute.as_str()).chain(posix.iter().copied())
    }
}

/// The query for the posix group whose number a `posixAccount` has; such a group does not list the account (RFC 2307,
/// 3).
fn primary_query(person: &LdapEntry) -> Option<MemberQuery> {
    let number = person.text("gidNumber").filter(|number| number.bytes().all(|digit| digit.is_ascii_digit()))?;
    let filter = filter::all(&["(objectClass=posixGroup)", &filter::equals("gidNumber", number)]);
    Some(MemberQuery { filter, values: vec![member_value("gidNumber", number)], step: PathStep::Primary })
}

/// The person's DN with each of their unique identifiers behind it (RFC 4517, 3.3.21). Such a value is another than the
/// bare DN to a server, and that is its sense: who gets the DN after somebody has another identifier, and is no member.
fn unique_members(person: &LdapEntry) -> impl Iterator<Item = String> {
    let is_bit_string = |bits: &&str| {
        let digits = bits.strip_prefix('\'').and_then(|bits| bits.strip_suffix("'B"));
        digits.is_some_and(|digits| digits.bytes().all(|digit| matches!(digit, b'0' | b'1')))
    };
    let identifiers = person.texts("x500UniqueIdentifier").filter(is_bit_string).take(MAX_IDENTIFIERS);
    identifiers.map(|bits| format!("{}#{bits}", person.dn))
}

/// The normalized form of a value: DNs by their meaning, others without regard to case.
fn member_value(attribute: &str, value: &str) -> MemberValue {
    let normalized = value.parse::<Dn>().map_or_else(|_| value.trim().to_lowercase(), |dn| dn.normalized().to_owned());
    (attribute.to_ascii_lowercase(), normalized)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn filters(search: &MemberSearch<'_>, attributes: &[(&str, &[u8])]) -> Vec<String> {
        let queries = search.person_queries(&LdapEntry::with("uid=a,dc=x", attributes), "a");
        queries.into_iter().map(|query| query.filter).collect()
    }

    #[test]
    fn only_a_number_names_a_primary_group() {
        let search = MemberSearch::new("dc=x", None);
        let with = |number: &str| filters(&search, &[("gidNumber", number.as_bytes())]);
        assert_eq!(with("100")[1..], ["(&(objectClass=posixGroup)(gidNumber=100))"]);
        assert_eq!((with("*").len(), with("").len()), (1, 1));
    }

    #[test]
    fn only_the_persons_own_identifier_stands_behind_their_dn() {
        let identifiers: &[(&str, &[u8])] = &[("x500UniqueIdentifier", b"'01'B"), ("x500UniqueIdentifier", b"*")];
        let [listed] = &filters(&MemberSearch::new("dc=x", None), identifiers)[..] else { panic!("one query") };
        assert!(listed.ends_with("(memberUid=a))(uniqueMember=uid=a,dc=x\\23\\2701\\27B))"), "{listed}");
    }

    #[test]
    fn a_filter_of_the_settings_says_all_there_is_to_say() {
        let own = "(owner={dn})".parse().unwrap();
        let search = MemberSearch::new("dc=x", Some(&own));
        let person: &[(&str, &[u8])] = &[("gidNumber", b"100"), ("x500UniqueIdentifier", b"'01'B")];
        assert_eq!(filters(&search, person), ["(owner=uid=a,dc=x)"]);
        assert_eq!(search.attributes().collect::<Vec<_>>(), ["owner"]);
    }
}
