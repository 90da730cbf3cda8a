use std::mem;
use std::ops::RangeInclusive;

use super::error::WebSocketError;
use super::opcode::{MAX_CONTROL_PAYLOAD, Opcode};

/// The longest header: two bytes, eight of length, four of mask.
const MAX_HEADER_BYTES: usize = 14;

const FIN: u8 = 0x80;
/// RSV1 marks a deflated message (RFC 7692). No extension here uses the other two bits.
const RSV1: u8 = 0x40;
const RSV2_RSV3: u8 = 0x30;
const MASK: u8 = 0x80;
const LENGTH_BITS: u8 = 0x7F;

/// The header of a client's frame, as far as it has been received (RFC 6455, section 5.2).
#[derive(Clone, Copy, Default)]
pub(super) struct PartialHeader {
    bytes: [u8; MAX_HEADER_BYTES],
    filled: u8,
}

/// A frame whose header is complete, and whose payload is being received.
#[derive(Clone, Copy)]
pub(super) struct IncomingFrame {
    pub(super) opcode: Opcode,
    pub(super) is_final: bool,
    pub(super) is_deflated: bool,
    /// The bytes of the payload still to come.
    pub(super) remaining: usize,
    /// The masking key, rotated so that it begins with the byte for the next one of the payload.
    mask: [u8; 4],
}

impl PartialHeader {
    pub(super) fn has_begun(&self) -> bool {
        self.filled > 0
    }

    /// Takes from the front of `bytes` what the header still lacks; `None` while it is incomplete.
    pub(super) fn read(&mut self, bytes: &mut &mut [u8]) -> Result<Option<IncomingFrame>, WebSocketError> {
        while usize::from(self.filled) < self.expected_bytes() {
            let Some((byte, rest)) = mem::take(bytes).split_first_mut() else { return Ok(None) };
            *bytes = rest;
            self.bytes[usize::from(self.filled)] = *byte;
            self.filled += 1;
            if self.filled == 2 {
                self.validate()?;
            }
        }
        self.parse().map(Some)
    }

    /// The header's length in bytes, as far as it is known yet.
    fn expected_bytes(&self) -> usize {
        if self.filled < 2 { 2 } else { 2 + self.length_field_bytes() + 4 }
    }

    fn length_field_bytes(&self) -> usize {
        match self.bytes[1] & LENGTH_BITS {
            126 => 2,
            127 => 8,
            _ => 0,
        }
    }

    /// Validates the first two bytes, so that what they show is refused without waiting for more.
    fn validate(&self) -> Result<Opcode, WebSocketError> {
        let [first, second, ..] = self.bytes;
        if first & RSV2_RSV3 != 0 {
            return Err(WebSocketError::ReservedBit);
        }
        let opcode = Opcode::from_first_byte(first).ok_or(WebSocketError::UnknownOpcode(first & 0x0F))?;
        if second & MASK == 0 {
            return Err(WebSocketError::UnmaskedFrame);
        }
        if opcode.is_control() && first & FIN == 0 {
            return Err(WebSocketError::FragmentedControl);
        }
        if opcode.is_control() && usize::from(second & LENGTH_BITS) > MAX_CONTROL_PAYLOAD {
            return Err(WebSocketError::ControlTooLong);
        }
        Ok(opcode)
    }

    fn parse(&self) -> Result<IncomingFrame, WebSocketError> {
        let (length, mask) = self.bytes[2..].split_at(self.length_field_bytes());
        let length = if let &[high, low] = length {
            u64::from(check_minimal(126..=u16::MAX, u16::from_be_bytes([high, low]))?)
        } else if let Ok(eight) = length.try_into() {
            check_minimal(0x1_0000..=u64::MAX >> 1, u64::from_be_bytes(eight))?
        } else {
            u64::from(self.bytes[1] & LENGTH_BITS)
        };
        Ok(IncomingFrame {
            opcode: self.validate()?,
            is_final: self.bytes[0] & FIN != 0,
            is_deflated: self.bytes[0] & RSV1 != 0,
            // A length beyond the address space is above any limit.
            remaining: usize::try_from(length).unwrap_or(usize::MAX),
            mask: [mask[0], mask[1], mask[2], mask[3]],
        })
    }
}

/// Checks that no shorter form could have held the length.
fn check_minimal<L: Copy + PartialOrd>(form: RangeInclusive<L>, length: L) -> Result<L, WebSocketError> {
    if form.contains(&length) { Ok(length) } else { Err(WebSocketError::NonMinimalLength) }
}

impl IncomingFrame {
    /// Takes from the front of `bytes` the payload that belongs to this frame, unmasked (section 5.3).
    pub(super) fn take_payload<'a>(&mut self, bytes: &mut &'a mut [u8]) -> &'a [u8] {
        let taken = self.remaining.min(bytes.len());
        let (payload, rest) = mem::take(bytes).split_at_mut(taken);
        *bytes = rest;
        for (at, byte) in payload.iter_mut().enumerate() {
            *byte ^= self.mask[at % 4];
        }
        self.mask.rotate_left(taken % 4);
        self.remaining -= taken;
        payload
    }
}
