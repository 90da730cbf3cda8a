//! Search filters and their matching (RFC 4511 4.5.1.7, MS-ADTS 3.1.1.3.1.3).
//!
//! Values are bytes, because SIDs and GUIDs are. Matching has three answers: a comparison with an unknown attribute or
//! a senseless value is *undefined*, and stays so under a "not".

use super::ids::{self, DemoSid};
use super::realm::DemoRealm;
use super::schema::{self, AttributeSyntax};
use super::tree::DemoEntry;
use crate::domain::Dn;

/// A filter as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DemoFilter {
    And(Vec<DemoFilter>),
    Or(Vec<DemoFilter>),
    Not(Box<DemoFilter>),
    Present(String),
    /// A value compared with an attribute's.
    Compare(String, FilterRule, Vec<u8>),
    Substring(String, Substrings),
    /// A comparison this directory cannot make, such as by a matching rule it does not know.
    Undefined,
}

/// The rule by which a value is compared with an attribute's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FilterRule {
    Equal,
    AtLeast,
    AtMost,
    /// `1.2.840.113556.1.4.803`: all these bits are set.
    AllBits,
    /// `1.2.840.113556.1.4.804`: one of these bits is set.
    AnyBit,
    /// `1.2.840.113556.1.4.1941`: through any number of groups.
    Chain,
}

/// The pieces of a substring filter, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Substrings {
    pub(super) initial: Option<Vec<u8>>,
    pub(super) any: Vec<Vec<u8>>,
    pub(super) last: Option<Vec<u8>>,
}

impl DemoFilter {
    /// Whether the filter matches for certain; undefined is no.
    pub(super) fn matches(&self, realm: &DemoRealm, entry: &DemoEntry) -> bool {
        self.evaluate(realm, entry) == Some(true)
    }

    fn evaluate(&self, realm: &DemoRealm, entry: &DemoEntry) -> Option<bool> {
        match self {
            DemoFilter::And(parts) => all_hold(parts.iter().map(|part| part.evaluate(realm, entry))),
            DemoFilter::Or(parts) => {
                all_hold(parts.iter().map(|part| part.evaluate(realm, entry).map(|is| !is))).map(|none| !none)
            }
            DemoFilter::Not(part) => part.evaluate(realm, entry).map(|is| !is),
            DemoFilter::Undefined => None,
            DemoFilter::Present(attribute) => {
                let (attribute, _) = searchable(attribute)?;
                Some(!realm.values(entry, attribute).is_empty())
            }
            DemoFilter::Compare(attribute, rule, asserted) => {
                let (attribute, syntax) = searchable(attribute)?;
                compare(realm, entry, attribute, syntax, *rule, asserted)
            }
            DemoFilter::Substring(attribute, pieces) => {
                let (attribute, syntax) = searchable(attribute)?;
                // Only texts have substrings; a DN, a number or a SID has none (MS-ADTS 3.1.1.2.2.4).
                (syntax == AttributeSyntax::Text).then_some(())?;
                let pieces = pieces.to_lowercase()?;
                Some(
                    realm
                        .values(entry, attribute)
                        .iter()
                        .any(|value| lowercase_text(value).is_some_and(|it| pieces.matches(&it))),
                )
            }
        }
    }
}

/// "And" with three answers: one no is a no, else one undefined is undefined.
fn all_hold(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut so_far = Some(true);
    for answer in answers {
        match answer {
            Some(true) => {}
            Some(false) => return Some(false),
            None => so_far = None,
        }
    }
    so_far
}

fn searchable(attribute: &str) -> Option<(&'static str, AttributeSyntax)> {
    schema::attribute(attribute).filter(|(_, syntax)| *syntax != AttributeSyntax::Constructed)
}

