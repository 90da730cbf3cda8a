//! Parses what a server sends to a viewer: frames of RFC 6455, 5.2, unmasked and unfragmented, and of the text in them only
//! what is counted. Cheap, so that the load is not what is measured.

/// The bytes of a text in which numbers are looked for: they stand before the first panel's view.
const HEAD: usize = 192;

/// The answer to a ping: `{"type":"pong"}`, masked as every client's frame, by four zeros.
pub(crate) const PONG: &[u8] = b"\x81\x8f\0\0\0\0{\"type\":\"pong\"}";

/// The type of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageKind {
    Hello,
    Snapshot,
    Batch,
    Bye,
    /// A heartbeat.
    Ping,
    /// A close frame, or a message of another type.
    Other,
}

/// One frame with its text.
pub(crate) struct Frame<'a> {
    pub(crate) kind: MessageKind,
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
    pub(crate) fn string(&self, key: &str) -> Option<&str> {
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

/// The bytes of an incomplete frame. Empty nearly always.
#[derive(Default)]
pub(crate) struct FrameBuffer(Vec<u8>);

impl FrameBuffer {
    /// Adds bytes, and calls `on_frame` for each whole frame until it returns `false`.
    pub(crate) fn push(&mut self, read: &[u8], mut on_frame: impl FnMut(&Frame<'_>) -> bool) {
        if self.0.is_empty() {
            let used = for_each_frame(read, &mut on_frame);
            self.0.extend_from_slice(&read[used..]);
        } else {
            self.0.extend_from_slice(read);
            let used = for_each_frame(&self.0, &mut on_frame);
            self.0.drain(..used);
            if self.0.is_empty() {
                self.0 = Vec::new();
            }
        }
    }
}

/// Calls `on_frame` for each whole frame in `bytes`, and returns how many bytes those were.
fn for_each_frame(bytes: &[u8], on_frame: &mut impl FnMut(&Frame<'_>) -> bool) -> usize {
    let mut used = 0;
    while let Some((opcode, text, length)) = parse_frame(&bytes[used..]) {
        used += length;
        if !on_frame(&Frame { kind: kind(opcode, text), text, length }) {
            break;
        }
    }
    used
}

/// Parses the first frame: its opcode, its payload, and its whole length.
fn parse_frame(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let &[opcode, short, ..] = bytes else { return None };
    let (length, begins) = match short {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => (usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?, 10),
        short => (usize::from(short), 2),
    };
    let whole = begins + length;
    Some((opcode & 0x0f, bytes.get(begins..whole)?, whole))
}

fn kind(opcode: u8, text: &[u8]) -> MessageKind {
    const TYPE: &[u8] = b"{\"type\":\"";
    match (opcode, text.strip_prefix(TYPE)) {
        (1, Some(rest)) if rest.starts_with(b"batch") => MessageKind::Batch,
        (1, Some(rest)) if rest.starts_with(b"snapshot") => MessageKind::Snapshot,
        (1, Some(rest)) if rest.starts_with(b"hello") => MessageKind::Hello,
        (1, Some(rest)) if rest.starts_with(b"bye") => MessageKind::Bye,
        (1, Some(rest)) if rest.starts_with(b"ping") => MessageKind::Ping,
        _ => MessageKind::Other,
    }
}
