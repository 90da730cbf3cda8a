use super::{LeaseReport, NodeId, NodeReport, PostgresNodes};
use crate::store::StoreError;

/// The servers of this site, as this one sees them.
#[derive(Clone, Debug)]
pub enum Nodes {
    /// There is no other: this server keeps its state in files of its own.
    Alone,
    /// They share a database.
    Shared {
        /// Its tables.
        tables: PostgresNodes,
        /// This one.
        own: NodeId,
    },
}

/// The nodes and their work at a moment.
#[derive(Clone, Debug)]
pub struct NodesReport {
    /// This one.
    pub own: NodeId,
    /// All of them.
    pub nodes: Vec<NodeReport>,
    /// The work that one does for all.
    pub leases: Vec<LeaseReport>,
}

impl Nodes {
    /// The nodes and their work now; `None` where this server is alone.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be asked.
    pub async fn report(&self) -> Result<Option<NodesReport>, StoreError> {
        match self {
            Self::Alone => Ok(None),
            Self::Shared { tables, own } => {
                Ok(Some(NodesReport { own: *own, nodes: tables.nodes().await?, leases: tables.leases().await? }))
            }
        }
    }
}
