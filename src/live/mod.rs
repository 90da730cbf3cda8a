//! What makes the boards move: feeds, channels, viewers.
//!
//! A [`Feeds`] asks each distinct query once, however many watch. A channel, one page with one choice of inputs,
//! turns readings into batches, each encoded once, as the bytes of a WebSocket frame, into an append-only ring. Who watches
//! is a cursor into that ring: there is no queue, and a slow one costs nothing but a snapshot when it is back.
//!
//! Over a [`Socket`] the channel writes: its viewers sit in rows, a batch wakes one task a row, and that writes the same
//! bytes to each. A [`Connection`] is asked instead, and says what a stream of events has to say next.
//!
//! This room never decides who may watch (it takes an `OpenPage`), and knows nothing of requests and responses: it takes
//! the bytes both ways, once the upgrade is done.

mod authority;
mod backoff;
mod channel;
mod connection;
mod cursor;
mod farewell;
mod feed;
mod feeds;
mod goodbye;
mod hub;
mod lease;
mod line;
mod places;
mod ring;
mod rows;
mod said;
mod seat;
mod socket;
mod talk;
mod viewer;
mod wire;

pub use authority::Authority;
pub use channel::{Painting, Position};
pub use connection::{Connection, Say};
pub use farewell::Farewell;
pub use feed::{Answers, FeedReport};
pub use feeds::Feeds;
pub use goodbye::turn_away;
pub use hub::{Crowded, Hub};
pub use lease::Lease;
pub use places::{Holder, Place};
pub use said::{Event, Said};
pub use seat::Seat;
pub use socket::Socket;
pub use viewer::Viewer;
pub use wire::{Upgraded, Wire};

#[cfg(test)]
mod tests;
