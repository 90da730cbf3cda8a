//! Names, filters, SIDs, GUIDs, entries: what a server or a stranger sends is read without a panic, and means after
//! reading what it meant before.

#![no_main]

use belvedere::config::DirectoryKind;
use belvedere::directory::fuzzing;
use belvedere::domain::{Dn, NameForm, Username};
use bytes::BytesMut;
use ldap3::asn1::{ASNTag as _, write};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    sids_and_guids_keep_their_bytes(data);
    // Whatever it is, it is no panic.
    let _ = fuzzing::entry(data, "objectGUID");
    let Ok(text) = std::str::from_utf8(data) else { return };
    a_value_stays_a_value(text);
    names_are_compared_by_meaning(text);
    a_username_has_one_form(text);
    only_success_lets_in(text);
});

fn sids_and_guids_keep_their_bytes(data: &[u8]) {
    if let Some((text, bytes)) = fuzzing::sid(data) {
        assert_eq!(bytes, data);
        assert_eq!(sid_from_text(&text).as_deref(), Some(data), "{text}");
    }
    assert_eq!(fuzzing::guid(data).is_some(), data.len() == 16);
    if let Some(text) = fuzzing::guid(data) {
        assert!(text.len() == 36 && text.bytes().all(|c| c == b'-' || c.is_ascii_hexdigit()), "{text}");
    }
}

/// The bytes of `S-1-5-21-…` (MS-DTYP 2.4.2), read by other code than the program's.
fn sid_from_text(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.strip_prefix("S-1-")?.split('-');
    let authority = parts.next()?;
    let authority: u64 = match authority.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok()?,
        None => authority.parse().ok()?,
    };
    let subs = parts.map(str::parse::<u32>).collect::<Result<Vec<_>, _>>().ok()?;
    let mut bytes = vec![1, u8::try_from(subs.len()).ok()?];
    bytes.extend(&authority.to_be_bytes()[2..]);
    subs.iter().for_each(|sub| bytes.extend(sub.to_le_bytes()));
    Some(bytes)
}

/// Escaped, put into a filter, read by the LDAP crate: the server is asked for that very value (RFC 4511, 4.5.1.7).
fn a_value_stays_a_value(text: &str) {
    let filter = fuzzing::equals("uid", text);
    let expected = equality(b"uid", text.as_bytes());
    assert_eq!(encoded(&filter), expected, "{filter}");

    let filter = fuzzing::group_filter("(|(member={dn})(memberUid={username}))", text, "{dn}").unwrap();
    let either = [equality(b"member", text.as_bytes()), equality(b"memberUid", b"{dn}")].concat();
    assert_eq!(encoded(&filter), element(0xa1, &either), "{filter}");
}

/// As it is sent.
fn encoded(filter: &str) -> Vec<u8> {
    let tag = ldap3::parse_filter(filter).expect("a filter stays one, whatever the value").into_structure();
    let mut bytes = BytesMut::new();
    write::encode_into(&mut bytes, tag).expect("it is written to memory");
    bytes.to_vec()
}

fn equality(attribute: &[u8], value: &[u8]) -> Vec<u8> {
    element(0xa3, &[element(0x04, attribute), element(0x04, value)].concat())
}

/// A BER element with its length in the fewest bytes, as the crate writes it.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = &length[length.iter().position(|byte| *byte != 0).unwrap_or(length.len() - 1)..];
    let mut bytes = vec![tag];
    if content.len() > 127 {
        bytes.push(0x80 | u8::try_from(length.len()).expect("a length has at most eight bytes"));
    }
    bytes.extend(length);
    bytes.extend(content);
    bytes
}

fn names_are_compared_by_meaning(text: &str) {
    let Ok(dn) = text.parse::<Dn>() else { return };
    assert!(dn.is_within(&dn));
    assert_eq!(dn.as_str().parse::<Dn>().as_ref(), Ok(&dn), "what was written is the same name again");
    assert_eq!(text.to_ascii_uppercase().parse::<Dn>().as_ref(), Ok(&dn), "capitals do not count: {text:?}");
    let below = format!("CN=x,{text}").parse::<Dn>().expect("a name below a name is one");
    assert!(below.is_within(&dn) && !dn.is_within(&below), "{text:?}");
}

fn a_username_has_one_form(text: &str) {
    let Ok(name) = Username::parse(text) else { return };
    match name.form() {
        NameForm::Bare(bare) => assert_eq!(bare, name.as_str()),
        NameForm::Principal { name: before, suffix } => assert_eq!(format!("{before}@{suffix}"), name.as_str()),
        NameForm::DownLevel { domain, name: behind } => {
            assert!(['\\', '/'].iter().any(|between| format!("{domain}{between}{behind}") == name.as_str()), "{name}");
        }
    }
}

fn only_success_lets_in(text: &str) {
    for kind in [DirectoryKind::ActiveDirectory, DirectoryKind::Ldap] {
        assert!(fuzzing::bind_lets_in(kind, 0, text));
        for code in [1, 8, 10, 14, 19, 32, 34, 48, 49, 51, 53, 80] {
            assert!(!fuzzing::bind_lets_in(kind, code, text), "{code} {text:?}");
        }
    }
}
