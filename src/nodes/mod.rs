//! The nodes: servers of this program that share one database, and the work that one of them does for all.
//!
//! A [`Lease`] is a piece of work that one node does at a time, as long as it renews it ([`LeaseKeeper`]); what it writes carries
//! the lease's [`Fence`](crate::store::Fence). A server with a store of its own holds every lease, always.

mod keeper;
mod lease;
mod node;

pub use keeper::{LeaseKeeper, LeaseStore, LeaseTerms};
pub use lease::{Lease, LeaseState};
pub use node::NodeId;

#[cfg(test)]
mod tests;
