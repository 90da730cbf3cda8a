//! What makes the boards move: feeds, channels, viewers.
//!
//! A [`Feeds`] asks each distinct query once, however many watch. A channel, one page with one choice of inputs,
//! turns readings into batches, each encoded once into an append-only ring. A [`Viewer`] is a cursor into that
//! ring: it has no queue, and a slow one costs nothing but a snapshot when it is back.
//!
//! This room never decides who may watch (it takes an `OpenPage`), and knows nothing of sockets: [`Connection`]
//! says what is to be sent next, and `web` sends it.

mod backoff;
mod channel;
mod connection;
mod feed;
mod feeds;
mod frame;
mod hub;
mod lease;
mod viewer;

pub use channel::{Painting, Position};
pub use connection::{Authority, Connection, Farewell, Say};
pub use feed::{Answers, FeedReport};
pub use feeds::Feeds;
pub use frame::Frame;
pub use hub::{Crowded, Hub, Seat};
pub use lease::Lease;
pub use viewer::Viewer;

#[cfg(test)]
mod tests;
