//! The codec that reads requests and writes answers (RFC 4511, 5.1).
//!
//! The messages themselves are `ldap3_proto`'s. Two things are done here: a message that announces itself too long is
//! refused before its bytes are waited for, and search filters are read with their values as bytes, since `ldap3_proto`
//! holds them as UTF-8, which a SID or a GUID is not.

use std::fmt;
use std::io;

use ldap3_lber::common::TagClass;
use ldap3_lber::parse::Parser;
use ldap3_lber::structure::{PL, StructureTag};
use ldap3_proto::LdapCodec;
use ldap3_proto::proto::LdapMsg;
use tokio_util::bytes::{Buf, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::filter::{DemoFilter, FilterRule, Substrings};

/// The most bytes of a request. A filter with a thousand SIDs is some 50 KiB; times the number of connections this
/// bounds the memory that strangers can take.
pub(super) const MAX_MESSAGE: usize = 256 * 1024;

/// The deepest nesting of a message. Each level costs stack; a filter a person or program writes has a handful.
const MAX_DEPTH: usize = 64;

/// The most terms of a filter. Each is compared with every entry; more are an attack, not a query.
const MAX_FILTER_TERMS: usize = 2048;

/// The application tags of requests (RFC 4511, 4.2 to 4.12): bind, unbind, search, modify, add, delete, rename,
/// compare, abandon, extended.
const REQUEST_TAGS: [u64; 10] = [0, 2, 3, 6, 8, 10, 12, 14, 16, 23];
const SEARCH_REQUEST: u64 = 3;
/// The index of the filter among the parts of a search request.
const FILTER_INDEX: usize = 6;

/// A request, and the filter when it is a search; its own `filter` is then only a placeholder.
#[derive(Debug)]
pub(super) struct DemoRequest {
    pub(super) message: LdapMsg,
    pub(super) filter: Option<DemoFilter>,
}

/// Reads requests and writes answers.
#[derive(Default)]
pub(super) struct RequestCodec {
    codec: LdapCodec,
}

/// Bytes that are not an LDAP request, or too many of them.
#[derive(Debug)]
struct MalformedRequest(&'static str);

impl fmt::Display for MalformedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for MalformedRequest {}

impl Decoder for RequestCodec {
    type Item = DemoRequest;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<DemoRequest>> {
        let Some(length) = announced_length(buffer)? else { return Ok(None) };
        if buffer.len() < length {
            buffer.reserve(length - buffer.len());
            return Ok(None);
        }
        let parsed = Parser::new(MAX_DEPTH).parse(&buffer[..length]);
        let (_, tag) = parsed.map_err(|_| malformed("the message is not BER"))?;
        buffer.advance(length);
        parse_request(tag).map(Some)
    }
}

impl Encoder<LdapMsg> for RequestCodec {
    type Error = io::Error;

    fn encode(&mut self, message: LdapMsg, buffer: &mut BytesMut) -> io::Result<()> {
        self.codec.encode(message, buffer)
    }
}

/// The whole length of the message at the front, from its first bytes; `None` while they are not all there.
fn announced_length(buffer: &[u8]) -> io::Result<Option<usize>> {
    const SEQUENCE: u8 = 0x30;
    let (first, rest) = match buffer {
        [] | [SEQUENCE] => return Ok(None),
        [SEQUENCE, first, rest @ ..] => (*first, rest),
        _ => return Err(malformed("a message does not begin with a sequence")),
    };
    let (header, content) = match first {
        0..=0x7f => (2, usize::from(first)),
        // Four bytes of length are more than enough, and a length without end (0x80) is not allowed in LDAP.
        0x81..=0x84 => {
            let bytes = usize::from(first & 0x7f);
            let Some(length) = rest.get(..bytes) else { return Ok(None) };
            (2 + bytes, length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
        }
        _ => return Err(malformed("a message has no proper length")),
    };
    match header + content {
        length if length > MAX_MESSAGE => Err(malformed("a message is too long")),
        length => Ok(Some(length)),
    }
}

fn parse_request(mut tag: StructureTag) -> io::Result<DemoRequest> {
    let operation = match &mut tag.payload {
        PL::C(parts) => parts.get_mut(1),
        PL::P(_) => None,
    };
    let operation = operation.ok_or_else(|| malformed("a message holds no operation"))?;
    if operation.class != TagClass::Application || !REQUEST_TAGS.contains(&operation.id) {
        return Err(malformed("an operation is not a request"));
    }
    let filter = match (&mut operation.payload, operation.id) {
        (PL::C(parts), SEARCH_REQUEST) => match parts.get_mut(FILTER_INDEX) {
            Some(filter) => {
                let mut terms_left = MAX_FILTER_TERMS;
                Some(read_filter(std::mem::replace(filter, placeholder()), &mut terms_left)?)
            }
            None => return Err(malformed("a search has no filter")),
        },
        _ => None,
    };
    let message = LdapMsg::try_from(tag).map_err(|_| malformed("a request is not one of LDAP"))?;
    Ok(DemoRequest { message, filter })
}

/// A placeholder for `ldap3_proto` to read in place of the filter: `(objectClass=*)`.
fn placeholder() -> StructureTag {
    StructureTag { class: TagClass::Context, id: 7, payload: PL::P(b"objectClass".to_vec()) }
}

/// Reads a filter (RFC 4511, 4.5.1). Its depth is bounded by the parser's, its size by `terms_left`.
fn read_filter(tag: StructureTag, terms_left: &mut usize) -> io::Result<DemoFilter> {
    *terms_left = terms_left.checked_sub(1).ok_or_else(|| malformed("a filter has too many terms"))?;
    if tag.class != TagClass::Context {
        return Err(malformed("a filter has an unknown part"));
    }
    match (tag.id, tag.payload) {
        (0, PL::C(parts)) => read_filters(parts, terms_left).map(DemoFilter::And),
        (1, PL::C(parts)) => read_filters(parts, terms_left).map(DemoFilter::Or),
        (2, PL::C(parts)) => {
            let [part] = exactly(parts)?;
            Ok(DemoFilter::Not(Box::new(read_filter(part, terms_left)?)))
        }
        (3 | 8, PL::C(parts)) => read_comparison(parts, FilterRule::Equal),
        (4, PL::C(parts)) => read_substring(parts, terms_left),
        (5, PL::C(parts)) => read_comparison(parts, FilterRule::AtLeast),
        (6, PL::C(parts)) => read_comparison(parts, FilterRule::AtMost),
        (7, PL::P(attribute)) => Ok(DemoFilter::Present(text(attribute)?)),
        (9, PL::C(parts)) => read_extensible(parts),
        _ => Err(malformed("a filter has an unknown part")),
    }
}

fn read_filters(parts: Vec<StructureTag>, terms_left: &mut usize) -> io::Result<Vec<DemoFilter>> {
    parts.into_iter().map(|part| read_filter(part, terms_left)).collect()
}

fn read_comparison(parts: Vec<StructureTag>, rule: FilterRule) -> io::Result<DemoFilter> {
    let [attribute, value] = exactly(parts)?;
    Ok(DemoFilter::Compare(text(octets(attribute)?)?, rule, octets(value)?))
}

fn read_substring(parts: Vec<StructureTag>, terms_left: &mut usize) -> io::Result<DemoFilter> {
    let [attribute, substrings] = exactly(parts)?;
    let PL::C(substrings) = substrings.payload else { return Err(malformed("a substring filter has no pieces")) };
    let last_at = substrings.len().saturating_sub(1);
    let mut pieces = Substrings::default();
    for (at, piece) in substrings.into_iter().enumerate() {
        *terms_left = terms_left.checked_sub(1).ok_or_else(|| malformed("a filter has too many terms"))?;
        match (piece.id, octets(piece)?) {
            (0, initial) if at == 0 => pieces.initial = Some(initial),
            (1, any) => pieces.any.push(any),
            (2, last) if at == last_at => pieces.last = Some(last),
            _ => return Err(malformed("a substring filter's pieces are out of order")),
        }
    }
    Ok(DemoFilter::Substring(text(octets(attribute)?)?, pieces))
}

fn read_extensible(parts: Vec<StructureTag>) -> io::Result<DemoFilter> {
    let (mut rule, mut attribute, mut value) = (None, None, None);
    for part in parts {
        match part.id {
            1 => rule = Some(text(octets(part)?)?),
            2 => attribute = Some(text(octets(part)?)?),
            3 => value = Some(octets(part)?),
            // dnAttributes: no rule here looks into the DN.
            4 => {}
            _ => return Err(malformed("an extensible filter has an unknown part")),
        }
    }
    let value = value.ok_or_else(|| malformed("an extensible filter has no value"))?;
    let rule = match rule.as_deref() {
        None => FilterRule::Equal,
        Some("1.2.840.113556.1.4.803") => FilterRule::AllBits,
        Some("1.2.840.113556.1.4.804") => FilterRule::AnyBit,
        Some("1.2.840.113556.1.4.1941") => FilterRule::Chain,
        Some(_) => return Ok(DemoFilter::Undefined),
    };
    Ok(attribute.map_or(DemoFilter::Undefined, |attribute| DemoFilter::Compare(attribute, rule, value)))
}

fn exactly<const N: usize>(parts: Vec<StructureTag>) -> io::Result<[StructureTag; N]> {
    parts.try_into().map_err(|_| malformed("a filter has a part too many or too few"))
}

fn octets(tag: StructureTag) -> io::Result<Vec<u8>> {
    tag.expect_primitive().ok_or_else(|| malformed("a filter has a part where a value should be"))
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| malformed("a filter has a name that is not UTF-8"))
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, MalformedRequest(what))
}

#[cfg(test)]
mod tests;
