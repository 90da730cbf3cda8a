//! The LDAP requests of a client, parsed from the bytes it sends (RFC 4511, 4.2 and 4.5.1).

use std::fmt::Write as _;

use ldap3_lber::common::TagClass;
use ldap3_lber::parse::{DEFAULT_MAX_BER_DEPTH, Parser};
use ldap3_lber::structure::{PL, StructureTag};

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LdapRequest {
    /// A bind with this name: a DN, a principal name, or nothing.
    Bind(String),
    /// A search.
    Search(SentSearch),
    /// Anything else, by the number of its operation.
    Other(u64),
}

/// A search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SentSearch {
    pub(crate) base: String,
    pub(crate) scope: SearchScope,
    /// The filter as text (RFC 4515).
    pub(crate) filter: String,
    pub(crate) attributes: Vec<String>,
}

/// The scope of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SearchScope {
    Base,
    One,
    Subtree,
}

/// Parses the requests of one connection.
#[derive(Default)]
pub(crate) struct LdapRequestReader {
    unread: Vec<u8>,
    /// From here on the stream is encrypted.
    is_dark: bool,
    last_id: i64,
    last_operation: u64,
}

impl LdapRequestReader {
    /// The requests in these bytes. None, once the client speaks TLS, or to another kind of server.
    ///
    /// # Panics
    /// On what is none of these: then every count would be wrong.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Vec<LdapRequest> {
        let mut requests = Vec::new();
        if self.is_dark {
            return requests;
        }
        self.unread.extend_from_slice(bytes);
        while let Some(&first) = self.unread.first() {
            // A TLS record begins with the kind "handshake" (RFC 8446, 5.1), a command for Redis with an asterisk, what is said first
            // to PostgreSQL with the zero of its length, an LDAP message with the tag of a sequence.
            if matches!(first, 0x16 | b'*' | 0) {
                self.is_dark = true;
                self.unread.clear();
                break;
            }
            let (rest, message) = match Parser::new(DEFAULT_MAX_BER_DEPTH).parse(&self.unread) {
                Ok(parsed) => parsed,
                Err(error) if error.is_incomplete() => break,
                Err(error) => panic!("a client's bytes are no LDAP: {error:?}"),
            };
            let length = self.unread.len() - rest.len();
            let mut parts = children(message).into_iter();
            self.last_id = number(&octets(parts.next().unwrap()));
            let operation = parts.next().unwrap();
            self.last_operation = operation.id;
            requests.push(request(operation));
            self.unread.drain(..length);
        }
        requests
    }

    /// The id of the last message; 1 where none could be read.
    pub(crate) fn last_id(&self) -> i64 {
        self.last_id.max(1)
    }

    /// The number of the last message's operation.
    pub(crate) fn last_operation(&self) -> u64 {
        self.last_operation
    }
}

fn request(operation: StructureTag) -> LdapRequest {
    match (operation.class, operation.id) {
        (TagClass::Application, 0) => LdapRequest::Bind(text(&octets(children(operation).remove(1)))),
        (TagClass::Application, 3) => LdapRequest::Search(search(children(operation))),
        (_, id) => LdapRequest::Other(id),
    }
}

fn search(parts: Vec<StructureTag>) -> SentSearch {
    let [base, scope, _aliases, _size, _time, _types_only, filter, attributes] = parts.try_into().unwrap();
    let scope = match number(&octets(scope)) {
        0 => SearchScope::Base,
        1 => SearchScope::One,
        _ => SearchScope::Subtree,
    };
    let attributes = children(attributes).into_iter().map(|attribute| text(&octets(attribute))).collect();
    SentSearch { base: text(&octets(base)), scope, filter: filter_text(filter), attributes }
}

/// The filter's choices are numbered in RFC 4511, 4.5.1.
fn filter_text(filter: StructureTag) -> String {
    let all = |parts: Vec<StructureTag>| parts.into_iter().map(filter_text).collect::<String>();
    match filter.id {
        0 => format!("(&{})", all(children(filter))),
        1 => format!("(|{})", all(children(filter))),
        2 => format!("(!{})", all(children(filter))),
        3 => comparison("=", filter),
        4 => substrings(filter),
        5 => comparison(">=", filter),
        6 => comparison("<=", filter),
        7 => format!("({}=*)", text(&octets(filter))),
        8 => comparison("~=", filter),
        _ => by_rule(filter),
    }
}

fn comparison(sign: &str, filter: StructureTag) -> String {
    let [attribute, value] = children(filter).try_into().unwrap();
    format!("({}{sign}{})", text(&octets(attribute)), escaped(&octets(value)))
}

fn substrings(filter: StructureTag) -> String {
    let [attribute, pieces] = children(filter).try_into().unwrap();
    let mut pattern = String::new();
    for piece in children(pieces) {
        let (is_first, is_last) = (piece.id == 0, piece.id == 2);
        let piece = escaped(&octets(piece));
        if is_first {
            pattern += &piece;
        } else {
            write!(pattern, "*{piece}").unwrap();
        }
        if is_last {
            return format!("({}={pattern})", text(&octets(attribute)));
        }
    }
    format!("({}={pattern}*)", text(&octets(attribute)))
}

fn by_rule(filter: StructureTag) -> String {
    let (mut attribute, mut rule, mut value) = (String::new(), String::new(), String::new());
    for part in children(filter) {
        match part.id {
            1 => rule = format!(":{}", text(&octets(part))),
            2 => attribute = text(&octets(part)),
            3 => value = escaped(&octets(part)),
            _ => {}
        }
    }
    format!("({attribute}{rule}:={value})")
}

fn escaped(value: &[u8]) -> String {
    let mut text = String::new();
    for &byte in value {
        if (b' '..=b'~').contains(&byte) && !b"()*\\".contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "\\{byte:02x}").unwrap();
        }
    }
    text
}

fn number(octets: &[u8]) -> i64 {
    octets.iter().fold(0, |number, &octet| number << 8 | i64::from(octet))
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

fn octets(tag: StructureTag) -> Vec<u8> {
    match tag.payload {
        PL::P(octets) => octets,
        PL::C(_) => panic!("octets were expected, not parts: {:?}", tag.payload),
    }
}

fn children(tag: StructureTag) -> Vec<StructureTag> {
    match tag.payload {
        PL::C(children) => children,
        PL::P(_) => panic!("parts were expected, not octets: {:?}", tag.payload),
    }
}
