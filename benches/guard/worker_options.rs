//! What a process of its own is told to do, and what it did.
//!
//! The process gets ready, and waits for a word; then it does its work until the time is up, and says how much that was.
//! Whoever started it reads the clocks around it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::bench_server::BenchServer;
use crate::common::asker::Asker;
use crate::common::process::{Process, Ready, say, wait_for_the_word};
use crate::common::report::middle_and_end;
use crate::common::usage;
use crate::flood;

/// What each does before it counts.
const WARM_UP: usize = 50;

/// How many sessions one process goes through in turn: more than the program keeps in memory.
const MANY: usize = 20_000;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// A public page, by nobody.
    Public,
    /// The same, by a member.
    PublicAsMember,
    /// The same page for members, by one of them.
    Own,
    /// The same, each time by another.
    OwnOfMany,
    /// The same, by a script with a name and a password.
    ByBasic,
    /// The same, by a script with an API token.
    ByBearer,
    /// Wrong sign-ins, by as many names from as many addresses.
    Flood,
    /// A member's page and board, slowly.
    Watch,
}

impl Kind {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Public => "a public page, by nobody",
            Self::PublicAsMember => "the same, by a member",
            Self::Own => "the same page, for members",
            Self::OwnOfMany => "the same, each time another of 20,000 members",
            Self::ByBasic => "the same, by a script with a name and a password (Basic)",
            Self::ByBearer => "the same, by a script with an API token (Bearer)",
            Self::Flood => "wrong sign-ins",
            Self::Watch => "a member's page and board",
        }
    }
}

/// What a process is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WorkerOptions {
    pub(crate) kind: Kind,
    pub(crate) server: SocketAddr,
    pub(crate) tokens: Vec<String>,
    pub(crate) at_a_time: usize,
    pub(crate) length: Duration,
}

/// What it did.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) count: usize,
    pub(crate) elapsed: Duration,
    /// The processor time of the program.
    pub(crate) cpu: Duration,
    pub(crate) median: Duration,
    /// All but one in a hundred took no longer.
    pub(crate) slowest: Duration,
    /// The same of what a board was told, for [`Kind::Watch`]: from being made to being heard.
    pub(crate) live_median: Duration,
    pub(crate) live_slowest: Duration,
}

impl WorkerOptions {
    /// For `server`, as somebody or as many.
    pub(crate) fn new(kind: Kind, server: &BenchServer, at_a_time: usize, length: Duration) -> Self {
        let tokens = match kind {
            Kind::OwnOfMany => server.tokens[..MANY].to_vec(),
            Kind::ByBasic => vec![server.basic.clone()],
            Kind::ByBearer => vec![server.bearer.clone()],
            _ => server.tokens[..1].to_vec(),
        };
        Self { kind, server: server.address, tokens, at_a_time, length }
    }
}

/// Starts a process, which is ready then.
pub(crate) fn start(options: &WorkerOptions) -> Ready {
    // A stranger has a machine of their own: here they share one with the program, and give way to it.
    Ready::is(match options.kind {
        Kind::Flood => Process::with_little_right(options),
        _ => Process::with(options),
    })
}

/// Has it done, and measures the server, which is in this process.
pub(crate) fn against(kind: Kind, server: &BenchServer, at_a_time: usize, length: Duration) -> Done {
    let mut ready = start(&WorkerOptions::new(kind, server, at_a_time, length));
    let before = usage::cpu();
    ready.go();
    let done = ready.done();
    Done { cpu: usage::cpu().saturating_sub(before), ..done }
}

/// What the started process does.
pub(crate) fn run(options: &WorkerOptions) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let done = runtime.block_on(async {
        match options.kind {
            Kind::Flood => flood::floods(options).await,
            Kind::Watch => flood::watches(options).await,
            _ => opens(options).await,
        }
    });
    say(&done);
}

async fn opens(options: &WorkerOptions) -> Done {
    let mut askers = Vec::new();
    for _ in 0..options.at_a_time {
        let mut asker = Asker::new(options.server).await.unwrap();
        for turn in 0..WARM_UP {
            ask(&mut asker, options.kind, &options.tokens, turn).await;
        }
        askers.push(asker);
    }
    wait_for_the_word();
    let began = Instant::now();
    let mut working = JoinSet::new();
    for (n, mut asker) in askers.into_iter().enumerate() {
        let (kind, length, tokens) = (options.kind, options.length, options.tokens.clone());
        // Each begins somewhere else among the sessions.
        let first = n * tokens.len() / options.at_a_time;
        working.spawn(async move {
            let mut times = Vec::new();
            while began.elapsed() < length {
                let start = Instant::now();
                ask(&mut asker, kind, &tokens, first + times.len()).await;
                times.push(start.elapsed());
            }
            times
        });
    }
    let mut times: Vec<Duration> = working.join_all().await.concat();
    let elapsed = began.elapsed();
    let (median, slowest) = middle_and_end(&mut times);
    Done { count: times.len(), elapsed, median, slowest, ..Done::default() }
}

async fn ask(asker: &mut Asker, kind: Kind, tokens: &[String], turn: usize) {
    let token = Some(tokens[turn % tokens.len()].as_str());
    let (path, token) = match kind {
        Kind::Public => ("/p/public", None),
        Kind::PublicAsMember => ("/p/public", token),
        _ => ("/p/own", token),
    };
    let answer = match (kind, token) {
        (Kind::ByBasic | Kind::ByBearer, Some(shown)) => asker.opens_with(path, shown).await.unwrap(),
        _ => asker.opens(path, token).await.unwrap(),
    };
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
}
