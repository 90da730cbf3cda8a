//! RFC 6455 for a server: frames, and a reader of what clients say.
//!
//! [`text`] and its like make the bytes of whole frames. A server's frames are not masked, so those that everybody gets are made
//! once and written as they are. A [`Reader`] takes bytes as they come, and gives messages and control frames. It refuses
//! what the RFC forbids as soon as it shows, bounds every length before it keeps a byte, and holds nothing between messages.
//!
//! This room never reads or writes a socket, waits, or answers of itself: it is given bytes, and gives bytes.

#![expect(clippy::mut_mut, reason = "a reader takes from the front of the bytes it is lent")]

mod closing;
mod fault;
mod frame;
mod head;
mod message;
mod opcode;
mod reader;
#[cfg(test)]
mod tests;

pub use closing::Closing;
pub use fault::Fault;
pub use frame::{binary, close, ping, pong, text};
pub use reader::{Heard, Reader};
