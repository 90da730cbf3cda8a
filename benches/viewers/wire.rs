//! Reads what a server sends to a viewer: frames of RFC 6455, 5.2, unmasked and unfragmented, and of the text in them only
//! what is counted. Cheap, so that the load is not what is measured.

/// Where in a text the numbers stand that are looked for: before the first panel's view.
const HEAD: usize = 192;

/// What a viewer answers to a ping: `{"type":"pong"}`, masked as all that a client says, by four zeros.
pub(crate) const PONG: &[u8] = b"\x81\x8f\0\0\0\0{\"type\":\"pong\"}";

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Hello,
    Snapshot,
    Batch,
    Bye,
    /// Whether anybody is there.
    Ping,
    /// The close frame.
    Other,
}

/// One frame, and what its text says.
pub(crate) struct Frame<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a [u8],
    /// Bytes on the wire, its head included.
    pub(crate) length: usize,
}

impl Frame<'_> {
    /// The number after `key`, such as `"seq":`, in the text's head.
    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        let digits = self.after(key)?.iter().take_while(|byte| byte.is_ascii_digit());
        let value = digits.fold(0_u64, |value, digit| value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
        Some(value)
    }

    /// The short text after `key`, such as `"epoch":"`.
    pub(crate) fn words(&self, key: &str) -> Option<&str> {
        let rest = self.after(key)?;
        let end = rest.iter().position(|byte| *byte == b'"')?;
        std::str::from_utf8(&rest[..end]).ok()
    }

    fn after(&self, key: &str) -> Option<&[u8]> {
        let head = &self.text[..self.text.len().min(HEAD)];
        let at = head.windows(key.len()).position(|part| part == key.as_bytes())?;
        Some(&head[at + key.len()..])
    }
}

/// What came and is no whole frame yet. Empty nearly always.
#[derive(Default)]
pub(crate) struct Rest(Vec<u8>);

impl Rest {
    /// Takes what was read, and tells of each whole frame; `told` says whether to go on.
    pub(crate) fn take(&mut self, read: &[u8], mut told: impl FnMut(&Frame<'_>) -> bool) {
        if self.0.is_empty() {
            let used = each(read, &mut told);
            self.0.extend_from_slice(&read[used..]);
        } else {
            self.0.extend_from_slice(read);
            let used = each(&self.0, &mut told);
            self.0.drain(..used);
            if self.0.is_empty() {
                self.0 = Vec::new();
            }
        }
    }
}

/// Tells of each whole frame in `bytes`, and says how many bytes those were.
fn each(bytes: &[u8], told: &mut impl FnMut(&Frame<'_>) -> bool) -> usize {
    let mut used = 0;
    while let Some((opcode, text, length)) = first(&bytes[used..]) {
        used += length;
        if !told(&Frame { kind: kind(opcode, text), text, length }) {
            break;
        }
    }
    used
}

/// The first frame: its opcode, its payload, and its length as a whole.
fn first(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let &[opcode, short, ..] = bytes else { return None };
    let (length, begins) = match short {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => (usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?, 10),
        short => (usize::from(short), 2),
    };
    let whole = begins + length;
    Some((opcode & 0x0f, bytes.get(begins..whole)?, whole))
}

fn kind(opcode: u8, text: &[u8]) -> Kind {
    const TYPE: &[u8] = b"{\"type\":\"";
    match (opcode, text.strip_prefix(TYPE)) {
        (1, Some(rest)) if rest.starts_with(b"batch") => Kind::Batch,
        (1, Some(rest)) if rest.starts_with(b"snapshot") => Kind::Snapshot,
        (1, Some(rest)) if rest.starts_with(b"hello") => Kind::Hello,
        (1, Some(rest)) if rest.starts_with(b"bye") => Kind::Bye,
        (1, Some(rest)) if rest.starts_with(b"ping") => Kind::Ping,
        _ => Kind::Other,
    }
}
