use std::collections::HashMap;

use ldap3::ResultEntry;
use ldap3::asn1::StructureTag;

use super::sid::Sid;
use crate::domain::Dn;

/// An entry of a search's answer (RFC 4511, 4.5.2), read without trust: what is malformed is an error, not a panic.
///
/// Values are bytes, as the wire has them; attribute names are looked up without regard to case, as servers write them
/// in whatever case they like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::directory) struct LdapEntry {
    /// Its distinguished name, as the server wrote it. Empty for the RootDSE.
    pub(in crate::directory) dn: String,
    attributes: HashMap<String, Vec<Vec<u8>>>,
}

/// A server's answer that is not an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::directory) struct MalformedEntry;

impl LdapEntry {
    /// Reads an entry from the `ldap3` crate's result. The crate's own reader panics on what is no entry, and sorts
    /// values by whether they happen to be text.
    pub(in crate::directory) fn from_result(item: ResultEntry) -> Result<Self, MalformedEntry> {
        Self::parse(item.0).ok_or(MalformedEntry)
    }

    fn parse(item: StructureTag) -> Option<Self> {
        const SEARCH_RESULT_ENTRY: u64 = 4;
        let parts = item.match_id(SEARCH_RESULT_ENTRY)?.expect_constructed()?;
        let [dn, attributes] = <[_; 2]>::try_from(parts).ok()?;
        let mut entry = Self { dn: text(dn)?, attributes: HashMap::new() };
        for attribute in attributes.expect_constructed()? {
            let [name, values] = <[_; 2]>::try_from(attribute.expect_constructed()?).ok()?;
            let of_it = entry.attributes.entry(text(name)?.to_ascii_lowercase()).or_default();
            for value in values.expect_constructed()? {
                of_it.push(value.expect_primitive()?);
            }
        }
        Some(entry)
    }

    /// The number of bytes that its names and values take together: in memory, where an empty one takes some, too.
    pub(in crate::directory) fn size(&self) -> usize {
        let values = |values: &[Vec<u8>]| values.iter().map(|value| size_of::<Vec<u8>>() + value.len()).sum::<usize>();
        let attribute = |(name, of_it): (&String, &Vec<_>)| size_of::<(String, Vec<Vec<u8>>)>() + name.len() + values(of_it);
        size_of::<Self>() + self.dn.len() + self.attributes.iter().map(attribute).sum::<usize>()
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

    /// Its `objectSid`.
    pub(in crate::directory) fn sid(&self) -> Option<Sid> {
        self.bytes("objectSid").find_map(Sid::from_bytes)
    }

    /// Its DN in normal form; as the server wrote it, where that is no DN.
    pub(in crate::directory) fn normalized_dn(&self) -> String {
        self.dn.parse::<Dn>().map_or_else(|_| self.dn.clone(), |dn| dn.normalized().to_owned())
    }

    /// Whether the server sent only some of an attribute's values, as Active Directory does beyond some 1,500
    /// (`member;range=0-1499`, MS-ADTS 3.1.1.3.1.3.3).
    pub(in crate::directory) fn is_partial(&self, attribute: &str) -> bool {
        let ranged = format!("{};range=", attribute.to_ascii_lowercase());
        self.attributes.keys().any(|name| name.starts_with(&ranged))
    }
}

fn text(octets: StructureTag) -> Option<String> {
    String::from_utf8(octets.expect_primitive()?).ok()
}

#[cfg(test)]
impl LdapEntry {
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
    use ldap3::asn1::{PL, TagClass, Types};

    use super::*;

    fn octets(bytes: &[u8]) -> StructureTag {
        let payload = PL::P(bytes.to_vec());
        StructureTag { class: TagClass::Universal, id: Types::OctetString as u64, payload }
    }

    fn list(parts: Vec<StructureTag>) -> StructureTag {
        StructureTag { class: TagClass::Universal, id: Types::Sequence as u64, payload: PL::C(parts) }
    }

    fn item(id: u64, parts: Vec<StructureTag>) -> ResultEntry {
        ResultEntry::new(StructureTag { class: TagClass::Application, id, payload: PL::C(parts) })
    }

    #[test]
    fn attributes_are_found_in_any_case_and_keep_their_bytes() {
        let attribute = list(vec![octets(b"objectGUID"), list(vec![octets(&[0xff, 0]), octets(b"text")])]);
        let entry = LdapEntry::from_result(item(4, vec![octets(b"CN=a"), list(vec![attribute])])).unwrap();
        assert_eq!(entry.dn, "CN=a");
        assert_eq!(entry.bytes("OBJECTguid").collect::<Vec<_>>(), [&[0xff, 0][..], b"text"]);
        assert_eq!(entry.text("objectGUID"), Some("text"));
        assert_eq!(entry.bytes("cn").count(), 0);
        assert!(entry.size() > 100);
    }

    #[test]
    fn a_part_of_an_attributes_values_is_known_as_such() {
        let entry = LdapEntry::with("CN=a", &[("member;Range=0-1499", b"CN=x"), ("cn", b"a")]);
        assert!(entry.is_partial("member") && entry.is_partial("Member"));
        assert!(!entry.is_partial("cn") && !entry.is_partial("mem"));
    }

    #[test]
    fn what_is_not_an_entry_is_refused_without_a_panic() {
        let with = |attribute: StructureTag| vec![octets(b"CN=a"), list(vec![attribute])];
        for parts in [
            vec![],
            vec![octets(b"CN=a")],
            vec![octets(&[0xff]), list(vec![])],
            vec![octets(b"CN=a"), octets(b"")],
            vec![octets(b"CN=a"), list(vec![]), list(vec![])],
            with(octets(b"cn")),
            with(list(vec![octets(b"cn")])),
            with(list(vec![octets(b"cn"), octets(b"x")])),
            with(list(vec![octets(b"cn"), list(vec![list(vec![])])])),
        ] {
            assert_eq!(LdapEntry::from_result(item(4, parts.clone())), Err(MalformedEntry), "{parts:02x?}");
        }
        assert_eq!(LdapEntry::from_result(item(5, vec![octets(b"CN=a"), list(vec![])])), Err(MalformedEntry));
    }
}
