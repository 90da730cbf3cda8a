//! A node of a cluster: the whole program on a runtime of its own, so that it can be killed, with a proxy before its store and one
//! before its bus, by which it can be cut off from either.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use belvedere::domain::Clock;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::fault_proxy::{Fault, FaultProxy};
use super::postgres::PostgresServer;
use super::reserved_port::ReservedPort;
use super::test_server::{TestServer, TestServerBuilder};
use super::visitor::Visitor;

/// A node, which keeps its port, its folder and its proxies when it is started again.
pub(crate) struct ClusterNode {
    /// Where it listens whenever it runs.
    pub(crate) address: SocketAddr,
    /// The proxy before its store.
    pub(crate) store: FaultProxy,
    /// The proxy before its bus.
    pub(crate) bus: FaultProxy,
    /// The folder of its state and pages.
    folder: Arc<TempDir>,
    directory: String,
    /// A later one counts instead of an earlier one of the same path.
    settings: Vec<(String, Value)>,
    clock: Arc<dyn Clock>,
    running: Option<RunningNode>,
    _port: ReservedPort,
}

/// A node that runs.
struct RunningNode {
    server: Option<TestServer>,
    runtime: Option<Runtime>,
}

/// The servers and the settings that all nodes have in common.
pub(super) struct ClusterParts<'a> {
    pub(super) directory: &'a str,
    /// The URL of the database's server, and of its database.
    pub(super) store: (&'a str, &'a str),
    pub(super) bus: &'a str,
    pub(super) settings: &'a [(String, Value)],
    pub(super) pages: &'a [(String, String)],
}

impl ClusterNode {
    /// A node that does not run yet.
    pub(super) async fn new(parts: &ClusterParts<'_>, clock: Arc<dyn Clock>) -> Self {
        let (store, bus) = (FaultProxy::before(parts.store.0).await, FaultProxy::before(parts.bus).await);
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("pages")).unwrap();
        for (slug, text) in parts.pages {
            std::fs::write(folder.path().join(format!("pages/{slug}.toml")), text).unwrap();
        }
        let port = ReservedPort::new();
        let own = [
            ("port", port.address.port().into()),
            ("store.url", PostgresServer::url_at(store.port(), parts.store.1).into()),
            ("live.bus", bus.url().into()),
        ];
        let own = own.map(|(path, value): (&str, Value)| (path.to_owned(), value));
        Self {
            address: port.address,
            store,
            bus,
            folder: Arc::new(folder),
            directory: parts.directory.to_owned(),
            settings: own.into_iter().chain(parts.settings.iter().cloned()).collect(),
            clock,
            running: None,
            _port: port,
        }
    }

    /// Starts it, and waits until it listens.
    pub(crate) async fn start(&mut self) {
        let mut builder = TestServerBuilder::in_folder(&self.folder, &self.directory).clock(Arc::clone(&self.clock));
        for (path, value) in &self.settings {
            builder = builder.set(path, value.clone());
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let started = tokio::task::spawn_blocking(move || {
            let server = runtime.block_on(builder.open());
            RunningNode { server: Some(server), runtime: Some(runtime) }
        });
        self.running = Some(started.await.unwrap());
    }

    /// Whether it runs.
    pub(crate) fn runs(&self) -> bool {
        self.running.is_some()
    }

    /// Kills it: whatever it was about to do, it does no more.
    pub(crate) async fn kill(&mut self) {
        let mut running = self.running.take().expect("it runs");
        running.stop_runtime();
        running.server.take().expect("it is there until now").waits_for_death().await;
    }

    /// Shuts it down in good order, as for an update.
    pub(crate) async fn shut_down(&mut self) {
        let mut running = self.running.take().expect("it runs");
        running.server.take().expect("it is there until now").shut_down().await;
    }

    /// Cuts it off from store and bus, or has it find them again.
    pub(crate) async fn set(&self, fault: Fault) {
        self.store.set(fault).await;
        self.bus.set(fault).await;
    }

    /// A visitor who asks this node.
    pub(crate) fn visitor(&self) -> Visitor {
        Visitor::new(self.address)
    }

    /// Writes or replaces a page file; the node notices by itself.
    pub(crate) fn write_page(&self, slug: &str, text: &str) {
        super::test_server::write_page(&self.folder, slug, text);
    }

    /// Waits until it says that it is ready.
    pub(crate) async fn is_ready(&self) {
        let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
        while !self.visitor().fetches("/readyz").await.status.is_success() {
            assert!(tokio::time::Instant::now() < deadline, "a node does not become ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl RunningNode {
    fn stop_runtime(&mut self) {
        // Whoever waits for it may not be blocked.
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

impl Drop for RunningNode {
    fn drop(&mut self) {
        self.stop_runtime();
    }
}
