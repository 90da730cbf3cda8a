//! Search filters, and what they match (RFC 4511 4.5.1.7, MS-ADTS 3.1.1.3.1.3).
//!
//! Values are bytes, because SIDs and GUIDs are. Matching has three answers: what an unknown attribute or a
//! senseless value would match is *undefined*, and stays so under a "not".

use super::ids::{self, Sid};
use super::realm::Realm;
use super::schema::{self, Syntax};
use super::tree::Entry;
use crate::domain::Dn;

/// A filter as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Present(String),
    /// One value held against an attribute's.
    Compare(String, Rule, Vec<u8>),
    Substring(String, Pieces),
    /// Something this directory cannot judge, such as a matching rule it does not know.
    Undefined,
}

/// How a value is held against an attribute's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
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
pub(super) struct Pieces {
    pub(super) initial: Option<Vec<u8>>,
    pub(super) any: Vec<Vec<u8>>,
    pub(super) last: Option<Vec<u8>>,
}

impl Filter {
    /// Whether the filter matches for certain; undefined is no.
    pub(super) fn matches(&self, realm: &Realm, entry: &Entry) -> bool {
        self.judge(realm, entry) == Some(true)
    }

    fn judge(&self, realm: &Realm, entry: &Entry) -> Option<bool> {
        match self {
            Filter::And(parts) => all(parts.iter().map(|part| part.judge(realm, entry))),
            Filter::Or(parts) => all(parts.iter().map(|part| part.judge(realm, entry).map(|is| !is))).map(|none| !none),
            Filter::Not(part) => part.judge(realm, entry).map(|is| !is),
            Filter::Undefined => None,
            Filter::Present(attribute) => {
                let (attribute, _) = searchable(attribute)?;
                Some(!realm.values(entry, attribute).is_empty())
            }
            Filter::Compare(attribute, rule, asserted) => {
                let (attribute, syntax) = searchable(attribute)?;
                compare(realm, entry, attribute, syntax, *rule, asserted)
            }
            Filter::Substring(attribute, pieces) => {
                let (attribute, syntax) = searchable(attribute)?;
                // Only texts have substrings; a DN, a number or a SID has none (MS-ADTS 3.1.1.2.2.4).
                (syntax == Syntax::Text).then_some(())?;
                let pieces = pieces.folded()?;
                Some(realm.values(entry, attribute).iter().any(|value| fold(value).is_some_and(|it| pieces.fit(&it))))
            }
        }
    }
}

/// "And" with three answers: one no is a no, else one undefined is undefined.
fn all(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
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

fn searchable(attribute: &str) -> Option<(&'static str, Syntax)> {
    schema::attribute(attribute).filter(|(_, syntax)| *syntax != Syntax::Constructed)
}

fn compare(
    realm: &Realm,
    entry: &Entry,
    attribute: &'static str,
    syntax: Syntax,
    rule: Rule,
    asserted: &[u8],
) -> Option<bool> {
    if rule == Rule::Chain {
        return chain(realm, entry, attribute, asserted);
    }
    let values = realm.values(entry, attribute);
    let mut values = values.iter();
    match syntax {
        Syntax::Text => {
            let asserted = fold(asserted)?;
            let holds = order(rule)?;
            Some(values.any(|value| fold(value).is_some_and(|value| holds(value.cmp(&asserted)))))
        }
        Syntax::Integer => {
            let asserted = integer(asserted)?;
            Some(values.any(|value| integer(value).is_some_and(|value| holds_for(rule, value, asserted))))
        }
        Syntax::Name | Syntax::Category => {
            equal_only(rule)?;
            let asserted = if syntax == Syntax::Category { category(realm, asserted)? } else { name(asserted)? };
            Some(values.any(|value| name(value).is_some_and(|value| value == asserted)))
        }
        Syntax::Sid | Syntax::Guid => {
            equal_only(rule)?;
            let asserted = spelled_id(syntax, asserted).unwrap_or_else(|| asserted.to_vec());
            Some(values.any(|value| *value == asserted))
        }
        Syntax::Constructed => None,
    }
}

/// Membership through any number of groups, from either end.
fn chain(realm: &Realm, entry: &Entry, attribute: &str, asserted: &[u8]) -> Option<bool> {
    let other = name(asserted)?;
    let other = realm.tree.find(&other);
    match attribute {
        "memberOf" => Some(other.is_some_and(|group| realm.tree.is_member(entry, group))),
        "member" => Some(other.is_some_and(|member| realm.tree.is_member(member, entry))),
        _ => None,
    }
}

fn order(rule: Rule) -> Option<fn(std::cmp::Ordering) -> bool> {
    match rule {
        Rule::Equal => Some(std::cmp::Ordering::is_eq),
        Rule::AtLeast => Some(std::cmp::Ordering::is_ge),
        Rule::AtMost => Some(std::cmp::Ordering::is_le),
        Rule::AllBits | Rule::AnyBit | Rule::Chain => None,
    }
}

fn holds_for(rule: Rule, value: i64, asserted: i64) -> bool {
    match rule {
        Rule::AllBits => value & asserted == asserted,
        Rule::AnyBit => value & asserted != 0,
        _ => order(rule).is_some_and(|holds| holds(value.cmp(&asserted))),
    }
}

fn equal_only(rule: Rule) -> Option<()> {
    (rule == Rule::Equal).then_some(())
}

fn integer(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn name(value: &[u8]) -> Option<Dn> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn category(realm: &Realm, asserted: &[u8]) -> Option<Dn> {
    let text = std::str::from_utf8(asserted).ok()?;
    match schema::category_of(text) {
        Some(category) => format!("CN={category},{}", realm.tree.schema).parse().ok(),
        None => text.parse().ok(),
    }
}

/// A SID or GUID written as text, as bytes.
pub(super) fn spelled_id(syntax: Syntax, asserted: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(asserted).ok()?;
    match syntax {
        Syntax::Sid => Sid::parse(text).map(|sid| sid.as_bytes().to_vec()),
        Syntax::Guid => ids::parse_guid(text).map(Vec::from),
        _ => None,
    }
}

fn fold(value: &[u8]) -> Option<String> {
    std::str::from_utf8(value).ok().map(str::to_lowercase)
}

/// [`Pieces`] as lower-case text.
struct FoldedPieces {
    initial: String,
    any: Vec<String>,
    last: String,
}

impl Pieces {
    fn folded(&self) -> Option<FoldedPieces> {
        Some(FoldedPieces {
            initial: fold(self.initial.as_deref().unwrap_or_default())?,
            any: self.any.iter().map(|piece| fold(piece)).collect::<Option<_>>()?,
            last: fold(self.last.as_deref().unwrap_or_default())?,
        })
    }
}

impl FoldedPieces {
    fn fit(&self, value: &str) -> bool {
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
