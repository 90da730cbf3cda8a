use super::deflate::inflate;
use super::fault::Fault;
use super::head::Frame;
use super::opcode::Opcode;
use super::reader::Heard;

/// Some libraries end a message with an empty frame, or flush one in between. Without a bound it could go on so for ever.
const MOST_EMPTY_FRAMES: u8 = 100;

/// A message as far as it has come, however it was split.
pub(super) struct Message {
    is_text: bool,
    is_deflated: bool,
    bytes: Vec<u8>,
    /// How many of the bytes are known to be UTF-8. Behind them is at most a character's beginning.
    checked: usize,
    empty_frames: u8,
}

impl Message {
    pub(super) fn begun_by(frame: &Frame) -> Self {
        let is_text = frame.opcode == Opcode::Text;
        Self { is_text, is_deflated: frame.is_deflated, bytes: Vec::new(), checked: 0, empty_frames: 0 }
    }

    /// Judges a frame of this message by its header, before any of it is kept.
    pub(super) fn admit(&mut self, frame: &Frame, longest: usize) -> Result<(), Fault> {
        if frame.left > longest.saturating_sub(self.bytes.len()) {
            return Err(Fault::TooLong { longest });
        }
        if frame.left == 0 && !frame.is_final {
            self.empty_frames += 1;
            if self.empty_frames > MOST_EMPTY_FRAMES {
                return Err(Fault::TooManyEmptyFrames);
            }
        }
        Ok(())
    }

    /// Keeps what came of `frame`, which knows what is still to come.
    pub(super) fn push(&mut self, payload: &[u8], frame: &Frame, longest: usize) -> Result<(), Fault> {
        self.make_room_for(payload.len(), frame, longest);
        self.bytes.extend_from_slice(payload);
        if self.is_text && !self.is_deflated { self.check() } else { Ok(()) }
    }

    /// The buffer doubles with what has really come, not with what was announced, and no further than the message may.
    fn make_room_for(&mut self, more: usize, frame: &Frame, longest: usize) {
        let needed = self.bytes.len() + more;
        if needed > self.bytes.capacity() {
            let most = if frame.is_final { needed + frame.left } else { longest };
            let room = (self.bytes.capacity() * 2).min(most).max(needed);
            self.bytes.reserve_exact(room - self.bytes.len());
        }
    }

    /// Refuses what no further byte can make UTF-8 (RFC 6455, section 8.1).
    fn check(&mut self) -> Result<(), Fault> {
        match std::str::from_utf8(&self.bytes[self.checked..]) {
            Ok(text) => self.checked += text.len(),
            Err(error) if error.error_len().is_none() => self.checked += error.valid_up_to(),
            Err(_) => return Err(Fault::NotUtf8),
        }
        Ok(())
    }

    /// The whole message, its last frame being there.
    pub(super) fn end(self, longest: usize) -> Result<Heard, Fault> {
        let bytes = if self.is_deflated { inflate(self.bytes, longest)? } else { self.bytes };
        if self.is_text {
            String::from_utf8(bytes).map(Heard::Text).map_err(|_| Fault::NotUtf8)
        } else {
            Ok(Heard::Binary(bytes))
        }
    }

    /// How much memory its bytes take.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.bytes.capacity()
    }
}
