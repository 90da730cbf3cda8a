use std::time::Duration;

use crate::domain::Timestamp;

/// An answer that another node has appended to a topic; of one that all [agree](TopicUse::Agreed) on, also this node's own.
#[derive(Debug)]
pub struct BusEntry {
    /// When, on this node's clock.
    pub at: Timestamp,
    /// What that node has appended.
    pub text: Vec<u8>,
    /// Whether it was read from the stream's past, and not sent at once.
    pub is_past: bool,
}

/// How much of a topic is kept for nodes that join.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// How many entries.
    pub entries: usize,
    /// How long after the last one.
    pub length: Duration,
}

/// How a node uses a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicUse {
    /// It asks again and again, or receives all that another was answered.
    Continuous,
    /// It asks now and then, and the newest answer is all that matters.
    OnDemand,
    /// All agree on the entries: it receives its own, too, once they stand in the stream.
    Agreed,
}

/// The part of a node in a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is not known yet who leads: that takes moments.
    Undecided,
    /// It asks for all; the number tells one time of leading from another.
    Leading(u64),
    /// Another asks, and this one receives what it was answered.
    Following,
    /// There is no bus: it asks for itself.
    Alone,
}
