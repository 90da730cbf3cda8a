use std::collections::HashMap;

use ldap3::ResultEntry;

/// One entry of a search's answer (RFC 4511, 4.5.2), read without trust: what is malformed is refused, not a panic.
///
/// Values are bytes, as the wire has them; attribute names are looked up without regard to case, as servers write
/// them in whatever case they like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its distinguished name, as the server wrote it. Empty for the RootDSE.
    pub(super) dn: String,
    attributes: HashMap<String, Vec<Vec<u8>>>,
}

/// A server's answer that is not an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// `SearchResultEntry ::= [APPLICATION 4]`.
const SEARCH_RESULT_ENTRY: u64 = 4;

impl Entry {
    /// Reads what the LDAP crate hands on.
    pub(super) fn read(raw: ResultEntry) -> Result<Self, Malformed> {
        let parts = raw
            .0
            .match_id(SEARCH_RESULT_ENTRY)
            .and_then(ldap3::asn1::StructureTag::expect_constructed)
            .ok_or(Malformed)?;
        let [dn, attributes] = <[_; 2]>::try_from(parts).map_err(|_| Malformed)?;
        let mut entry = Self { dn: text(dn.expect_primitive())?, attributes: HashMap::new() };
        for attribute in attributes.expect_constructed().ok_or(Malformed)? {
            let parts = attribute.expect_constructed().ok_or(Malformed)?;
            let [name, values] = <[_; 2]>::try_from(parts).map_err(|_| Malformed)?;
            let name = text(name.expect_primitive())?.to_ascii_lowercase();
            let values = values.expect_constructed().ok_or(Malformed)?;
            let values = values.into_iter().map(|value| value.expect_primitive().ok_or(Malformed));
            entry.attributes.entry(name).or_default().extend(values.collect::<Result<Vec<_>, _>>()?);
        }
        Ok(entry)
    }

    /// An attribute's values as bytes; none when it is absent.
    pub(super) fn bytes(&self, attribute: &str) -> impl Iterator<Item = &[u8]> {
        self.attributes.get(&attribute.to_ascii_lowercase()).into_iter().flatten().map(Vec::as_slice)
    }

    /// An attribute's values that are text.
    pub(super) fn texts(&self, attribute: &str) -> impl Iterator<Item = &str> {
        self.bytes(attribute).filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// An attribute's first value that is text and not empty.
    pub(super) fn text(&self, attribute: &str) -> Option<&str> {
        self.texts(attribute).find(|text| !text.is_empty())
    }

    /// Whether the server sent only some of an attribute's values, as Active Directory does beyond some 1,500
    /// (`member;range=0-1499`, MS-ADTS 3.1.1.3.1.3.3).
    pub(super) fn is_partial(&self, attribute: &str) -> bool {
        let ranged = format!("{};range=", attribute.to_ascii_lowercase());
        self.attributes.keys().any(|name| name.starts_with(&ranged))
    }
}

fn text(bytes: Option<Vec<u8>>) -> Result<String, Malformed> {
    String::from_utf8(bytes.ok_or(Malformed)?).map_err(|_| Malformed)
}

#[cfg(test)]
impl Entry {
    /// An entry for tests of what reads entries.
    pub(super) fn with(dn: &str, attributes: &[(&str, &[u8])]) -> Self {
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
    use ldap3::asn1::{PL, StructureTag, TagClass};

    use super::*;

    fn octets(bytes: &[u8]) -> StructureTag {
        StructureTag { class: TagClass::Universal, id: 4, payload: PL::P(bytes.to_vec()) }
    }

    fn set(parts: Vec<StructureTag>) -> StructureTag {
        StructureTag { class: TagClass::Universal, id: 16, payload: PL::C(parts) }
    }

    fn raw(parts: Vec<StructureTag>) -> ResultEntry {
        ResultEntry::new(StructureTag { class: TagClass::Application, id: SEARCH_RESULT_ENTRY, payload: PL::C(parts) })
    }

    #[test]
    fn attributes_are_found_in_any_case_and_keep_their_bytes() {
        let attribute = set(vec![octets(b"objectGUID"), set(vec![octets(&[0xff, 0])])]);
        let entry = Entry::read(raw(vec![octets(b"CN=a"), set(vec![attribute])])).unwrap();
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
        for parts in [
            vec![],
            vec![octets(b"CN=a")],
            vec![octets(&[0xff]), set(vec![])],
            vec![octets(b"CN=a"), octets(b"")],
            vec![octets(b"CN=a"), set(vec![octets(b"cn")])],
            vec![octets(b"CN=a"), set(vec![set(vec![octets(b"cn")])])],
            vec![octets(b"CN=a"), set(vec![set(vec![octets(b"cn"), octets(b"x")])])],
            vec![octets(b"CN=a"), set(vec![set(vec![octets(b"cn"), set(vec![set(vec![])])])])],
        ] {
            assert_eq!(Entry::read(raw(parts)), Err(Malformed));
        }
    }
}
