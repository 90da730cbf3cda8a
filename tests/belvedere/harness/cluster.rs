//! Three nodes on one PostgreSQL database and one bus, with HAProxy before them, and a proxy on every edge behind them.

use std::net::SocketAddr;
use std::sync::Arc;

use belvedere::demo_directory::{DemoDirectory, SampleDomain};
use belvedere::domain::{Clock, SystemClock};
use serde_json::{Value, json};

use super::cluster_node::{ClusterNode, ClusterParts};
use super::haproxy::{HaProxy, NODE_HEADER, NODE_NAMES};
use super::postgres::{self, PostgresServer};
use super::redis::RedisServer;
use super::visitor::{Response, Visitor};

/// The secret key that the nodes have in common.
const SECRET_KEY: &str = "hPRYyVRiMyxpw5sBB1XeCMN1kFsDCqKvBi2QJxBVHQk=";

/// The number of nodes, which is that of the manual's settings for HAProxy.
pub(crate) const NODES: usize = NODE_NAMES.len();

/// Three nodes and what they share.
pub(crate) struct Cluster {
    pub(crate) directory: DemoDirectory,
    pub(crate) nodes: Vec<ClusterNode>,
    haproxy: HaProxy,
    _redis: RedisServer,
}

/// The builder of a [`Cluster`].
pub(crate) struct ClusterBuilder {
    postgres: &'static PostgresServer,
    database: String,
    sample: SampleDomain,
    clock: Arc<dyn Clock>,
    node_clocks: [Arc<dyn Clock>; NODES],
    settings: Vec<(String, Value)>,
    pages: Vec<(String, String)>,
}

impl Cluster {
    /// A cluster on a database of its own. `None`, said loudly, where there is no PostgreSQL.
    pub(crate) fn builder() -> Option<ClusterBuilder> {
        let postgres = postgres::server()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let settings = [("secret_key", json!(SECRET_KEY)), ("ip_header", json!("X-Real-IP"))];
        Some(ClusterBuilder {
            postgres,
            database: postgres.create_database(),
            sample: SampleDomain::demo(),
            node_clocks: [(); NODES].map(|()| Arc::clone(&clock)),
            clock,
            settings: settings.map(|(path, value)| (path.to_owned(), value)).into(),
            pages: Vec::new(),
        })
    }

    /// A visitor who comes by HAProxy.
    pub(crate) fn visitor(&self) -> Visitor {
        Visitor::new(self.address())
    }

    /// Waits until HAProxy sends requests to a node.
    pub(crate) async fn is_in_turn(&self, node: usize) {
        let is_from_it = |answer: &Response| answer.header(NODE_HEADER) == Some(NODE_NAMES[node]);
        self.visitor().opens_until("/healthz", is_from_it).await;
    }

    /// Where HAProxy listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.haproxy.address
    }

    /// The addresses of all nodes.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.address).collect()
    }

    /// The sample password of somebody.
    pub(crate) fn password(&self, username: &str) -> &str {
        &self.directory.accounts().iter().find(|account| account.username == username).unwrap().password
    }
}

impl ClusterBuilder {
    /// The database, as its administrator reaches it.
    pub(crate) fn database(&self) -> (&'static PostgresServer, &str) {
        (self.postgres, &self.database)
    }

    /// See [`TestServerBuilder::set`](super::test_server::TestServerBuilder::set).
    pub(crate) fn set(mut self, path: &str, value: impl Into<Value>) -> Self {
        self.settings.push((path.to_owned(), value.into()));
        self
    }

    /// Adds a page file, to all nodes.
    pub(crate) fn page(mut self, slug: &str, text: &str) -> Self {
        self.pages.push((slug.to_owned(), text.to_owned()));
        self
    }

    /// Sets the sample domain of the directory, and its clock and the nodes'.
    pub(crate) fn on(mut self, sample: SampleDomain, clock: Arc<dyn Clock>, nodes: [Arc<dyn Clock>; NODES]) -> Self {
        (self.sample, self.clock, self.node_clocks) = (sample, clock, nodes);
        self
    }

    /// Starts all of it. `None`, said loudly, where something cannot be started.
    pub(crate) async fn open(self) -> Option<Cluster> {
        let (redis, directory) = (RedisServer::start()?, DemoDirectory::start(&self.sample, self.clock).await.unwrap());
        let (bus, store) = (redis.url(), format!("postgres://127.0.0.1:{}", self.postgres.port));
        let parts = ClusterParts {
            directory: &directory.url(),
            store: (&store, &self.database),
            bus: &bus,
            settings: &self.settings,
            pages: &self.pages,
        };
        let mut nodes = Vec::new();
        for clock in self.node_clocks {
            let mut node = ClusterNode::new(&parts, clock).await;
            node.start().await;
            nodes.push(node);
        }
        let addresses: Vec<SocketAddr> = nodes.iter().map(|node| node.address).collect();
        Some(Cluster { haproxy: HaProxy::before(&addresses)?, directory, nodes, _redis: redis })
    }
}
