use ldap3::Scope;
use ldap3::asn1::{ASNTag as _, PL, StructureTag};
use zeroize::Zeroizing;

use super::ber::Writer;
use super::ber::universal::{BOOLEAN, ENUMERATED, INTEGER, OCTET_STRING, SEQUENCE, SET};
use super::line::Broken;
use crate::domain::Password;

/// The protocol's operations (RFC 4511, 4.2 to 4.12), by their tags.
mod operation {
    pub(super) const BIND: u8 = 0x60;
    pub(super) const SEARCH: u8 = 0x63;
    pub(super) const MODIFY: u8 = 0x66;
    pub(super) const ABANDON: u8 = 0x50;
    pub(super) const EXTENDED: u8 = 0x77;
}

/// RFC 3062, 2.
const MODIFY_PASSWORD: &[u8] = b"1.3.6.1.4.1.4203.1.11.1";

/// Something to ask of a server.
pub(in crate::directory) enum Request<'a> {
    /// A simple bind (4.2).
    Bind { name: &'a str, password: &'a Password },
    /// A search (4.5.1), whose aliases are not followed.
    Search {
        base: &'a str,
        scope: Scope,
        filter: &'a str,
        attributes: &'a [&'a str],
        /// The most entries; 0 is no limit.
        size_limit: i32,
        /// In seconds; 0 is no limit.
        time_limit: i32,
    },
    /// A modify (4.6).
    Modify { dn: &'a str, changes: &'a [Change<'a>] },
    /// The password of whoever is bound (RFC 3062, 2), by the extended operation.
    ModifyPassword { old: &'a Password, new: &'a Password },
    /// That nobody waits for this message's answer any more (4.11).
    Abandon(i32),
}

/// One change of a modify: a value of an attribute that goes, or that comes.
pub(in crate::directory) enum Change<'a> {
    Delete(&'a str, &'a [u8]),
    Add(&'a str, &'a [u8]),
}

impl Request<'_> {
    /// The message with this id (4.1.1), with the control of this OID, if any: without a value, and not critical, so that a
    /// server that does not know it goes on without (4.1.11).
    ///
    /// # Errors
    /// [`Broken::Filter`]: it cannot be asked.
    pub(super) fn encode(&self, id: i32, control: Option<&str>) -> Result<Zeroizing<Vec<u8>>, Broken> {
        const CONTROLS: u8 = 0xa0;
        let filter = match self {
            Self::Search { filter, .. } => {
                Some(ldap3::parse_filter(filter).map_err(|()| Broken::Filter)?.into_structure())
            }
            _ => None,
        };
        let mut writer = Writer::with_room_for(self.room());
        writer.constructed(SEQUENCE, |message| {
            message.number(INTEGER, id);
            self.write(message, filter);
            if let Some(oid) = control {
                message.constructed(CONTROLS, |controls| {
                    controls.constructed(SEQUENCE, |control| control.primitive(OCTET_STRING, oid.as_bytes()));
                });
            }
        });
        Ok(writer.finish())
    }

    /// About how much is written, and surely no less where there is a password.
    fn room(&self) -> usize {
        match self {
            Self::Bind { name, password } => name.len() + password.expose().len(),
            Self::Search { base, filter, .. } => base.len() + 2 * filter.len(),
            Self::Modify { dn, changes } => {
                let sizes = changes
                    .iter()
                    .map(|(Change::Delete(name, value) | Change::Add(name, value))| 64 + name.len() + value.len());
                dn.len() + sizes.sum::<usize>()
            }
            Self::ModifyPassword { old, new } => old.expose().len() + new.expose().len(),
            Self::Abandon(_) => 0,
        }
    }

    fn write(&self, message: &mut Writer, filter: Option<StructureTag>) {
        match self {
            Self::Bind { name, password } => message.constructed(operation::BIND, |bind| {
                const VERSION: i32 = 3;
                const SIMPLE: u8 = 0x80;
                bind.number(INTEGER, VERSION);
                bind.primitive(OCTET_STRING, name.as_bytes());
                bind.primitive(SIMPLE, password.expose().as_bytes());
            }),
            Self::Search { base, scope, attributes, size_limit, time_limit, .. } => {
                message.constructed(operation::SEARCH, |search| {
                    const NEVER: i32 = 0;
                    const FALSE: u8 = 0;
                    search.primitive(OCTET_STRING, base.as_bytes());
                    search.number(ENUMERATED, scope_number(*scope));
                    search.number(ENUMERATED, NEVER);
                    search.number(INTEGER, *size_limit);
                    search.number(INTEGER, *time_limit);
                    search.primitive(BOOLEAN, &[FALSE]);
                    if let Some(filter) = filter {
                        write_filter(search, filter);
                    }
                    search.constructed(SEQUENCE, |list| {
                        attributes.iter().for_each(|name| list.primitive(OCTET_STRING, name.as_bytes()));
                    });
                });
            }
            Self::Modify { dn, changes } => message.constructed(operation::MODIFY, |modify| {
                modify.primitive(OCTET_STRING, dn.as_bytes());
                modify.constructed(SEQUENCE, |list| changes.iter().for_each(|change| change.write(list)));
            }),
            Self::ModifyPassword { old, new } => message.constructed(operation::EXTENDED, |extended| {
                const NAME: u8 = 0x80;
                const VALUE: u8 = 0x81;
                const OLD: u8 = 0x81;
                const NEW: u8 = 0x82;
                extended.primitive(NAME, MODIFY_PASSWORD);
                // Elements in a row of octets.
                extended.constructed(VALUE, |value| {
                    value.constructed(SEQUENCE, |passwords| {
                        passwords.primitive(OLD, old.expose().as_bytes());
                        passwords.primitive(NEW, new.expose().as_bytes());
                    });
                });
            }),
            Self::Abandon(id) => message.number(operation::ABANDON, *id),
        }
    }
}

