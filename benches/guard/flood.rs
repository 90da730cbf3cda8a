//! A flood of wrong sign-ins, each with another name from another address, and the latencies of a member meanwhile.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::bench_server::BenchServer;
use crate::common::board::Board;
use crate::common::http_client::HttpClient;
use crate::common::process::wait_for_go;
use crate::common::report::{median_and_p99, micros_each, number, verdict};
use crate::common::usage::{self, resident};
use crate::worker_options::{self, WorkerOptions, WorkerReport, Workload};

const DURATION: Duration = Duration::from_secs(30);

/// The interval of each connection's tries, as a refusal takes up to 400 ms …
const TRY_INTERVAL: Duration = Duration::from_millis(450);

/// … and the number of connections, which together make 5,000 tries in a second. They keep that pace, as strangers
/// elsewhere would: were each to try again as soon as it is refused, the rate would be whatever two processors can take.
const CONNECTIONS: usize = 2_250;

/// How often a member opens a page.
const PAGE_INTERVAL: Duration = Duration::from_millis(50);

/// The aim: pages and boards take at most this many times as long.
const MAX_SLOWDOWN: f64 = 1.5;

/// Measures a member's page and board alone, then beside the flood.
pub(crate) fn measure(server: &BenchServer) {
    let watch = || worker_options::start(&WorkerOptions::new(Workload::Watch, server, 1, DURATION));
    let mut alone = watch();
    alone.go();
    let alone: WorkerReport = alone.done();
    let memory_before = resident();
    let mut flood = worker_options::start(&WorkerOptions::new(Workload::Flood, server, CONNECTIONS, DURATION));
    let mut beside = watch();
    let cpu_before = usage::cpu();
    flood.go();
    beside.go();
    let beside: WorkerReport = beside.done();
    let flood: WorkerReport = flood.done();
    println!("\n| a member's | median alone | in the flood | 99 % alone | in the flood |");
    println!("|---|---:|---:|---:|---:|");
    println!("| page | {:.2?} | {:.2?} | {:.2?} | {:.2?} |", alone.median, beside.median, alone.slowest, beside.slowest);
    println!(
        "| board | {:.2?} | {:.2?} | {:.2?} | {:.2?} |",
        alone.live_median, beside.live_median, alone.live_slowest, beside.live_slowest
    );
    println!(
        "\n{:.0} wrong sign-ins a second for {:.0?}, {:.0} µs of processor time each; memory {} MiB before, {} MiB after",
        number(flood.count) / flood.elapsed.as_secs_f64(),
        flood.elapsed,
        micros_each(usage::cpu().saturating_sub(cpu_before), flood.count),
        memory_before >> 20,
        resident() >> 20
    );
    for (what, alone, beside) in [("page", alone.median, beside.median), ("board", alone.live_median, beside.live_median)] {
        let times = beside.as_secs_f64() / alone.as_secs_f64();
        println!("- the {what} takes {times:.2} times as long, aim {MAX_SLOWDOWN}: {}", verdict(times <= MAX_SLOWDOWN));
    }
}

/// The stranger's process: wrong sign-ins at a fixed rate.
pub(crate) async fn run_flood(options: &WorkerOptions) -> WorkerReport {
    let mut clients = Vec::new();
    for _ in 0..options.at_a_time {
        clients.push(HttpClient::new(options.server).await.unwrap());
    }
    let (cookie, csrf) = clients[0].form().await.unwrap();
    let (cookie, csrf) = (Arc::new(cookie), Arc::new(csrf));
    let number = Arc::new(AtomicU32::new(0));
    let count = Arc::new(AtomicUsize::new(0));
    wait_for_go();
    let began = Instant::now();
    let mut working = JoinSet::new();
    let between = TRY_INTERVAL / u32::try_from(options.at_a_time).unwrap();
    for (at, mut client) in (0..).zip(clients) {
        let first = began + between * at;
        let (cookie, csrf, number, count) = (cookie.clone(), csrf.clone(), number.clone(), count.clone());
        let length = options.length;
        working.spawn(async move {
            let mut next = tokio::time::interval_at(first.into(), TRY_INTERVAL);
            next.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while began.elapsed() < length {
                next.tick().await;
                let n = number.fetch_add(1, Ordering::Relaxed);
                let address = Ipv4Addr::from_bits(Ipv4Addr::new(11, 0, 0, 0).to_bits() + n).to_string();
                let answer = client.tries(&format!("stranger-{n}"), &address, &cookie, &csrf).await.unwrap();
                assert_ne!(answer.status, 303, "nobody is let in");
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    working.join_all().await;
    WorkerReport { count: count.load(Ordering::Relaxed), elapsed: began.elapsed(), ..WorkerReport::default() }
}

/// The member's process: a page now and then, and a board all the time.
pub(crate) async fn run_member(options: &WorkerOptions) -> WorkerReport {
    let token = &options.tokens[0];
    let mut client = HttpClient::new(options.server).await.unwrap();
    let mut board = Board::open(options.server, token).await;
    wait_for_go();
    let began = Instant::now();
    let pages = async {
        let mut times = Vec::new();
        while began.elapsed() < options.length {
            let start = Instant::now();
            assert_eq!(client.opens("/p/own", Some(token)).await.unwrap().status, 200);
            times.push(start.elapsed());
            tokio::time::sleep(PAGE_INTERVAL).await;
        }
        times
    };
    let (mut pages, mut batches) = tokio::join!(pages, board.delays(began, options.length));
    let (median, slowest) = median_and_p99(&mut pages);
    let (live_median, live_slowest) = median_and_p99(&mut batches);
    let elapsed = began.elapsed();
    WorkerReport { count: pages.len(), elapsed, median, slowest, live_median, live_slowest, ..WorkerReport::default() }
}
