use crate::directory::schema::{filter, guid_bytes};
use crate::domain::PersonId;

/// A reference by which a known person is found again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PersonReference {
    /// By this part of a filter.
    Clause(String),
    /// By this DN: the directory shows no stable id.
    Dn(String),
}

/// The reference for an id, as [`crate::directory::people::person::person_id`] makes them; `None` for what it does not
/// make.
pub(super) fn person_reference(id: &PersonId) -> Option<PersonReference> {
    let (kind, value) = id.as_str().split_once(':')?;
    // An additional directory's name stands before the attribute's.
    let attribute = kind.rsplit_once('/').map_or(kind, |(_directory, attribute)| attribute);
    match attribute {
        "objectGUID" => {
            let bytes = guid_bytes(value)?;
            Some(PersonReference::Clause(format!("(objectGUID={})", filter::escape_bytes(&bytes))))
        }
        "entryUUID" | "nsUniqueId" => Some(PersonReference::Clause(filter::equals(attribute, value))),
        "dn" => Some(PersonReference::Dn(escape_normalized_dn(value)?)),
        _ => None,
    }
}

/// The attribute of an id; `None` where it is a DN.
pub(super) fn id_attribute(id: &PersonId) -> Option<&str> {
    let (kind, _) = id.as_str().split_once(':')?;
    let attribute = kind.rsplit_once('/').map_or(kind, |(_directory, attribute)| attribute);
    ["objectGUID", "entryUUID", "nsUniqueId"].contains(&attribute).then_some(attribute)
}

/// Escapes a normalized DN as servers take it: everything special in its values (RFC 4514, 2.4).
fn escape_normalized_dn(normal: &str) -> Option<String> {
    let pair = |pair: &str| {
        let (attribute, value) = pair.split_once('=')?;
        let value = value.replace("\\2c", ",").replace("\\2b", "+").replace("\\5c", "\\");
        Some(format!("{attribute}={}", ldap3::dn_escape(value.as_str())))
    };
    let rdn = |rdn: &str| Some(rdn.split('+').map(pair).collect::<Option<Vec<_>>>()?.join("+"));
    Some(normal.split(',').map(rdn).collect::<Option<Vec<_>>>()?.join(","))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::directory::people::person;
    use crate::directory::schema::LdapEntry;
    use crate::domain::{Dn, Realm};

    #[test]
    fn who_was_found_by_an_id_is_looked_for_by_it() {
        let guid: Vec<u8> = (0..16).collect();
        let id = person::person_id(&Realm::Default, &LdapEntry::with("CN=a", &[("objectGUID", &guid)]));
        let escaped = filter::escape_bytes(&guid);
        assert_eq!(person_reference(&id), Some(PersonReference::Clause(format!("(objectGUID={escaped})"))));
        let id = person::person_id(&Realm::Default, &LdapEntry::with("cn=a", &[("entryUUID", b"AB-CD")]));
        assert_eq!(person_reference(&id), Some(PersonReference::Clause("(entryUUID=ab-cd)".into())));
        let id = person::person_id(&Realm::Default, &LdapEntry::with("cn=a", &[("nsUniqueId", b"1-2-3")]));
        assert_eq!(person_reference(&id), Some(PersonReference::Clause("(nsUniqueId=1-2-3)".into())));
    }

    #[test]
    fn an_id_of_a_further_directory_is_never_one_of_the_default_ones_and_is_looked_for_there() {
        let brand = "brand".parse().unwrap();
        let entry = LdapEntry::with("cn=a", &[("entryUUID", b"AB-CD")]);
        let (theirs, ours) = (person::person_id(&Realm::Additional(brand), &entry), person::person_id(&Realm::Default, &entry));
        assert_ne!(theirs, ours);
        assert_eq!(theirs.as_str(), "brand/entryUUID:ab-cd");
        assert_eq!(person_reference(&theirs), person_reference(&ours));
        assert_eq!((id_attribute(&theirs), id_attribute(&PersonId::new("brand/dn:cn=a"))), (Some("entryUUID"), None));
    }

    #[test]
    fn who_has_no_id_is_looked_for_by_a_name_that_means_the_same() {
        for dn in [
            "cn=a,dc=x",
            r"CN=Müller\, Jörg (Sales),OU=a\+b,DC=x",
            r"cn=back\\slash,dc=x",
            r"cn=back\\2cslash,dc=x",
            r#"cn=\#hash \"q\" \; \<a\> ,dc=x"#,
            "cn=a+uid=b,dc=x",
        ] {
            let Some(PersonReference::Dn(sent)) =
                person_reference(&person::person_id(&Realm::Default, &LdapEntry::with(dn, &[])))
            else {
                panic!("{dn}")
            };
            assert_eq!(sent.parse::<Dn>().unwrap(), dn.parse::<Dn>().unwrap(), "{sent}");
        }
    }

    #[test]
    fn what_is_no_id_of_ours_finds_nobody() {
        for id in ["", "alice", "objectGUID:alice", "uid:alice", "objectGUID:*)(uid=*"] {
            assert_eq!(person_reference(&PersonId::new(id)), None, "{id}");
        }
    }
}
