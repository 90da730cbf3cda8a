use std::str::FromStr;

use ldap3::asn1::{ASNTag as _, PL, StructureTag};

/// Where an escaped name goes.
const USERNAME: &str = "{username}";

/// Where an escaped distinguished name goes.
const DN: &str = "{dn}";

/// Choices of a filter, and parts of an extensible match, by their numbers (RFC 4511, 4.5.1).
const AND: u64 = 0;
const OR: u64 = 1;
const NOT: u64 = 2;
const SUBSTRINGS: u64 = 4;
const EXTENSIBLE_MATCH: u64 = 9;
const MATCH_TYPE: u64 = 2;
const MATCH_VALUE: u64 = 3;

/// An LDAP filter of the settings (RFC 4515) with places for a DN, `{dn}`, and for a name, `{username}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterTemplate {
    /// As the directory is sent it, but for the placeholders.
    text: String,
    filter: StructureTag,
}

/// A text that is no LDAP filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no LDAP filter, or not balanced in its brackets")]
pub struct InvalidFilter;

/// A comparison of a filter in whose value a placeholder stands, such as `(member={dn})`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterComparison {
    /// The attribute, as it is written.
    pub attribute: String,
    value: String,
}

impl FromStr for FilterTemplate {
    type Err = InvalidFilter;

    fn from_str(text: &str) -> Result<Self, InvalidFilter> {
        // The crate takes a comparison without its brackets, too.
        let parsed = if text.starts_with('(') { ldap3::parse_filter(text) } else { Err(()) };
        let filter = parsed.map_err(|()| InvalidFilter)?.into_structure();
        Ok(Self { text: text.to_owned(), filter })
    }
}

impl FilterTemplate {
    /// The filter for one DN and name, both escaped already: so neither can hold a placeholder.
    pub fn fill(&self, dn: &str, username: &str) -> String {
        self.text.replace(DN, dn).replace(USERNAME, username)
    }

    /// Whether there is a place for a name.
    pub fn has_username(&self) -> bool {
        self.text.contains(USERNAME)
    }

    /// The comparisons in whose values a placeholder stands, but for substrings and what must not hold.
    pub fn comparisons(&self) -> Vec<FilterComparison> {
        let mut found = Vec::new();
        let mut to_do = vec![&self.filter];
        while let Some(tag) = to_do.pop() {
            let PL::C(parts) = &tag.payload else { continue };
            let comparison = match (tag.id, parts.as_slice()) {
                (AND | OR, _) => {
                    to_do.extend(parts.iter().rev());
                    None
                }
                (EXTENSIBLE_MATCH, _) => {
                    let part = |id: u64| parts.iter().find(|part| part.id == id);
                    part(MATCH_TYPE).zip(part(MATCH_VALUE))
                }
                (NOT | SUBSTRINGS, _) => None,
                (_, [attribute, value]) => Some((attribute, value)),
                _ => None,
            };
            found.extend(comparison.and_then(|(attribute, value)| FilterComparison::read(attribute, value)));
        }
        found
    }
}

impl FilterComparison {
    fn read(attribute: &StructureTag, value: &StructureTag) -> Option<Self> {
        let (PL::P(attribute), PL::P(value)) = (&attribute.payload, &value.payload) else { return None };
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        let (attribute, value) = (text(attribute), text(value));
        (value.contains(DN) || value.contains(USERNAME)).then_some(Self { attribute, value })
    }

    /// The value for one DN and name, neither of them escaped.
    pub fn value_for(&self, dn: &str, username: &str) -> String {
        // One pass: what is filled in is never taken for a placeholder.
        let pieces = self.value.split_inclusive('}').map(|piece| {
            let fill = |name: &str, text: &str| piece.strip_suffix(name).map(|before| format!("{before}{text}"));
            fill(DN, dn).or_else(|| fill(USERNAME, username)).unwrap_or_else(|| piece.to_owned())
        });
        pieces.collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn comparisons(template: &str) -> Vec<(String, String)> {
        let template: FilterTemplate = template.parse().unwrap();
        template.comparisons().into_iter().map(|comparison| (comparison.attribute, comparison.value)).collect()
    }

    #[test]
    fn the_comparisons_with_a_placeholder_are_read_off_the_filter() {
        let pair = |attribute: &str, value: &str| (attribute.to_owned(), value.to_owned());
        assert_eq!(
            comparisons("(|(member={dn})(&(objectClass=posixGroup)(memberUid={username}))(owner={dn}))"),
            [pair("member", "{dn}"), pair("memberUid", "{username}"), pair("owner", "{dn}")]
        );
        assert_eq!(comparisons("(member:1.2.840.113556.1.4.1941:={dn})"), [pair("member", "{dn}")]);
        assert_eq!(comparisons(r"(owner=uid={username},ou=a\2ab)"), [pair("owner", "uid={username},ou=a*b")]);
        assert_eq!(comparisons("(&(objectClass=*)(member>={dn}))"), [pair("member", "{dn}")]);
        assert_eq!(comparisons("(&(cn=*{username}*)(!(member={dn})))"), []);
    }

    #[test]
    fn a_placeholder_in_a_name_is_only_text() {
        let template: FilterTemplate = "(&(a={dn})(b={x}-{username},{dn}{))".parse().unwrap();
        assert_eq!(template.fill("cn=a", "alice"), "(&(a=cn=a)(b={x}-alice,cn=a{))");
        let comparisons = template.comparisons();
        assert_eq!(comparisons[1].value_for("{username}", "{dn}"), "{x}-{dn},{username}{");
        assert!(template.has_username());
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        assert!("(&(objectClass=groupOfNames)(member={dn}))".parse::<FilterTemplate>().is_ok());
        for bad in ["", "uid", "uid={dn}", "(uid={username}", "(&(uid={username})", "(a=b)(c=d)", r"(a=\zz)", "({dn}=a)"] {
            assert_eq!(bad.parse::<FilterTemplate>(), Err(InvalidFilter), "{bad:?}");
        }
    }
}
