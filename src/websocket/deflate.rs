//! `permessage-deflate` (RFC 7692, section 7.2) without context takeover: each message is deflated and inflated by itself. A
//! deflated message serves every client, and between messages no connection keeps a window of 32 KiB.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::error::WebSocketError;

/// The empty block that a sync flush ends with. It is left off a message, and put back before inflating.
const SYNC_TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// The fastest compression level: more effort takes three times as long for a tenth less (`benches/frames`).
const LEVEL: Compression = Compression::fast();

/// The tail and a final empty block: a message that does not inflate up to it ends within a block.
const FINAL_TAIL: [u8; 9] = [0x00, 0x00, 0xFF, 0xFF, 0x01, 0x00, 0x00, 0xFF, 0xFF];

/// The byte that begins another block behind a final one, for the tail (section 7.2.3.4).
const EMPTY_BLOCK_START: u8 = 0x00;

/// The inflated size expected, as a multiple of the deflated one. Guessing too low costs a reallocation or two.
const EXPECTED_RATIO: usize = 4;

/// Deflates a payload; `None` if that is no shorter.
pub(super) fn deflate(payload: &[u8]) -> Option<Vec<u8>> {
    let mut deflated = Vec::with_capacity(payload.len() + SYNC_TAIL.len());
    Compress::new(LEVEL, false).compress_vec(payload, &mut deflated, FlushCompress::Sync).ok()?;
    // When all the room is taken there may be more, and it is no shorter anyway.
    let length = deflated.strip_suffix(&SYNC_TAIL).filter(|_| deflated.len() < deflated.capacity())?.len();
    deflated.truncate(length);
    (length < payload.len()).then_some(deflated)
}

/// Inflates a message of up to `longest` bytes. No more than that is ever kept of it, whatever it would come to.
pub(super) fn inflate(mut deflated: Vec<u8>, longest: usize) -> Result<Vec<u8>, WebSocketError> {
    deflated.reserve_exact(FINAL_TAIL.len());
    deflated.extend(FINAL_TAIL);
    let mut rest = &*deflated;
    let mut inflated = Vec::new();
    let mut state = Decompress::new(false);
    loop {
        grow(&mut inflated, rest.len(), longest);
        let (read, wrote) = (state.total_in(), state.total_out());
        let status = inflate_step(&mut state, rest, &mut inflated, longest)?;
        let (read, wrote) = (state.total_in() - read, state.total_out() - wrote);
        rest = usize::try_from(read).ok().and_then(|read| rest.get(read..)).unwrap_or_default();
        if status == Status::StreamEnd {
            let is_all = rest.is_empty() || rest.strip_prefix(&[EMPTY_BLOCK_START]) == Some(&FINAL_TAIL);
            return if is_all { Ok(inflated) } else { Err(WebSocketError::InvalidDeflate) };
        }
        if read == 0 && wrote == 0 {
            return Err(WebSocketError::InvalidDeflate);
        }
    }
}

/// Inflates as much as the buffer has room for. Once it has none, a single byte more makes the message too long.
fn inflate_step(state: &mut Decompress, rest: &[u8], inflated: &mut Vec<u8>, longest: usize) -> Result<Status, WebSocketError> {
    if inflated.len() < longest {
        return state.decompress_vec(rest, inflated, FlushDecompress::None).map_err(|_| WebSocketError::InvalidDeflate);
    }
    let (mut one_more, wrote) = ([0], state.total_out());
    let status = state.decompress(rest, &mut one_more, FlushDecompress::None).map_err(|_| WebSocketError::InvalidDeflate)?;
    if state.total_out() > wrote { Err(WebSocketError::MessageTooLong { longest }) } else { Ok(status) }
}

/// Grows the buffer with what was inflated so far, and no further than the message may.
fn grow(inflated: &mut Vec<u8>, deflated: usize, longest: usize) {
    if inflated.len() == inflated.capacity() {
        let room = (inflated.capacity() * 2).max(deflated * EXPECTED_RATIO).min(longest);
        inflated.reserve_exact(room.saturating_sub(inflated.len()));
    }
}
