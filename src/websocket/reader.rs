use std::mem;

use super::closing::Closing;
use super::fault::Fault;
use super::head::{Frame, Head};
use super::message::Message;
use super::opcode::Opcode;

/// Reads what a client says (RFC 6455, section 5), from bytes as they come.
///
/// Between messages it holds nothing but itself. What it keeps of an unfinished message grows with what has come, never above
/// the longest message.
pub struct Reader {
    longest_message: usize,
    inflates: bool,
    at: At,
    /// The message under way. Control frames may come between its frames.
    message: Option<Box<Message>>,
}

/// What a client said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A text message, however it was split.
    Text(String),
    /// A binary message, however it was split.
    Binary(Vec<u8>),
    /// To be answered by a pong with the same payload.
    Ping(Vec<u8>),
    /// Of no meaning, but a sign of life.
    Pong(Vec<u8>),
    /// To be answered by a close frame. Nothing that comes after it is read.
    Close(Option<Closing>),
}

/// Where in the stream the next byte belongs.
enum At {
    Head(Head),
    /// In a frame of the message under way.
    Message(Frame),
    /// In a control frame, whose payload gathers here.
    Control(Frame, Vec<u8>),
    /// Behind a close frame or a fault.
    End,
}

impl Reader {
    /// A reader that takes messages of up to `longest_message` bytes.
    pub fn new(longest_message: usize) -> Self {
        Self { longest_message, inflates: false, at: At::Head(Head::default()), message: None }
    }

    /// Takes deflated messages too, as agreed on by [`agree_to_deflate`](super::agree_to_deflate). The longest message bounds
    /// them both as they come and inflated.
    #[must_use]
    pub fn inflating(self) -> Self {
        Self { inflates: true, ..self }
    }

    /// Takes from the front of `bytes` (unmasking in place) up to the end of the next message or control frame; `None` when all
    /// is used up.
    ///
    /// # Errors
    ///
    /// A [`Fault`], once, as soon as it shows. After it, and after a [`Heard::Close`], nothing more is read.
    pub fn next(&mut self, bytes: &mut &mut [u8]) -> Result<Option<Heard>, Fault> {
        let heard = self.read(bytes);
        if matches!(heard, Err(_) | Ok(Some(Heard::Close(_)))) {
            *self = Self { at: At::End, ..Self::new(self.longest_message) };
        }
        heard
    }

    /// Whether a frame or message has begun and not ended: whoever takes for ever over it can be closed.
    pub fn is_unfinished(&self) -> bool {
        let is_within_frame = match &self.at {
            At::Head(head) => head.has_begun(),
            At::Message(_) | At::Control(..) => true,
            At::End => false,
        };
        is_within_frame || self.message.is_some()
    }

    fn read(&mut self, bytes: &mut &mut [u8]) -> Result<Option<Heard>, Fault> {
        loop {
            match &mut self.at {
                At::Head(head) => {
                    let Some(frame) = head.read(bytes)? else { return Ok(None) };
                    self.at = self.begin(frame)?;
                }
                At::Message(frame) => {
                    let payload = frame.take(bytes);
                    let frame = *frame;
                    if let Some(message) = &mut self.message {
                        message.push(payload, &frame, self.longest_message)?;
                    }
                    if frame.left > 0 {
                        return Ok(None);
                    }
                    self.at = At::Head(Head::default());
                    if let Some(message) = self.message.take_if(|_| frame.is_final) {
                        return message.end(self.longest_message).map(Some);
                    }
                }
                At::Control(frame, payload) => {
                    payload.extend_from_slice(frame.take(bytes));
                    if frame.left > 0 {
                        return Ok(None);
                    }
                    let (opcode, payload) = (frame.opcode, mem::take(payload));
                    self.at = At::Head(Head::default());
                    return Heard::control(opcode, payload).map(Some);
                }
                At::End => {
                    *bytes = &mut [];
                    return Ok(None);
                }
            }
        }
    }

    /// Judges a frame by its header: fragments of two messages do not mix (RFC 6455, section 5.4), none makes its message too
    /// long, and only the first of a message says that it is deflated (RFC 7692, section 6).
    fn begin(&mut self, frame: Frame) -> Result<At, Fault> {
        let begins = matches!(frame.opcode, Opcode::Text | Opcode::Binary);
        if frame.is_deflated && !(begins && self.inflates) {
            return Err(Fault::ReservedBit);
        }
        if frame.opcode.is_control() {
            return Ok(At::Control(frame, Vec::new()));
        }
        let message = match &mut self.message {
            Some(_) if begins => return Err(Fault::MessageWithinMessage),
            Some(message) => message,
            begun @ None if begins => begun.insert(Box::new(Message::begun_by(&frame))),
            None => return Err(Fault::NothingToContinue),
        };
        message.admit(&frame, self.longest_message)?;
        Ok(At::Message(frame))
    }

    /// How much memory it holds beside itself.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        let control = if let At::Control(_, payload) = &self.at { payload.capacity() } else { 0 };
        control + self.message.as_ref().map_or(0, |message| size_of::<Message>() + message.held())
    }
}

impl Heard {
    fn control(opcode: Opcode, payload: Vec<u8>) -> Result<Self, Fault> {
        Ok(match opcode {
            Opcode::Ping => Self::Ping(payload),
            Opcode::Close => Self::Close(Closing::read(&payload)?),
            _ => Self::Pong(payload),
        })
    }
}
