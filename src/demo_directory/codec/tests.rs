#![allow(clippy::unwrap_used, reason = "a test may panic")]

use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{
    LdapBindCred, LdapBindRequest, LdapDerefAliases, LdapExtendedRequest, LdapFilter, LdapOp, LdapSearchRequest,
    LdapSearchScope,
};

use super::*;

fn written(op: LdapOp, ctrl: Vec<LdapControl>) -> BytesMut {
    let mut bytes = BytesMut::new();
    LdapCodec::default().encode(LdapMsg { msgid: 7, op, ctrl }, &mut bytes).unwrap();
    bytes
}

fn search(filter: LdapFilter) -> LdapOp {
    LdapOp::SearchRequest(LdapSearchRequest {
        base: "DC=a".to_owned(),
        scope: LdapSearchScope::Subtree,
        aliases: LdapDerefAliases::Never,
        sizelimit: 0,
        timelimit: 0,
        typesonly: false,
        filter,
        attrs: vec!["cn".to_owned()],
    })
}

fn read_one(bytes: &[u8]) -> io::Result<Option<DemoRequest>> {
    RequestCodec::default().decode(&mut BytesMut::from(bytes))
}

#[test]
fn a_filter_is_read_as_it_was_written() {
    let written = written(search(ldap3_proto::parse_ldap_filter_str(
        "(|(&(a=1)(!(b=*)))(c=i*m*n*f)(d>=2)(e<=3)(f~=4)(g:1.2.840.113556.1.4.803:=2)(h:1.2.3:=x)(i:1.2.840.113556.1.4.1941:=x))",
    ).unwrap()), Vec::new());
    let request = read_one(&written).unwrap().unwrap();
    let compare = |attribute: &str, rule, value: &str| DemoFilter::Compare(attribute.into(), rule, value.into());
    let pieces =
        Substrings { initial: Some(b"i".to_vec()), any: vec![b"m".to_vec(), b"n".to_vec()], last: Some(b"f".to_vec()) };
    let expected = DemoFilter::Or(vec![
        DemoFilter::And(vec![compare("a", FilterRule::Equal, "1"), DemoFilter::Not(Box::new(DemoFilter::Present("b".into())))]),
        DemoFilter::Substring("c".into(), pieces),
        compare("d", FilterRule::AtLeast, "2"),
        compare("e", FilterRule::AtMost, "3"),
        compare("f", FilterRule::Equal, "4"),
        compare("g", FilterRule::AllBits, "2"),
        DemoFilter::Undefined,
        compare("i", FilterRule::Chain, "x"),
    ]);
    assert_eq!(request.filter, Some(expected));
}

#[test]
fn a_value_may_be_any_bytes() {
    let mut written = written(search(LdapFilter::Equality("objectSid".into(), "####".into())), Vec::new()).to_vec();
    let at = written.windows(4).position(|part| part == b"####").unwrap();
    written[at..at + 4].copy_from_slice(&[0xff, 0x00, 0xc3, 0x28]);
    let request = read_one(&written).unwrap().unwrap();
    assert_eq!(request.filter, Some(DemoFilter::Compare("objectSid".into(), FilterRule::Equal, vec![0xff, 0x00, 0xc3, 0x28])));
}

#[test]
fn half_a_message_waits_for_its_other_half() {
    let written = written(search(LdapFilter::Present("cn".into())), Vec::new());
    for length in 0..written.len() {
        assert!(read_one(&written[..length]).unwrap().is_none(), "after {length} bytes");
    }
    assert!(read_one(&written).unwrap().is_some());
}

#[test]
fn a_message_too_long_is_refused_at_its_first_bytes() {
    assert!(read_one(&[0x30, 0x83, 0x03, 0xff, 0xfb]).unwrap().is_none(), "as long as may be");
    assert!(read_one(&[0x30, 0x83, 0x03, 0xff, 0xfc]).is_err(), "one byte more");
    assert!(read_one(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]).is_err());
}

#[test]
fn no_changed_byte_makes_the_reader_panic() {
    let page = LdapControl::SimplePagedResults { size: 100, cookie: vec![1] };
    let cred = LdapBindCred::Simple("secret".into());
    let extended = LdapExtendedRequest { name: "1.2.3".into(), value: Some(vec![1, 2]) };
    let filter = ldap3_proto::parse_ldap_filter_str("(|(&(a=1)(!(b=*)))(c=i*m*f)(g:1.2.3:=2))").unwrap();
    for message in [
        written(search(filter), vec![page]),
        written(LdapOp::BindRequest(LdapBindRequest { version: 3, dn: "CN=a".into(), cred }), Vec::new()),
        written(LdapOp::ExtendedRequest(extended), Vec::new()),
        written(LdapOp::AbandonRequest(3), Vec::new()),
    ] {
        for at in 0..message.len() {
            for byte in 0..=u8::MAX {
                let mut changed = message.clone();
                changed[at] = byte;
                // Any answer will do, but a panic.
                drop(read_one(&changed));
            }
        }
    }
}
