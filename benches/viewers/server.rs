//! The measured process, the server or the floor, which reports its processor time and memory.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::common::process::{self, Process};
use crate::common::usage;

/// The processor time and memory of a server so far.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    /// Bytes in memory now.
    pub(crate) resident: u64,
}

/// A running server process.
pub(crate) struct Server {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts the process with the options of its role.
    pub(crate) fn start(options: &impl Serialize) -> Self {
        let mut process = Process::with(options);
        let address = process.receive();
        Self { process, address }
    }

    pub(crate) fn usage(&mut self) -> Usage {
        self.process.request(&())
    }

    /// Kills it, as a machine does that loses its power.
    #[allow(dead_code, reason = "not every benchmark does")]
    pub(crate) fn kill(self) {
        self.process.kill();
    }

    /// Ends it as the system ends a service, and waits until it has.
    pub(crate) fn close(self) {
        self.process.terminate();
        self.process.wait_until_ended();
    }
}

/// Answers requests for the usage, until the process that started this one is gone; then this process ends.
pub(crate) fn answer() {
    std::thread::spawn(|| {
        while process::next_command::<()>().is_some() {
            process::send_to_parent(&Usage { cpu: usage::cpu(), resident: usage::resident() });
        }
    });
}
