//! The options and the report of a worker process.
//!
//! The worker gets ready, and waits for the start; then it works until the time is up, and reports how much that was.
//! The process that started it reads the clocks around it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::bench_server::BenchServer;
use crate::common::http_client::HttpClient;
use crate::common::process::{Process, Ready, send_to_parent, wait_for_go};
use crate::common::report::median_and_p99;
use crate::common::usage;
use crate::flood;

/// The number of requests that each client sends before it counts.
const WARM_UP: usize = 50;

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

/// Runs the workload in the worker process.
pub(crate) fn run(options: &WorkerOptions) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let done = runtime.block_on(async {
        match options.kind {
            Workload::Flood => flood::run_flood(options).await,
            Workload::Watch => flood::run_member(options).await,
            _ => run_requests(options).await,
        }
    });
    send_to_parent(&done);
}

async fn run_requests(options: &WorkerOptions) -> WorkerReport {
    let mut clients = Vec::new();
    for _ in 0..options.at_a_time {
        let mut client = HttpClient::new(options.server).await.unwrap();
        for turn in 0..WARM_UP {
            request_page(&mut client, options.kind, &options.tokens, turn).await;
        }
        clients.push(client);
    }
    wait_for_go();
    let began = Instant::now();
    let mut working = JoinSet::new();
    for (n, mut client) in clients.into_iter().enumerate() {
        let (kind, length, tokens) = (options.kind, options.length, options.tokens.clone());
        // Each begins somewhere else among the sessions.
        let first = n * tokens.len() / options.at_a_time;
        working.spawn(async move {
            let mut times = Vec::new();
            while began.elapsed() < length {
                let start = Instant::now();
                request_page(&mut client, kind, &tokens, first + times.len()).await;
                times.push(start.elapsed());
            }
            times
        });
    }
    let mut times: Vec<Duration> = working.join_all().await.concat();
    let elapsed = began.elapsed();
    let (median, slowest) = median_and_p99(&mut times);
    WorkerReport { count: times.len(), elapsed, median, slowest, ..WorkerReport::default() }
}

async fn request_page(client: &mut HttpClient, kind: Workload, tokens: &[String], turn: usize) {
    let token = Some(tokens[turn % tokens.len()].as_str());
    let (path, token) = match kind {
        Workload::Public => ("/p/public", None),
        Workload::PublicAsMember => ("/p/public", token),
        _ => ("/p/own", token),
    };
    let answer = match (kind, token) {
        (Workload::ByBasic | Workload::ByBearer, Some(shown)) => client.opens_with(path, shown).await.unwrap(),
        _ => client.opens(path, token).await.unwrap(),
    };
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
}
