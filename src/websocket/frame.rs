use super::deflate::deflate;
use super::opcode::{MAX_CONTROL_PAYLOAD, Opcode};

/// The FIN bit in a frame's first byte: its message ends with it.
const FIN: u8 = 0x80;

/// The RSV1 bit in a frame's first byte: its message is deflated (RFC 7692, section 6).
const RSV1: u8 = 0x40;

/// The shortest message that is deflated, in bytes. A shorter one fits one packet either way, and deflating it costs 13 µs
/// whatever its length (`benches/frames`), more than writing it to a viewer.
pub const MIN_DEFLATED_BYTES: usize = 1024;

/// In place of a length in the second byte: the length is in the next two bytes, or in the next eight.
const LENGTH_16_BIT: u8 = 126;
const LENGTH_64_BIT: u8 = 127;

/// A text message in one frame, header and payload.
pub fn text_frame(payload: &str) -> Vec<u8> {
    frame(Opcode::Text as u8, payload.as_bytes())
}

/// A text message in one frame, for clients that negotiated deflate: deflated, if it is long enough and that makes it shorter.
///
/// No earlier message is referred to, so one frame serves all of them. Its length leaks something of its content: nothing secret
/// may stand in one message with text that somebody else can choose.
pub fn deflated_text_frame(payload: &str) -> Vec<u8> {
    deflated_frame(Opcode::Text, payload.as_bytes())
}

/// A binary message in one frame, header and payload.
pub fn binary_frame(payload: &[u8]) -> Vec<u8> {
    frame(Opcode::Binary as u8, payload)
}

/// The like of [`deflated_text`], with a binary message.
pub fn deflated_binary_frame(payload: &[u8]) -> Vec<u8> {
    deflated_frame(Opcode::Binary, payload)
}

/// A ping frame, with as much of `payload` as a control frame holds: 125 bytes.
pub fn ping_frame(payload: &[u8]) -> Vec<u8> {
    frame(Opcode::Ping as u8, fit_control_payload(payload))
}

/// A pong frame, the answer to a ping with its payload. Of a longer one, the first 125 bytes.
pub fn pong_frame(payload: &[u8]) -> Vec<u8> {
    frame(Opcode::Pong as u8, fit_control_payload(payload))
}

/// A close frame. The reason is cut to what fits beside the code, 123 bytes, before a character rather than within one.
///
/// `code` must be one that may be sent (RFC 6455, section 7.4): 1005, 1006 and 1015 may not.
pub fn close_frame(code: u16, reason: &str) -> Vec<u8> {
    let fits = reason.floor_char_boundary(MAX_CONTROL_PAYLOAD - size_of_val(&code));
    frame(Opcode::Close as u8, &[&code.to_be_bytes(), &reason.as_bytes()[..fits]].concat())
}

fn fit_control_payload(payload: &[u8]) -> &[u8] {
    &payload[..payload.len().min(MAX_CONTROL_PAYLOAD)]
}

fn deflated_frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    match (payload.len() >= MIN_DEFLATED_BYTES).then(|| deflate(payload)).flatten() {
        Some(deflated) => frame(RSV1 | opcode as u8, &deflated),
        None => frame(opcode as u8, payload),
    }
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u64).to_be_bytes();
    // The shortest form that holds the length: section 5.2 allows no other.
    let (code, length) = match payload.len() {
        0..=125 => (length[7], &length[8..]),
        126..=0xFFFF => (LENGTH_16_BIT, &length[6..]),
        _ => (LENGTH_64_BIT, &length[..]),
    };
    [&[FIN | first, code], length, payload].concat()
}
