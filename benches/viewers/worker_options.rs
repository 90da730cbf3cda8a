//! The options that a process of this program gives another.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::shared_state::ViewerSpec;

/// The options of a process of this program, by its role.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum WorkerOptions {
    Server(DashboardOptions),
    Floor(FloorOptions),
    Load(LoadOptions),
}

/// The options of the process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DashboardOptions {
    pub(crate) folder: PathBuf,
    pub(crate) directory: String,
    /// The port; 0 for a free one.
    pub(crate) port: u16,
    /// The URL of the bus that it shares with other nodes.
    pub(crate) bus: Option<String>,
    /// The URL of the database that it shares with other nodes.
    pub(crate) store: Option<String>,
}

/// The options of the process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FloorOptions {
    /// Bytes of a frame, its head included.
    pub(crate) length: u64,
    pub(crate) every: Duration,
}

/// The options of a load process.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LoadOptions {
    pub(crate) server: SocketAddr,
    /// The servers to go to when that one is gone.
    pub(crate) others: Vec<SocketAddr>,
    pub(crate) viewers: Vec<ViewerSpec>,
    /// The number of this process, so that each connects from addresses of its own.
    pub(crate) process: u8,
    /// Whether the viewers read what they are sent.
    pub(crate) reads: bool,
}
