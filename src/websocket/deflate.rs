//! RFC 7692, section 7.2: messages deflated and inflated one by one, without the memory of earlier ones. A deflated message serves
//! everybody, and between messages no connection keeps a window of 32 KiB.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::error::WebSocketError;

/// An empty block, by which deflate comes to the end of a byte. It is left off, and put back before inflating.
const SYNC_TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// More effort takes three times as long for a tenth less (`benches/frames`).
const LEVEL: Compression = Compression::fast();

/// The tail, and a block that says it is the last one: whoever does not come to it was left within a block.
const FINAL_TAIL: [u8; 9] = [0x00, 0x00, 0xFF, 0xFF, 0x01, 0x00, 0x00, 0xFF, 0xFF];

/// A sender may say itself which block is the last, and begins another for the tail (section 7.2.3.4).
const EMPTY_BLOCK_START: u8 = 0x00;

/// Text comes out several times as long. Guessing too low costs a reallocation or two.
const EXPECTED_RATIO: usize = 4;

/// The payload deflated; `None` if that is no shorter.
pub(super) fn deflate(payload: &[u8]) -> Option<Vec<u8>> {
    let mut deflated = Vec::with_capacity(payload.len() + SYNC_TAIL.len());
    Compress::new(LEVEL, false).compress_vec(payload, &mut deflated, FlushCompress::Sync).ok()?;
    // When all the room is taken there may be more, and it is no shorter anyway.
    let length = deflated.strip_suffix(&SYNC_TAIL).filter(|_| deflated.len() < deflated.capacity())?.len();
    deflated.truncate(length);
    (length < payload.len()).then_some(deflated)
}

/// A message inflated, of up to `longest` bytes. No more than that is ever kept of it, whatever it would come to.
pub(super) fn inflate(mut deflated: Vec<u8>, longest: usize) -> Result<Vec<u8>, WebSocketError> {
    deflated.reserve_exact(FINAL_TAIL.len());
    deflated.extend(FINAL_TAIL);
    let mut rest = &*deflated;
    let mut whole = Vec::new();
    let mut state = Decompress::new(false);
    loop {
        grow(&mut whole, rest.len(), longest);
        let (read, wrote) = (state.total_in(), state.total_out());
        let status = inflate_step(&mut state, rest, &mut whole, longest)?;
        let (read, wrote) = (state.total_in() - read, state.total_out() - wrote);
        rest = usize::try_from(read).ok().and_then(|read| rest.get(read..)).unwrap_or_default();
        if status == Status::StreamEnd {
            let is_all = rest.is_empty() || rest.strip_prefix(&[EMPTY_BLOCK_START]) == Some(&FINAL_TAIL);
            return if is_all { Ok(whole) } else { Err(WebSocketError::InvalidDeflate) };
        }
        if read == 0 && wrote == 0 {
            return Err(WebSocketError::InvalidDeflate);
        }
    }
}

/// Inflates as much as there is room for. Once there is none, a single byte more makes the message too long.
fn inflate_step(
    state: &mut Decompress,
    rest: &[u8],
    whole: &mut Vec<u8>,
    longest: usize,
) -> Result<Status, WebSocketError> {
    if whole.len() < longest {
        return state.decompress_vec(rest, whole, FlushDecompress::None).map_err(|_| WebSocketError::InvalidDeflate);
    }
    let (mut one_more, wrote) = ([0], state.total_out());
    let status =
        state.decompress(rest, &mut one_more, FlushDecompress::None).map_err(|_| WebSocketError::InvalidDeflate)?;
    if state.total_out() > wrote { Err(WebSocketError::MessageTooLong { longest }) } else { Ok(status) }
}

/// The buffer grows with what has come out, and no further than the message may.
fn grow(whole: &mut Vec<u8>, deflated: usize, longest: usize) {
    if whole.len() == whole.capacity() {
        let room = (whole.capacity() * 2).max(deflated * EXPECTED_RATIO).min(longest);
        whole.reserve_exact(room.saturating_sub(whole.len()));
    }
}
