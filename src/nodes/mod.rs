//! The nodes: servers of this program that share one database, and the work that one of them does for all.
//!
//! A node [registers](PostgresNodes::register) at its start, and its [`Heartbeat`] tells that it is there. A [`Lease`] is a piece of
//! work that one node does at a time, as long as it renews it ([`LeaseKeeper`]); what it writes carries the lease's
//! [`Fence`](crate::store::Fence). A server with a store of its own is alone, and holds every lease always.
//!
//! *Never:* nothing that nodes compare goes by a node's own clock.

mod heartbeat;
mod keeper;
mod lease;
mod node;
mod postgres;
mod report;

pub use heartbeat::Heartbeat;
pub use keeper::{LeaseKeeper, LeaseStore, LeaseTerms};
pub use lease::{Lease, LeaseState};
pub use node::{NodeDescription, NodeId, NodeReport, NodeStatus, RegisterError};
pub use postgres::{LeaseReport, PostgresNodes};
pub use report::{Nodes, NodesReport};

#[cfg(test)]
mod tests;
