//! The options and the report of a worker process, for the process that starts it and reads the clocks around it.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bench_server::BenchServer;
use crate::common::process::{Process, Ready};
use crate::common::usage;

/// The number of sessions that one process uses in turn: more than the program keeps in memory.
const SESSIONS_IN_TURN: usize = 20_000;

/// The workload: what the clients request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Workload {
    /// A public page, by nobody.
    Public,
    /// A public page, by a member.
    PublicAsMember,
    /// A page for members, by one of them.
    MembersPage,
    /// A page for members, each time by another.
    MembersPageByMany,
    /// A page for members, by a script with a name and a password.
    ByBasic,
    /// A page for members, by a script with an API token.
    ByBearer,
    /// Wrong sign-ins, by as many names from as many addresses.
    Flood,
    /// A member's page and board, slowly.
    Watch,
}

impl Workload {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Public => "a public page, by nobody",
            Self::PublicAsMember => "the same, by a member",
            Self::MembersPage => "the same page, for members",
            Self::MembersPageByMany => "the same, each time another of 20,000 members",
            Self::ByBasic => "the same, by a script with a name and a password (Basic)",
            Self::ByBearer => "the same, by a script with an API token (Bearer)",
            Self::Flood => "wrong sign-ins",
            Self::Watch => "a member's page and board",
        }
    }
}

/// The options of a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WorkerOptions {
    pub(crate) kind: Workload,
    pub(crate) server: SocketAddr,
    pub(crate) tokens: Vec<String>,
    pub(crate) at_a_time: usize,
    pub(crate) length: Duration,
}

/// The report of a worker.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct WorkerReport {
    pub(crate) count: usize,
    pub(crate) elapsed: Duration,
    /// The processor time of the program.
    pub(crate) cpu: Duration,
    pub(crate) median: Duration,
    /// The 99th percentile.
    pub(crate) slowest: Duration,
    /// The median age of a board's batches on arrival, for [`Workload::Watch`].
    pub(crate) live_median: Duration,
    pub(crate) live_slowest: Duration,
}

impl WorkerOptions {
    /// Options for `server`, as one member or as many.
    pub(crate) fn new(kind: Workload, server: &BenchServer, at_a_time: usize, length: Duration) -> Self {
        let tokens = match kind {
            Workload::MembersPageByMany => server.tokens[..SESSIONS_IN_TURN].to_vec(),
            Workload::ByBasic => vec![server.basic.clone()],
            Workload::ByBearer => vec![server.bearer.clone()],
            _ => server.tokens[..1].to_vec(),
        };
        Self { kind, server: server.address, tokens, at_a_time, length }
    }
}

/// Starts a worker, and waits until it is ready.
pub(crate) fn start(options: &WorkerOptions) -> Ready {
    // A stranger has a machine of their own: here they share one with the program, and give way to it.
    Ready::wait_for(match options.kind {
        Workload::Flood => Process::with_low_priority(options),
        _ => Process::with(options),
    })
}

/// Runs a worker, and measures the server, which is in this process.
pub(crate) fn measure_server(kind: Workload, server: &BenchServer, at_a_time: usize, length: Duration) -> WorkerReport {
    let mut ready = start(&WorkerOptions::new(kind, server, at_a_time, length));
    let before = usage::cpu();
    ready.go();
    let done = ready.done();
    WorkerReport { cpu: usage::cpu().saturating_sub(before), ..done }
}
