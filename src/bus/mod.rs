//! The bus: a Redis or Valkey server, through which several nodes share what one of them has asked.
//!
//! Nodes join a [`Topic`] for each thing that they would ask. One of them holds its lease, which the others take over when it
//! lapses: that node asks, and appends the answers to the topic's stream, which is bounded. The others receive them at once, in
//! order and each once; who joins later begins with what the stream still has.
//!
//! In a topic that all [agree](TopicUse::Agreed) on, the node that leads receives its own entries as the others do: when they stand in the
//! stream, and no others in their place.
//!
//! A node that has lost the bus is told so ([`Role::Alone`]), and asks for itself. Nothing here waits without a deadline, and
//! nothing that comes from the bus is believed that was not sealed with the cluster's key. This room knows nothing of what the
//! entries say.

mod client;
mod clock_offset;
mod connection;
mod context;
mod entry;
mod envelope;
mod error;
mod key;
mod past;
mod scripts;
mod session;
mod shared;
mod topic;
mod topic_state;

#[cfg(test)]
use crate::store::tests::free_port;
#[cfg(test)]
#[path = "../../tests/belvedere/harness/redis.rs"]
pub(crate) mod redis_server;

pub use client::Bus;
pub use entry::{BusEntry, Retention, Role, TopicUse};
pub use error::BusError;
pub use key::{BusKey, TopicName};
pub use shared::BusState;
pub use topic::{Topic, Turn};
