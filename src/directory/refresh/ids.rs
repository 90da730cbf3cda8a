use crate::directory::filter;
use crate::directory::guid::guid_bytes;
use crate::domain::PersonId;

/// How somebody who was found once is found again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// By this part of a filter.
    Clause(String),
    /// Under this name: the directory shows no stable id.
    Dn(String),
}

/// The reference of an id, as [`crate::directory::person::id`] makes them; `None` for what it does not make.
pub(super) fn reference(id: &PersonId) -> Option<Reference> {
    let (attribute, value) = id.as_str().split_once(':')?;
    match attribute {
        "objectGUID" => {
            let bytes = guid_bytes(value)?;
            Some(Reference::Clause(format!("(objectGUID={})", filter::escape_bytes(&bytes))))
        }
        "entryUUID" | "nsUniqueId" => Some(Reference::Clause(filter::equals(attribute, value))),
        "dn" => Some(Reference::Dn(as_sent(value)?)),
        _ => None,
    }
}

/// A normal name in a form that servers take: everything special in its values escaped (RFC 4514, 2.4).
fn as_sent(normal: &str) -> Option<String> {
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
    use crate::directory::entry::Entry;
    use crate::directory::person;
    use crate::domain::Dn;

    #[test]
    fn who_was_found_by_an_id_is_looked_for_by_it() {
        let guid: Vec<u8> = (0..16).collect();
        let id = person::id(&Entry::with("CN=a", &[("objectGUID", &guid)]));
        let escaped = filter::escape_bytes(&guid);
        assert_eq!(reference(&id), Some(Reference::Clause(format!("(objectGUID={escaped})"))));
        let id = person::id(&Entry::with("cn=a", &[("entryUUID", b"AB-CD")]));
        assert_eq!(reference(&id), Some(Reference::Clause("(entryUUID=ab-cd)".into())));
        let id = person::id(&Entry::with("cn=a", &[("nsUniqueId", b"1-2-3")]));
        assert_eq!(reference(&id), Some(Reference::Clause("(nsUniqueId=1-2-3)".into())));
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
            let Some(Reference::Dn(sent)) = reference(&person::id(&Entry::with(dn, &[]))) else { panic!("{dn}") };
            assert_eq!(sent.parse::<Dn>().unwrap(), dn.parse::<Dn>().unwrap(), "{sent}");
        }
    }

    #[test]
    fn what_is_no_id_of_ours_finds_nobody() {
        for id in ["", "alice", "objectGUID:alice", "uid:alice", "objectGUID:*)(uid=*"] {
            assert_eq!(reference(&PersonId::new(id)), None, "{id}");
        }
    }
}
