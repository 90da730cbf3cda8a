//! The pure readers of this room, for the fuzz targets in `fuzz/`. Not part of the program: it is there only with the
//! feature `fuzzing`.

use ldap3::LdapResult;

use super::connection::protocol::{Answer, message, written};
use super::schema::{Entry, Sid, filter, guid_text};
use super::sign_in::judge_bind;
use crate::config::DirectoryKind;

/// The filter `(attribute=value)`.
pub fn equals(attribute: &str, value: &str) -> String {
    filter::equals(attribute, value)
}

/// A filter, as it is sent.
pub fn sent(filter: &str) -> Option<Vec<u8>> {
    written(filter).map(|bytes| bytes.to_vec())
}

/// The settings' group filter for one member.
pub fn group_filter(template: &str, dn: &str, username: &str) -> String {
    filter::group(template, dn, username)
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

/// An entry's DN and how many values of `attribute` it has, where `bytes` are its content in BER.
pub fn entry(bytes: &[u8], attribute: &str) -> Option<(String, usize)> {
    let entry = Entry::read(bytes).ok()?;
    let values = entry.bytes(attribute).count();
    Some((entry.dn, values))
}

/// Reads a message of a server's, as far as it is one.
pub fn answer(bytes: &[u8]) -> bool {
    let Ok(Some(length)) = message(bytes) else { return false };
    Answer::read(&bytes[..length]).is_ok_and(|answer| answer.result(answer.tag).is_ok())
}
