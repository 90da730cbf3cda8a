//! What is measured, in a process of its own: the server, or the floor. It answers what it has used so far.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::common::process::{self, Process};
use crate::common::usage;
use crate::{WorkerOptions, dashboard_server, floor};

/// What a server has used so far.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    /// Bytes in memory now.
    pub(crate) resident: u64,
}

/// A server that is open.
pub(crate) struct Server {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn dashboard(options: dashboard_server::WorkerOptions) -> Self {
        Self::with(&WorkerOptions::Server(options))
    }

    pub(crate) fn floor(options: floor::WorkerOptions) -> Self {
        Self::with(&WorkerOptions::Floor(options))
    }

    fn with(options: &WorkerOptions) -> Self {
        let mut process = Process::with(options);
        let address = process.hear();
        Self { process, address }
    }

    pub(crate) fn usage(&mut self) -> Usage {
        self.process.ask(&())
    }

    /// Ends it as the system ends a service, and waits until it has.
    pub(crate) fn close(self) {
        self.process.terminate();
        self.process.ends();
    }
}

/// Answers, until nobody asks any more; then this process ends.
pub(crate) fn answer() {
    std::thread::spawn(|| {
        while process::next_word::<()>().is_some() {
            process::say(&Usage { cpu: usage::cpu(), resident: usage::resident() });
        }
    });
}
