//! The options and reports of the worker processes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The options of a worker process.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum WorkerOptions {
    Server(ServerOptions),
    Load(LoadOptions),
}

/// The options of the server process.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ServerOptions {
    pub(crate) folder: PathBuf,
    pub(crate) directory: String,
}

/// The options of a load.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LoadOptions {
    pub(crate) server: SocketAddr,
    /// The requests, in turn.
    pub(crate) requests: Vec<Request>,
    pub(crate) connections: usize,
    /// How long each connection asks again and again; or, of a crowd, how long it takes until all have begun.
    pub(crate) length: Duration,
    /// Whether each connection is made, and asks, once.
    pub(crate) is_crowd: bool,
}

/// A request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    path: String,
    session: Option<String>,
    is_gzipped: bool,
}

/// The report of a load.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct LoadReport {
    pub(crate) count: usize,
    pub(crate) elapsed: Duration,
    /// The server's processor time.
    pub(crate) cpu: Duration,
    pub(crate) median: Duration,
    /// The 99th percentile.
    pub(crate) slowest: Duration,
    /// The bytes of the last body.
    pub(crate) bytes: usize,
}

impl Request {
    pub(crate) fn path(path: &str) -> Self {
        Self { path: path.to_owned(), session: None, is_gzipped: false }
    }

    pub(crate) fn page(slug: &str) -> Self {
        Self::path(&format!("/p/{slug}"))
    }

    pub(crate) fn by(self, session: &str) -> Self {
        Self { session: Some(session.to_owned()), ..self }
    }

    pub(crate) fn gzipped(self) -> Self {
        Self { is_gzipped: true, ..self }
    }

    /// Its bytes on the wire.
    pub(crate) fn bytes(&self, server: SocketAddr) -> Vec<u8> {
        let cookie = self.session.as_ref().map_or_else(String::new, |session| format!("Cookie: belvedere={session}\r\n"));
        let accept = if self.is_gzipped { "Accept-Encoding: gzip, deflate, br\r\n" } else { "" };
        let path = &self.path;
        format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nAccept: text/html\r\n{cookie}{accept}\r\n").into_bytes()
    }
}
