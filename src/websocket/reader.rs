use std::mem;

use super::close_frame::CloseFrame;
use super::error::WebSocketError;
use super::header::{IncomingFrame, PartialHeader};
use super::message::{PartialMessage, WsMessage};
use super::opcode::Opcode;

/// Reads a client's messages and control frames (RFC 6455, section 5) from bytes as they come.
///
/// Between messages it has no buffer. That of an unfinished message grows with what has been received, never above the longest
/// message.
pub struct MessageReader {
    max_message: usize,
    deflate: bool,
    state: ReadState,
    /// The message under way. Control frames may come between its frames.
    message: Option<Box<PartialMessage>>,
}

/// The part of the stream that the next byte belongs to.
enum ReadState {
    Header(PartialHeader),
    /// The payload of a frame of the message under way.
    Message(IncomingFrame),
    /// The payload of a control frame, which gathers here.
    Control(IncomingFrame, Vec<u8>),
    /// Nothing: it comes after a close frame or an error.
    Closed,
}

impl MessageReader {
    /// A reader that accepts messages of up to `max_message` bytes.
    pub fn new(max_message: usize) -> Self {
        Self { max_message, deflate: false, state: ReadState::Header(PartialHeader::default()), message: None }
    }

    /// Accepts deflated messages too, once [negotiated](super::negotiate_deflate). The longest message bounds them both as they come
    /// and inflated.
    #[must_use]
    pub fn with_deflate(self) -> Self {
        Self { deflate: true, ..self }
    }

    /// Takes from the front of `bytes` (unmasking in place) up to the end of the next message or control frame; `None` when all
    /// is used up.
    ///
    /// # Errors
    ///
    /// A [`WebSocketError`], once, as soon as it shows. After it, and after a [`WsMessage::Close`], nothing more is read.
    pub fn next(&mut self, bytes: &mut &mut [u8]) -> Result<Option<WsMessage>, WebSocketError> {
        let message = self.read(bytes);
        if matches!(message, Err(_) | Ok(Some(WsMessage::Close(_)))) {
            *self = Self { state: ReadState::Closed, ..Self::new(self.max_message) };
        }
        message
    }

    /// Whether a frame or message has begun and not ended: a client that takes for ever over it can be closed.
    pub fn is_unfinished(&self) -> bool {
        let is_within_frame = match &self.state {
            ReadState::Header(head) => head.has_begun(),
            ReadState::Message(_) | ReadState::Control(..) => true,
            ReadState::Closed => false,
        };
        is_within_frame || self.message.is_some()
    }

    fn read(&mut self, bytes: &mut &mut [u8]) -> Result<Option<WsMessage>, WebSocketError> {
        loop {
            match &mut self.state {
                ReadState::Header(head) => {
                    let Some(frame) = head.read(bytes)? else { return Ok(None) };
                    self.state = self.begin_frame(frame)?;
                }
                ReadState::Message(frame) => {
                    let payload = frame.take_payload(bytes);
                    let frame = *frame;
                    if let Some(message) = &mut self.message {
                        message.push(payload, &frame, self.max_message)?;
                    }
                    if frame.remaining > 0 {
                        return Ok(None);
                    }
                    self.state = ReadState::Header(PartialHeader::default());
                    if let Some(message) = self.message.take_if(|_| frame.is_final) {
                        return message.finish(self.max_message).map(Some);
                    }
                }
                ReadState::Control(frame, payload) => {
                    payload.extend_from_slice(frame.take_payload(bytes));
                    if frame.remaining > 0 {
                        return Ok(None);
                    }
                    let (opcode, payload) = (frame.opcode, mem::take(payload));
                    self.state = ReadState::Header(PartialHeader::default());
                    return WsMessage::from_control_frame(opcode, payload).map(Some);
                }
                ReadState::Closed => {
                    *bytes = &mut [];
                    return Ok(None);
                }
            }
        }
    }

    /// Checks a frame by its header: fragments of two messages do not mix (RFC 6455, section 5.4), none makes its message too
    /// long, and only the first of a message says that it is deflated (RFC 7692, section 6).
    fn begin_frame(&mut self, frame: IncomingFrame) -> Result<ReadState, WebSocketError> {
        let begins = matches!(frame.opcode, Opcode::Text | Opcode::Binary);
        if frame.is_deflated && !(begins && self.deflate) {
            return Err(WebSocketError::ReservedBit);
        }
        if frame.opcode.is_control() {
            return Ok(ReadState::Control(frame, Vec::new()));
        }
        let message = match &mut self.message {
            Some(_) if begins => return Err(WebSocketError::InterleavedMessage),
            Some(message) => message,
            begun @ None if begins => begun.insert(Box::new(PartialMessage::start(&frame))),
            None => return Err(WebSocketError::UnexpectedContinuation),
        };
        message.check_header(&frame, self.max_message)?;
        Ok(ReadState::Message(frame))
    }

    /// The memory that its buffers take, in bytes.
    #[cfg(test)]
    pub(super) fn buffered_bytes(&self) -> usize {
        let control = if let ReadState::Control(_, payload) = &self.state { payload.capacity() } else { 0 };
        control + self.message.as_ref().map_or(0, |message| size_of::<PartialMessage>() + message.buffered_bytes())
    }
}

impl WsMessage {
    fn from_control_frame(opcode: Opcode, payload: Vec<u8>) -> Result<Self, WebSocketError> {
        Ok(match opcode {
            Opcode::Ping => Self::Ping(payload),
            Opcode::Close => Self::Close(CloseFrame::parse(&payload)?),
            _ => Self::Pong(payload),
        })
    }
}
