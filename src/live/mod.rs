//! Live updates: channels, subscriptions, viewers.
//!
//! A channel, one page with one choice of inputs, turns what its feeds answer into batches, each encoded once, as the bytes of a
//! WebSocket frame, into an append-only ring. A viewer is a cursor into that ring: there is no queue, and a slow one costs nothing
//! but a snapshot when it is back. [`Hub`] runs the channels.
//!
//! Where there is a bus, a channel is one on all its nodes: the node that leads it encodes its batches, and every node shows what stands
//! in the channel's stream, so that a viewer resumes on any of them. Without the bus each node has a run of the channel of its own.
//!
//! WebSockets ([`WsHandler`]) are pushed to: their connections are divided into shards, a batch wakes one task per shard, and
//! that writes the same bytes to each. Server-sent events ([`SseConnection`]) are pulled, one message after the other.
//!
//! This room never decides who may watch (it takes an `OpenPage`), and knows nothing of requests and responses: it takes
//! the bytes both ways, once the upgrade is done.

mod authorization;
mod batcher;
mod capacity;
mod channel;
mod channel_feeds;
mod channel_lead;
mod channel_message;
mod channel_reader;
mod channel_run;
mod channel_shares;
mod close_handshake;
mod close_reason;
mod connection_limiter;
mod connection_seats;
mod cursor;
mod hub;
mod inbound;
mod initial_state;
mod message;
mod panel_copies;
mod panel_slot;
mod panel_slots;
mod rendition;
mod ring;
mod shared_channel;
mod sse_connection;
mod subscription;
mod transport;
mod writer_shards;
mod ws_connection;
mod ws_handler;

pub use authorization::LiveAuthorization;
pub use capacity::CapacityExceeded;
pub use channel_reader::ChannelReader;
pub use close_handshake::reject;
pub use close_reason::CloseReason;
pub use connection_limiter::{ConnectionPermit, PermitHolder};
pub use hub::{Hub, KeptPages};
pub use initial_state::InitialState;
pub use message::{ChannelPosition, EncodedMessage, SseEvent};
pub use rendition::{Rendition, SharedPiece};
pub use sse_connection::{SseAction, SseConnection};
pub use subscription::Subscription;
pub use transport::{Upgraded, WsTransport};
pub use ws_handler::WsHandler;

#[cfg(test)]
mod tests;