fn compare(
    realm: &DemoRealm,
    entry: &DemoEntry,
    attribute: &'static str,
    syntax: AttributeSyntax,
    rule: FilterRule,
    asserted: &[u8],
) -> Option<bool> {
    if rule == FilterRule::Chain {
        return chain(realm, entry, attribute, asserted);
    }
    let values = realm.values(entry, attribute);
    let mut values = values.iter();
    match syntax {
        AttributeSyntax::Text => {
            let asserted = lowercase_text(asserted)?;
            let holds = ordering_test(rule)?;
            Some(values.any(|value| lowercase_text(value).is_some_and(|value| holds(value.cmp(&asserted)))))
        }
        AttributeSyntax::Integer => {
            let asserted = parse_integer(asserted)?;
            Some(values.any(|value| parse_integer(value).is_some_and(|value| compare_integers(rule, value, asserted))))
        }
        AttributeSyntax::Name | AttributeSyntax::Category => {
            require_equality(rule)?;
            let asserted =
                if syntax == AttributeSyntax::Category { category_dn(realm, asserted)? } else { parse_dn(asserted)? };
            Some(values.any(|value| parse_dn(value).is_some_and(|value| value == asserted)))
        }
        AttributeSyntax::Sid | AttributeSyntax::Guid => {
            require_equality(rule)?;
            let asserted = parse_id_text(syntax, asserted).unwrap_or_else(|| asserted.to_vec());
            Some(values.any(|value| *value == asserted))
        }
        AttributeSyntax::Constructed => None,
    }
}

/// Membership through any number of groups, from either end.
fn chain(realm: &DemoRealm, entry: &DemoEntry, attribute: &str, asserted: &[u8]) -> Option<bool> {
    let other = parse_dn(asserted)?;
    let other = realm.tree.find(&other);
    match attribute {
        "memberOf" => Some(other.is_some_and(|group| realm.tree.is_member(entry, group))),
        "member" => Some(other.is_some_and(|member| realm.tree.is_member(member, entry))),
        _ => None,
    }
}

fn ordering_test(rule: FilterRule) -> Option<fn(std::cmp::Ordering) -> bool> {
    match rule {
        FilterRule::Equal => Some(std::cmp::Ordering::is_eq),
        FilterRule::AtLeast => Some(std::cmp::Ordering::is_ge),
        FilterRule::AtMost => Some(std::cmp::Ordering::is_le),
        FilterRule::AllBits | FilterRule::AnyBit | FilterRule::Chain => None,
    }
}

fn compare_integers(rule: FilterRule, value: i64, asserted: i64) -> bool {
    match rule {
        FilterRule::AllBits => value & asserted == asserted,
        FilterRule::AnyBit => value & asserted != 0,
        _ => ordering_test(rule).is_some_and(|holds| holds(value.cmp(&asserted))),
    }
}

fn require_equality(rule: FilterRule) -> Option<()> {
    (rule == FilterRule::Equal).then_some(())
}

fn parse_integer(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn parse_dn(value: &[u8]) -> Option<Dn> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn category_dn(realm: &DemoRealm, asserted: &[u8]) -> Option<Dn> {
    let text = std::str::from_utf8(asserted).ok()?;
    match schema::category_of(text) {
        Some(category) => format!("CN={category},{}", realm.tree.schema).parse().ok(),
        None => text.parse().ok(),
    }
}

/// A SID or GUID written as text, as bytes.
pub(super) fn parse_id_text(syntax: AttributeSyntax, asserted: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(asserted).ok()?;
    match syntax {
        AttributeSyntax::Sid => DemoSid::parse(text).map(|sid| sid.as_bytes().to_vec()),
        AttributeSyntax::Guid => ids::parse_guid(text).map(Vec::from),
        _ => None,
    }
}

fn lowercase_text(value: &[u8]) -> Option<String> {
    std::str::from_utf8(value).ok().map(str::to_lowercase)
}

/// [`Substrings`] as lower-case text.
struct LowercaseSubstrings {
    initial: String,
    any: Vec<String>,
    last: String,
}

impl Substrings {
    fn to_lowercase(&self) -> Option<LowercaseSubstrings> {
        Some(LowercaseSubstrings {
            initial: lowercase_text(self.initial.as_deref().unwrap_or_default())?,
            any: self.any.iter().map(|piece| lowercase_text(piece)).collect::<Option<_>>()?,
            last: lowercase_text(self.last.as_deref().unwrap_or_default())?,
        })
    }
}

impl LowercaseSubstrings {
    fn matches(&self, value: &str) -> bool {
        let Some(mut rest) = value.strip_prefix(self.initial.as_str()) else { return false };
        for piece in &self.any {
            let Some(at) = rest.find(piece.as_str()) else { return false };
            rest = &rest[at + piece.len()..];
        }
        rest.ends_with(self.last.as_str())
    }
}

#[cfg(test)]
mod tests;
