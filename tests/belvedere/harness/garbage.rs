//! Invalid LDAP answers, which no directory sends and which break clients.

/// A kind of garbage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Garbage {
    /// Another protocol's words.
    NotLdap,
    /// Nothing but zeros.
    Zeros,
    /// A message that says it is two gigabytes long.
    Huge,
    /// A length octet that X.690, 8.1.3.5 reserves.
    ReservedLength,
    /// The indefinite length, which RFC 4511, 5.1 forbids.
    IndefiniteLength,
    /// Four thousand sequences, one in another: a client that reads them by recursion overflows its stack, which ends
    /// its whole process. So it is not in [`Self::ALL`], and its tests must not share a process with others.
    Deep,
    /// An operation that LDAP does not have.
    UnknownOperation,
    /// A message without an operation.
    NoOperation,
    /// The answer to another question.
    AnotherId,
    /// A bind's result without its name and its words.
    BrokenResult,
    /// A found entry without a name and attributes.
    HollowEntry,
}

impl Garbage {
    /// Every kind that a test's own process survives.
    pub(crate) const ALL: [Self; 10] = [
        Self::NotLdap,
        Self::Zeros,
        Self::Huge,
        Self::ReservedLength,
        Self::IndefiniteLength,
        Self::UnknownOperation,
        Self::NoOperation,
        Self::AnotherId,
        Self::BrokenResult,
        Self::HollowEntry,
    ];

    /// The bytes, where the client's last message has this id.
    pub(crate) fn bytes(self, id: i64) -> Vec<u8> {
        match self {
            Self::NotLdap => b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n".to_vec(),
            Self::Zeros => vec![0; 64],
            Self::Huge => vec![0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 0x02, 0x01, 0x01],
            Self::ReservedLength => vec![0x30, 0xff, 0x02, 0x01, 0x01],
            Self::IndefiniteLength => vec![0x30, 0x80, 2, 1, 1, 0x61, 7, 0x0a, 1, 0, 4, 0, 4, 0, 0, 0],
            Self::Deep => deep(4000),
            Self::UnknownOperation => message(id, &[0x7e, 0x00]),
            Self::NoOperation => message(id, &[]),
            Self::AnotherId => message(id.wrapping_add(1000), &[0x61, 7, 0x0a, 1, 0, 4, 0, 4, 0]),
            Self::BrokenResult => message(id, &[0x61, 3, 0x0a, 1, 0]),
            Self::HollowEntry => message(id, &[0x64, 0]),
        }
    }
}

/// An LDAP message around an operation.
fn message(id: i64, operation: &[u8]) -> Vec<u8> {
    let [.., a, b, c, d] = id.to_be_bytes();
    let length = u8::try_from(6 + operation.len()).unwrap();
    [&[0x30, length, 2, 4, a, b, c, d][..], operation].concat()
}

fn deep(levels: usize) -> Vec<u8> {
    let header = |inside: usize| {
        let [.., a, b, c, d] = inside.to_be_bytes();
        [0x30, 0x84, a, b, c, d]
    };
    (0..levels).rev().flat_map(|below| header(below * 6)).collect()
}
