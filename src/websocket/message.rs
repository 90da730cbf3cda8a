use super::close_frame::CloseFrame;
use super::deflate::inflate;
use super::error::WebSocketError;
use super::header::IncomingFrame;
use super::opcode::Opcode;

/// The empty frames that one message may have. Some libraries end a message with one, or flush one in between; without a
/// limit it could go on so for ever.
const MAX_EMPTY_FRAMES: u8 = 100;

/// A message or control frame of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WsMessage {
    /// A text message, put together from its fragments.
    Text(String),
    /// A binary message, put together from its fragments.
    Binary(Vec<u8>),
    /// A ping, to be answered by a pong with the same payload.
    Ping(Vec<u8>),
    /// A pong: of no meaning, but a sign of life.
    Pong(Vec<u8>),
    /// A close frame, to be answered by another. Nothing that comes after it is read.
    Close(Option<CloseFrame>),
}

/// A message being assembled from its fragments.
pub(super) struct PartialMessage {
    is_text: bool,
    is_deflated: bool,
    bytes: Vec<u8>,
    /// The number of bytes found to be UTF-8. Behind them is at most a character's beginning.
    utf8_checked: usize,
    empty_frames: u8,
}

impl PartialMessage {
    pub(super) fn start(frame: &IncomingFrame) -> Self {
        let is_text = frame.opcode == Opcode::Text;
        Self { is_text, is_deflated: frame.is_deflated, bytes: Vec::new(), utf8_checked: 0, empty_frames: 0 }
    }

    /// Checks the limits against the header of a frame of this message, before any of its payload is kept.
    pub(super) fn check_header(&mut self, frame: &IncomingFrame, longest: usize) -> Result<(), WebSocketError> {
        if frame.remaining > longest.saturating_sub(self.bytes.len()) {
            return Err(WebSocketError::MessageTooLong { longest });
        }
        if frame.remaining == 0 && !frame.is_final {
            self.empty_frames += 1;
            if self.empty_frames > MAX_EMPTY_FRAMES {
                return Err(WebSocketError::TooManyEmptyFrames);
            }
        }
        Ok(())
    }

    /// Appends received payload of `frame`, which knows how much is still to come.
    pub(super) fn push(&mut self, payload: &[u8], frame: &IncomingFrame, longest: usize) -> Result<(), WebSocketError> {
        self.reserve(payload.len(), frame, longest);
        self.bytes.extend_from_slice(payload);
        if self.is_text && !self.is_deflated { self.check_utf8() } else { Ok(()) }
    }

    /// Grows the buffer: it doubles with what was received, not with what was announced, and no further than the message may.
    fn reserve(&mut self, more: usize, frame: &IncomingFrame, longest: usize) {
        let needed = self.bytes.len() + more;
        if needed > self.bytes.capacity() {
            let most = if frame.is_final { needed + frame.remaining } else { longest };
            let room = (self.bytes.capacity() * 2).min(most).max(needed);
            self.bytes.reserve_exact(room - self.bytes.len());
        }
    }

    /// Checks the text so far; an error is what no further byte can make UTF-8 (RFC 6455, section 8.1).
    fn check_utf8(&mut self) -> Result<(), WebSocketError> {
        match std::str::from_utf8(&self.bytes[self.utf8_checked..]) {
            Ok(text) => self.utf8_checked += text.len(),
            Err(error) if error.error_len().is_none() => self.utf8_checked += error.valid_up_to(),
            Err(_) => return Err(WebSocketError::InvalidUtf8),
        }
        Ok(())
    }

    /// The complete message, after its last frame.
    pub(super) fn finish(self, longest: usize) -> Result<WsMessage, WebSocketError> {
        let bytes = if self.is_deflated { inflate(self.bytes, longest)? } else { self.bytes };
        if self.is_text {
            String::from_utf8(bytes).map(WsMessage::Text).map_err(|_| WebSocketError::InvalidUtf8)
        } else {
            Ok(WsMessage::Binary(bytes))
        }
    }

    /// The memory that its buffer takes, in bytes.
    #[cfg(test)]
    pub(super) fn buffered_bytes(&self) -> usize {
        self.bytes.capacity()
    }
}
