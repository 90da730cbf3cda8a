//! The whole program, in this process, on a port of its own.

use std::net::SocketAddr;

use tempfile::TempDir;

use crate::common::running_server::{RunningServer, settings};
use crate::slapd::{BASE_DN, PASSWORD, SERVICE_DN, Slapd};

pub(crate) struct BenchServer {
    pub(crate) address: SocketAddr,
    open: RunningServer,
    _folder: TempDir,
}

impl BenchServer {
    /// Opens a server whose people are slapd's, at these URLs.
    pub(crate) async fn open(slapd: &Slapd, urls: &[String]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("pages")).unwrap();
        let figment = settings(folder.path())
            .merge(("directory.url", urls))
            .merge(("directory.ca_file", &slapd.ca_file))
            .merge(("directory.base_dn", BASE_DN))
            .merge(("directory.bind_name", SERVICE_DN))
            .merge(("directory.bind_password", PASSWORD));
        let open = RunningServer::start(figment).await;
        Self { address: open.address, open, _folder: folder }
    }

    pub(crate) async fn close(self) {
        self.open.close().await;
    }
}
