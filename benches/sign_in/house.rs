//! The whole program, in this process, on a port of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use belvedere::domain::SystemClock;
use belvedere::server::Server;
use rocket::figment::Figment;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::slapd::{BASE_DN, PASSWORD, SERVICE_DN, Slapd};

pub(crate) struct House {
    pub(crate) address: SocketAddr,
    shutdown: rocket::Shutdown,
    served: JoinHandle<()>,
    _folder: TempDir,
}

impl House {
    /// Opens a house whose people are slapd's, at these URLs.
    pub(crate) async fn open(slapd: &Slapd, urls: &[String]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("pages")).unwrap();
        let figment = Figment::from(rocket::Config::figment())
            .merge(("address", "127.0.0.1"))
            .merge(("port", 0))
            .merge(("log_level", "off"))
            .merge(("shutdown.ctrlc", false))
            .merge(("shutdown.signals", Vec::<String>::new()))
            .merge(("shutdown.grace", 1))
            .merge(("shutdown.mercy", 1))
            .merge(("pages", folder.path().join("pages")))
            .merge(("state", folder.path().join("state")))
            .merge(("directory.url", urls))
            .merge(("directory.ca_file", &slapd.ca_file))
            .merge(("directory.base_dn", BASE_DN))
            .merge(("directory.bind_name", SERVICE_DN))
            .merge(("directory.bind_password", PASSWORD));
        let (server, ready) =
            Server::build(figment, Arc::new(SystemClock)).await.expect("the house is built").on_ready();
        let served = tokio::spawn(async move { server.serve().await.expect("the house stands") });
        let ready = ready.await.expect("the house opens");
        Self { address: ready.address, shutdown: ready.shutdown, served, _folder: folder }
    }

    pub(crate) async fn close(self) {
        self.shutdown.notify();
        self.served.await.expect("the house closes in good order");
    }
}
