//! A worker process: it gets ready, and waits for the start; then it works until the time is up, and reports how much that was.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::common::http_client::HttpClient;
use crate::common::process::{send_to_parent, wait_for_go};
use crate::common::report::median_and_p99;
use crate::flood;
use crate::worker_options::{WorkerOptions, WorkerReport, Workload};

/// The number of requests that each client sends before it counts.
const WARM_UP: usize = 50;

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
