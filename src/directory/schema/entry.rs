use std::collections::HashMap;

use crate::directory::connection::protocol::Elements;
use crate::directory::connection::protocol::universal::{OCTET_STRING, SEQUENCE, SET};

/// One entry of a search's answer (RFC 4511, 4.5.2), read without trust: what is malformed is refused, not a panic.
///
/// Values are bytes, as the wire has them; attribute names are looked up without regard to case, as servers write
/// them in whatever case they like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::directory) struct Entry {
    /// Its distinguished name, as the server wrote it. Empty for the RootDSE.
    pub(in crate::directory) dn: String,
    attributes: HashMap<String, Vec<Vec<u8>>>,
}

/// A server's answer that is not an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::directory) struct Malformed;

impl Entry {
    /// Reads the content of a `SearchResultEntry`.
    pub(in crate::directory) fn read(content: &[u8]) -> Result<Self, Malformed> {
        Self::parts(content).ok_or(Malformed)
    }

    fn parts(content: &[u8]) -> Option<Self> {
        let mut parts = Elements::of(content);
        let mut entry = Self { dn: text(parts.next_is(OCTET_STRING)?)?, attributes: HashMap::new() };
        let mut attributes = Elements::of(parts.next_is(SEQUENCE)?);
        parts.ended()?;
        while let Some(attribute) = attributes.next_is(SEQUENCE) {
            let mut attribute = Elements::of(attribute);
            let name = text(attribute.next_is(OCTET_STRING)?)?.to_ascii_lowercase();
            let mut values = Elements::of(attribute.next_is(SET)?);
            attribute.ended()?;
            let of_it = entry.attributes.entry(name).or_default();
            while let Some(value) = values.next_is(OCTET_STRING) {
                of_it.push(value.to_vec());
            }
            values.ended()?;
        }
        attributes.ended()?;
        Some(entry)
    }

    /// An attribute's values as bytes; none when it is absent.
    pub(in crate::directory) fn bytes(&self, attribute: &str) -> impl Iterator<Item = &[u8]> {
        self.attributes.get(&attribute.to_ascii_lowercase()).into_iter().flatten().map(Vec::as_slice)
    }

    /// An attribute's values that are text.
    pub(in crate::directory) fn texts(&self, attribute: &str) -> impl Iterator<Item = &str> {
        self.bytes(attribute).filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// An attribute's first value that is text and not empty.
    pub(in crate::directory) fn text(&self, attribute: &str) -> Option<&str> {
        self.texts(attribute).find(|text| !text.is_empty())
    }

    /// Whether the server sent only some of an attribute's values, as Active Directory does beyond some 1,500
    /// (`member;range=0-1499`, MS-ADTS 3.1.1.3.1.3.3).
    pub(in crate::directory) fn is_partial(&self, attribute: &str) -> bool {
        let ranged = format!("{};range=", attribute.to_ascii_lowercase());
        self.attributes.keys().any(|name| name.starts_with(&ranged))
    }
}

fn text(bytes: &[u8]) -> Option<String> {
    str::from_utf8(bytes).ok().map(str::to_owned)
}

#[cfg(test)]
impl Entry {
    /// An entry for tests of what reads entries.
    pub(in crate::directory) fn with(dn: &str, attributes: &[(&str, &[u8])]) -> Self {
        let mut entry = Self { dn: dn.to_owned(), attributes: HashMap::new() };
        for (name, value) in attributes {
            entry.attributes.entry(name.to_ascii_lowercase()).or_default().push(value.to_vec());
        }
        entry
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn element(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
        let content = parts.concat();
        [&[tag, u8::try_from(content.len()).unwrap()], &content[..]].concat()
    }

    fn octets(bytes: &[u8]) -> Vec<u8> {
        element(OCTET_STRING, &[bytes.to_vec()])
    }

    fn list(parts: &[Vec<u8>]) -> Vec<u8> {
        element(SEQUENCE, parts)
    }

    fn values(parts: &[Vec<u8>]) -> Vec<u8> {
        element(SET, parts)
    }

    #[test]
    fn attributes_are_found_in_any_case_and_keep_their_bytes() {
        let attribute = list(&[octets(b"objectGUID"), values(&[octets(&[0xff, 0])])]);
        let entry = Entry::read(&[octets(b"CN=a"), list(&[attribute])].concat()).unwrap();
        assert_eq!(entry.dn, "CN=a");
        assert_eq!(entry.bytes("OBJECTguid").collect::<Vec<_>>(), [&[0xff, 0]]);
        assert_eq!(entry.text("objectGUID"), None);
        assert_eq!(entry.bytes("cn").count(), 0);
    }

    #[test]
    fn a_part_of_an_attributes_values_is_known_as_such() {
        let entry = Entry::with("CN=a", &[("member;Range=0-1499", b"CN=x"), ("cn", b"a")]);
        assert!(entry.is_partial("member") && entry.is_partial("Member"));
        assert!(!entry.is_partial("cn") && !entry.is_partial("mem"));
    }

    #[test]
    fn what_is_not_an_entry_is_refused_without_a_panic() {
        let with = |attribute: Vec<u8>| vec![octets(b"CN=a"), list(&[attribute])];
        for parts in [
            vec![],
            vec![octets(b"CN=a")],
            vec![octets(&[0xff]), list(&[])],
            vec![octets(b"CN=a"), octets(b"")],
            vec![octets(b"CN=a"), list(&[]), list(&[])],
            with(octets(b"cn")),
            with(list(&[octets(b"cn")])),
            with(list(&[octets(b"cn"), octets(b"x")])),
            with(list(&[octets(b"cn"), values(&[values(&[])])])),
            with(list(&[octets(b"cn"), values(&[vec![OCTET_STRING, 9]])])),
        ] {
            assert_eq!(Entry::read(&parts.concat()), Err(Malformed), "{parts:02x?}");
        }
    }
}
