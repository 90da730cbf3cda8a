//! The whole program on loopback.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use belvedere::domain::{Clock, SystemClock};
use belvedere::server::Server;
use belvedere::sources::FilterWorkers;
use rocket::figment::Figment;
use tokio::task::JoinHandle;

/// A running server.
pub(crate) struct RunningServer {
    pub(crate) address: SocketAddr,
    shutdown: rocket::Shutdown,
    served: JoinHandle<()>,
}

/// The settings of a server on a port of its own, which keeps its pages and its state in `folder`. No file is read.
pub(crate) fn settings(folder: &Path) -> Figment {
    Figment::from(rocket::Config::default())
        .merge(("address", "127.0.0.1"))
        .merge(("port", 0))
        .merge(("log_level", "off"))
        .merge(("shutdown.ctrlc", false))
        .merge(("shutdown.signals", Vec::<String>::new()))
        .merge(("shutdown.grace", 1))
        .merge(("shutdown.mercy", 1))
        .merge(("pages", folder.join("pages")))
        .merge(("state", folder.join("state")))
}

/// The workers of the program that was built, as this one is none.
pub(crate) fn filters() -> FilterWorkers {
    FilterWorkers::of_program(env!("CARGO_BIN_EXE_belvedere").into())
}

impl RunningServer {
    pub(crate) async fn start(settings: Figment) -> Self {
        Self::start_with_clock(settings, Arc::new(SystemClock)).await
    }

    /// Starts a server with a clock of the benchmark's own.
    pub(crate) async fn start_with_clock(settings: Figment, clock: Arc<dyn Clock>) -> Self {
        let built = Server::build(settings, clock, filters()).await;
        let (server, ready) = built.unwrap_or_else(|error| panic!("the server is not built: {error}")).on_ready();
        let served = tokio::spawn(async move { server.serve().await.expect("the server stands") });
        let ready = ready.await.expect("the server opens");
        Self { address: ready.address, shutdown: ready.shutdown, served }
    }

    /// Waits until it closes by itself.
    pub(crate) async fn wait_until_closed(self) {
        self.served.await.expect("the server closes in good order");
    }

    pub(crate) async fn close(self) {
        self.shutdown.clone().notify();
        self.wait_until_closed().await;
    }
}