impl Change<'_> {
    fn write(&self, list: &mut Writer) {
        const ADD: i32 = 0;
        const DELETE: i32 = 1;
        let (kind, name, value) = match self {
            Self::Add(name, value) => (ADD, name, value),
            Self::Delete(name, value) => (DELETE, name, value),
        };
        list.constructed(SEQUENCE, |change| {
            change.number(ENUMERATED, kind);
            change.constructed(SEQUENCE, |attribute| {
                attribute.primitive(OCTET_STRING, name.as_bytes());
                attribute.constructed(SET, |values| values.primitive(OCTET_STRING, value));
            });
        });
    }
}

fn scope_number(scope: Scope) -> i32 {
    match scope {
        Scope::Base => 0,
        Scope::OneLevel => 1,
        Scope::Subtree => 2,
    }
}

/// A filter alone, as it is sent.
#[cfg(any(test, feature = "fuzzing"))]
pub(in crate::directory) fn written(filter: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut writer = Writer::with_room_for(filter.len());
    write_filter(&mut writer, ldap3::parse_filter(filter).ok()?.into_structure());
    Some(writer.finish())
}

/// What the LDAP crate made of a filter's text (RFC 4515).
fn write_filter(writer: &mut Writer, StructureTag { class, id, payload }: StructureTag) {
    const CONSTRUCTED: u8 = 0x20;
    // A filter's tags are its context's (RFC 4511, 4.5.1), or BER's own: each has a number below 31.
    let tag = (class as u8) << 6 | u8::try_from(id).unwrap_or_default();
    match payload {
        PL::P(content) => writer.primitive(tag, &content),
        PL::C(parts) => writer.constructed(tag | CONSTRUCTED, |inside| {
            for part in parts {
                write_filter(inside, part);
            }
        }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use ldap3_proto::LdapCodec;
    use ldap3_proto::proto::{LdapBindCred, LdapFilter, LdapModifyType, LdapOp, LdapSearchScope};
    use tokio_util::bytes::BytesMut;
    use tokio_util::codec::Decoder as _;

    use super::*;

    /// As another library reads it.
    fn read(request: &Request<'_>, control: Option<&str>) -> ldap3_proto::LdapMsg {
        let encoded = request.encode(7, control).unwrap();
        let mut bytes = BytesMut::from(encoded.as_slice());
        let message = LdapCodec::default().decode(&mut bytes).unwrap().unwrap();
        assert!(bytes.is_empty(), "it is one message");
        assert_eq!(message.msgid, 7);
        message
    }

    fn password(text: &str) -> Password {
        Password::parse(text.to_owned()).unwrap()
    }

    #[test]
    fn a_bind_has_the_name_and_the_password() {
        let secret = password("correct horse");
        let LdapOp::BindRequest(bind) = read(&Request::Bind { name: "cn=a,dc=b", password: &secret }, None).op else {
            panic!("it is a bind")
        };
        assert_eq!(bind.dn, "cn=a,dc=b");
        assert!(matches!(bind.cred, LdapBindCred::Simple(sent) if sent == "correct horse"));
    }

    #[test]
    fn a_search_asks_for_what_is_wanted() {
        let request = Request::Search {
            base: "dc=b",
            scope: Scope::Subtree,
            filter: "(&(uid=a\\2ab)(cn=x*y)(mail=*))",
            attributes: &["cn", "memberOf"],
            size_limit: 2,
            time_limit: 300,
        };
        let LdapOp::SearchRequest(search) = read(&request, None).op else { panic!("it is a search") };
        assert_eq!((search.base.as_str(), search.sizelimit, search.timelimit), ("dc=b", 2, 300));
        assert_eq!((search.scope, search.attrs), (LdapSearchScope::Subtree, vec!["cn".into(), "memberOf".into()]));
        let LdapFilter::And(parts) = search.filter else { panic!("they are joined by and") };
        assert_eq!(parts[0], LdapFilter::Equality("uid".into(), "a*b".into()));
        assert!(matches!(&parts[1], LdapFilter::Substring(name, _) if name == "cn"));
        assert_eq!(parts[2], LdapFilter::Present("mail".into()));
        let (scope, filter) = (Scope::Base, "(cn=");
        let none = Request::Search { base: "", scope, filter, attributes: &[], size_limit: 0, time_limit: 0 };
        assert!(matches!(none.encode(7, None), Err(Broken::Filter)));
    }

    #[test]
    fn every_kind_of_filter_is_written_as_the_crate_read_it() {
        for filter in [
            "(!(&(a=b)(|(c=*)(d=e*f*g)(h=*i))))",
            "(pwdLastSet>=1)",
            "(pwdLastSet<=1)",
            "(cn~=x)",
            "(member:1.2.840.113556.1.4.1941:=cn=x,dc=y)",
            "(:dn:2.4.6.8.10:=x)",
            &format!("(cn={})", "x".repeat(300)),
        ] {
            let bytes = written(filter).unwrap();
            let read = ldap3::asn1::parse_tag(&bytes).unwrap().1;
            assert_eq!(read, ldap3::parse_filter(filter).unwrap().into_structure(), "{filter}");
        }
    }

    #[test]
    fn a_change_of_a_password_takes_the_old_and_gives_the_new() {
        let changes = [Change::Delete("unicodePwd", b"old"), Change::Add("unicodePwd", b"new")];
        let LdapOp::ModifyRequest(modify) = read(&Request::Modify { dn: "cn=a", changes: &changes }, None).op else {
            panic!("it is a modify")
        };
        assert_eq!(modify.dn, "cn=a");
        let sent: Vec<_> =
            modify.changes.iter().map(|change| (&change.operation, &change.modification.vals[0][..])).collect();
        assert_eq!(sent, [(&LdapModifyType::Delete, &b"old"[..]), (&LdapModifyType::Add, b"new")]);

        let (old, new) = (password("old"), password("new"));
        let LdapOp::ExtendedRequest(extended) = read(&Request::ModifyPassword { old: &old, new: &new }, None).op else {
            panic!("it is extended")
        };
        assert_eq!(extended.name.as_bytes(), MODIFY_PASSWORD);
        let value = extended.value.unwrap();
        assert!(value.ends_with(b"\x82\x03new"), "{value:02x?}");
    }

    #[test]
    fn a_control_is_sent_and_an_abandon_names_its_message() {
        let LdapOp::AbandonRequest(abandoned) = read(&Request::Abandon(300), None).op else {
            panic!("it is an abandon")
        };
        assert_eq!(abandoned, 300);
        let encoded = Request::Abandon(1).encode(7, Some("1.2.3")).unwrap();
        assert!(encoded.ends_with(b"\x04\x051.2.3"), "{encoded:02x?}");
    }

    #[test]
    fn a_request_with_a_password_never_outgrows_its_room() {
        let long = password(&"x".repeat(1_000));
        let changes = [Change::Delete("unicodePwd", &[0; 1_000]), Change::Add("unicodePwd", &[0; 1_000])];
        let name = "n".repeat(1_000);
        let requests = [
            Request::Bind { name: &name, password: &long },
            Request::Modify { dn: &name, changes: &changes },
            Request::ModifyPassword { old: &long, new: &long },
        ];
        for request in requests {
            let room = Writer::with_room_for(request.room()).finish().capacity();
            assert!(request.encode(i32::MAX, Some(&"1".repeat(64))).unwrap().len() <= room);
        }
    }
}
