//! The WebSocket protocol for a server: RFC 6455 frames, a reader of clients' messages, and `permessage-deflate` (RFC 7692).
//!
//! [`text_frame`] and its like make the bytes of whole frames. A server's frames are not masked, so those for every client are made
//! once and written as they are. A [`MessageReader`] takes bytes as they come, and gives messages and control frames. It refuses
//! what the RFC forbids as soon as it shows, checks every length before it keeps a byte, and holds nothing between messages.
//!
//! This room never reads or writes a socket, waits, or answers by itself: it is given bytes, and gives bytes.

#![expect(clippy::mut_mut, reason = "a reader takes from the front of the bytes it is lent")]

mod close_frame;
mod deflate;
mod error;
mod frame;
mod header;
mod message;
mod negotiation;
mod opcode;
mod reader;
#[cfg(test)]
mod tests;

pub use close_frame::CloseFrame;
pub use error::WebSocketError;
pub use frame::{
    MIN_DEFLATED_BYTES, binary_frame, close_frame, deflated_binary_frame, deflated_text_frame, ping_frame, pong_frame,
    text_frame,
};
pub use message::WsMessage;
pub use negotiation::negotiate_deflate;
pub use reader::MessageReader;
