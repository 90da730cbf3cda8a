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
    at: At,
    /// The message under way. Control frames may come between its frames.
    message: Option<Box<Message>>,
    /// The payload of the control frame under way.
    control: Vec<u8>,
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
    Payload(Frame),
    /// Behind a close frame or a fault.
    End,
}

impl Reader {
    /// A reader that takes messages of up to `longest_message` bytes.
    pub fn new(longest_message: usize) -> Self {
        Self { longest_message, at: At::Head(Head::default()), message: None, control: Vec::new() }
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
            At::Payload(_) => true,
            At::End => false,
        };
        is_within_frame || self.message.is_some()
    }

    fn read(&mut self, bytes: &mut &mut [u8]) -> Result<Option<Heard>, Fault> {
        loop {
            match &mut self.at {
                At::Head(head) => {
                    let Some(frame) = head.read(bytes)? else { return Ok(None) };
                    self.begin(&frame)?;
                    self.at = At::Payload(frame);
                }
                At::Payload(frame) => {
                    let payload = frame.take(bytes);
                    let frame = *frame;
                    self.keep(payload, &frame)?;
                    if frame.left > 0 {
                        return Ok(None);
                    }
                    self.at = At::Head(Head::default());
                    if let Some(heard) = self.end(&frame)? {
                        return Ok(Some(heard));
                    }
                }
                At::End => {
                    *bytes = &mut [];
                    return Ok(None);
                }
            }
        }
    }

    /// Fragments of two messages do not mix (section 5.4), and none makes its message too long.
    fn begin(&mut self, frame: &Frame) -> Result<(), Fault> {
        if frame.opcode.is_control() {
            return Ok(());
        }
        let message = match (&mut self.message, frame.opcode) {
            (Some(message), Opcode::Continuation) => message,
            (None, Opcode::Continuation) => return Err(Fault::NothingToContinue),
            (Some(_), _) => return Err(Fault::MessageWithinMessage),
            (begun @ None, _) => begun.insert(Box::new(Message::begun_by(frame))),
        };
        message.admit(frame, self.longest_message)
    }

    fn keep(&mut self, payload: &[u8], frame: &Frame) -> Result<(), Fault> {
        if frame.opcode.is_control() {
            self.control.extend_from_slice(payload);
            return Ok(());
        }
        self.message.as_mut().map_or(Ok(()), |message| message.push(payload, frame, self.longest_message))
    }

    /// What a whole frame says: a control frame itself, the last frame of a message all of it, others nothing yet.
    fn end(&mut self, frame: &Frame) -> Result<Option<Heard>, Fault> {
        Ok(match frame.opcode {
            Opcode::Ping => Some(Heard::Ping(mem::take(&mut self.control))),
            Opcode::Pong => Some(Heard::Pong(mem::take(&mut self.control))),
            Opcode::Close => Some(Heard::Close(Closing::read(&mem::take(&mut self.control))?)),
            _ if !frame.is_final => None,
            _ => self.message.take().map(|message| message.end()).transpose()?,
        })
    }

    /// How much memory it holds beside itself.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.control.capacity() + self.message.as_ref().map_or(0, |message| size_of::<Message>() + message.held())
    }
}
