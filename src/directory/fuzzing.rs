//! The pure readers of this room, for the fuzz targets in `fuzz/`. Not part of the program: it is there only with the
//! feature `fuzzing`.

use ldap3::asn1::parse_tag;
use ldap3::{LdapResult, ResultEntry};

use super::schema::{LdapEntry, Sid, filter, guid_text};
use super::sign_in::judge_bind;
use crate::config::DirectoryKind;

/// The filter `(attribute=value)`.
pub fn equals(attribute: &str, value: &str) -> String {
    filter::equals(attribute, value)
}

/// The settings' group filter for one member; `None` where `template` is none.
pub fn group_filter(template: &str, dn: &str, username: &str) -> Option<String> {
    template.parse().ok().map(|template| filter::group_by_member(&template, dn, username))
}

/// A SID's bytes, as text, and as bytes again.
pub fn sid(bytes: &[u8]) -> Option<(String, Vec<u8>)> {
    Sid::from_bytes(bytes).map(|sid| (sid.to_string(), sid.as_bytes().to_vec()))
}

/// A GUID's bytes, as text.
pub fn guid(bytes: &[u8]) -> Option<String> {
    guid_text(bytes)
}

/// Whether a bind with this result lets somebody in.
pub fn bind_lets_in(kind: DirectoryKind, code: u32, text: &str) -> bool {
    let result = LdapResult { rc: code, matched: String::new(), text: text.into(), refs: vec![], ctrls: vec![] };
    judge_bind(kind, &result).is_ok()
}

/// An entry's DN and how many values of `attribute` it has, where `bytes` are one in BER, and not nested deeper than a
/// stack holds.
pub fn entry(bytes: &[u8], attribute: &str) -> Option<(String, usize)> {
    let (_, item) = parse_tag(bytes).ok()?;
    let entry = LdapEntry::from_result(ResultEntry::new(item)).ok()?;
    let values = entry.bytes(attribute).count();
    Some((entry.dn, values))
}
