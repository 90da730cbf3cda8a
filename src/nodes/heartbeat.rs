use std::sync::Arc;
use std::time::Duration;

use super::{NodeDescription, NodeStatus, PostgresNodes};
use crate::domain::Clock;

/// How often a node tells that it is there.
const INTERVAL: Duration = Duration::from_secs(2);

/// Tells the other nodes every few seconds that this one is there, and how it does.
pub struct Heartbeat {
    nodes: PostgresNodes,
    node: NodeDescription,
    status: Box<dyn Fn() -> NodeStatus + Send + Sync>,
    clock: Arc<dyn Clock>,
}

impl Heartbeat {
    /// The heartbeat of this node, whose status `status` tells.
    pub fn new(
        nodes: PostgresNodes,
        node: NodeDescription,
        status: impl Fn() -> NodeStatus + Send + Sync + 'static,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { nodes, node, status: Box::new(status), clock }
    }

    /// Runs for as long as it is polled.
    pub async fn run(&self) {
        loop {
            // Whoever keeps the leases says so where the database cannot be reached.
            if let Err(error) = self.nodes.beat(&self.node, &(self.status)(), self.clock.now()).await {
                tracing::debug!(%error, "this node cannot tell the others that it is there");
            }
            self.clock.sleep(INTERVAL).await;
        }
    }
}
