use std::mem;
use std::ops::RangeInclusive;

use super::fault::Fault;
use super::opcode::{LONGEST_CONTROL, Opcode};

/// Two bytes, eight of length, four of mask.
const LONGEST_HEAD: usize = 14;

const FINAL: u8 = 0x80;
/// RSV1, by which RFC 7692 marks a deflated message. Nobody uses the other two bits.
const DEFLATED: u8 = 0x40;
const RESERVED: u8 = 0x30;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7F;

/// The header of a client's frame, as far as it has come (RFC 6455, section 5.2).
#[derive(Clone, Copy, Default)]
pub(super) struct Head {
    bytes: [u8; LONGEST_HEAD],
    have: u8,
}

/// A frame whose header is there.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) opcode: Opcode,
    pub(super) is_final: bool,
    pub(super) is_deflated: bool,
    /// How much of the payload is still to come, in bytes.
    pub(super) left: usize,
    /// Begins with the byte for what comes next.
    mask: [u8; 4],
}

impl Head {
    pub(super) fn has_begun(&self) -> bool {
        self.have > 0
    }

    /// Takes from the front of `bytes` what the header still lacks; `None` while it lacks more.
    pub(super) fn read(&mut self, bytes: &mut &mut [u8]) -> Result<Option<Frame>, Fault> {
        while usize::from(self.have) < self.whole() {
            let Some((byte, rest)) = mem::take(bytes).split_first_mut() else { return Ok(None) };
            *bytes = rest;
            self.bytes[usize::from(self.have)] = *byte;
            self.have += 1;
            if self.have == 2 {
                self.judge()?;
            }
        }
        self.frame().map(Some)
    }

    /// How long the header is, in bytes, as far as can be said.
    fn whole(&self) -> usize {
        if self.have < 2 { 2 } else { 2 + self.length_bytes() + 4 }
    }

    fn length_bytes(&self) -> usize {
        match self.bytes[1] & LENGTH {
            126 => 2,
            127 => 8,
            _ => 0,
        }
    }

    /// What the first two bytes show is refused without waiting for more.
    fn judge(&self) -> Result<Opcode, Fault> {
        let [first, second, ..] = self.bytes;
        if first & RESERVED != 0 {
            return Err(Fault::ReservedBit);
        }
        let opcode = Opcode::of(first).ok_or(Fault::UnknownOpcode(first & 0x0F))?;
        if second & MASKED == 0 {
            return Err(Fault::NotMasked);
        }
        if opcode.is_control() && first & FINAL == 0 {
            return Err(Fault::FragmentedControl);
        }
        if opcode.is_control() && usize::from(second & LENGTH) > LONGEST_CONTROL {
            return Err(Fault::LongControl);
        }
        Ok(opcode)
    }

    fn frame(&self) -> Result<Frame, Fault> {
        let (length, mask) = self.bytes[2..].split_at(self.length_bytes());
        let length = if let &[high, low] = length {
            u64::from(within(126..=u16::MAX, u16::from_be_bytes([high, low]))?)
        } else if let Ok(eight) = length.try_into() {
            within(0x1_0000..=u64::MAX >> 1, u64::from_be_bytes(eight))?
        } else {
            u64::from(self.bytes[1] & LENGTH)
        };
        Ok(Frame {
            opcode: self.judge()?,
            is_final: self.bytes[0] & FINAL != 0,
            is_deflated: self.bytes[0] & DEFLATED != 0,
            // What no address reaches is longer than any limit.
            left: usize::try_from(length).unwrap_or(usize::MAX),
            mask: [mask[0], mask[1], mask[2], mask[3]],
        })
    }
}

/// A length that no shorter form could have held.
fn within<L: Copy + PartialOrd>(form: RangeInclusive<L>, length: L) -> Result<L, Fault> {
    if form.contains(&length) { Ok(length) } else { Err(Fault::LengthForm) }
}

impl Frame {
    /// Takes from the front of `bytes` what belongs to this frame, unmasked (section 5.3).
    pub(super) fn take<'a>(&mut self, bytes: &mut &'a mut [u8]) -> &'a [u8] {
        let taken = self.left.min(bytes.len());
        let (payload, rest) = mem::take(bytes).split_at_mut(taken);
        *bytes = rest;
        for (at, byte) in payload.iter_mut().enumerate() {
            *byte ^= self.mask[at % 4];
        }
        self.mask.rotate_left(taken % 4);
        self.left -= taken;
        payload
    }
}
