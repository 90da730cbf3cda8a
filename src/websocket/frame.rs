use super::opcode::{LONGEST_CONTROL, Opcode};

/// Set in a frame's first byte when its message ends with it.
const FINAL: u8 = 0x80;

/// The longest length that the second byte holds itself; two codes above it announce a longer one.
const LONGEST_IN_ONE_BYTE: usize = 125;
const TWO_BYTES_FOLLOW: u8 = 126;
const EIGHT_BYTES_FOLLOW: u8 = 127;

/// A text message in one frame, header and payload.
pub fn text(payload: &str) -> Vec<u8> {
    frame(Opcode::Text, payload.as_bytes())
}

/// A binary message in one frame, header and payload.
pub fn binary(payload: &[u8]) -> Vec<u8> {
    frame(Opcode::Binary, payload)
}

/// A ping, with as much of `payload` as a control frame holds: 125 bytes.
pub fn ping(payload: &[u8]) -> Vec<u8> {
    frame(Opcode::Ping, fitting(payload))
}

/// The answer to a ping: its own payload. Of a longer one, the first 125 bytes.
pub fn pong(payload: &[u8]) -> Vec<u8> {
    frame(Opcode::Pong, fitting(payload))
}

/// A close frame. The reason is cut to what fits beside the code, 123 bytes, before a character rather than within one.
///
/// `code` must be one that may be sent (RFC 6455, section 7.4): 1005, 1006 and 1015 may not.
pub fn close(code: u16, reason: &str) -> Vec<u8> {
    let fits = reason.floor_char_boundary(LONGEST_CONTROL - size_of_val(&code));
    frame(Opcode::Close, &[&code.to_be_bytes(), &reason.as_bytes()[..fits]].concat())
}

fn fitting(payload: &[u8]) -> &[u8] {
    &payload[..payload.len().min(LONGEST_CONTROL)]
}

fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + 10);
    frame.push(FINAL | opcode as u8);
    // The shortest form that holds the length: section 5.2 allows no other.
    if let Ok(length) = u8::try_from(payload.len())
        && payload.len() <= LONGEST_IN_ONE_BYTE
    {
        frame.push(length);
    } else if let Ok(length) = u16::try_from(payload.len()) {
        frame.push(TWO_BYTES_FOLLOW);
        frame.extend(length.to_be_bytes());
    } else {
        frame.push(EIGHT_BYTES_FOLLOW);
        frame.extend((payload.len() as u64).to_be_bytes());
    }
    frame.extend_from_slice(payload);
    frame.shrink_to_fit();
    frame
}
