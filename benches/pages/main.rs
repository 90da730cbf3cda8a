//! The cost of opening a page: `cargo bench --bench pages`, optionally with `-- --seconds 10`, `-- --only open` and
//! `-- --only cold`.
//!
//! The whole program in a process of its own, whose processor time is measured, and the load in another, on the same machine. Every
//! line has the cost of `/healthz` in the same run beside it: figures of two machines are not compared, their ratios are.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on should stop here")]

mod bench_server;
#[allow(dead_code, reason = "shared with other measurements, of which each needs a part")]
#[path = "../common/mod.rs"]
mod common;
mod load;
mod pages;
mod report;
mod worker_options;

use std::sync::Arc;
use std::time::Duration;

use belvedere::connections::raise_open_file_limit;
use belvedere::demo_directory::{DemoDirectory, SampleDomain};
use belvedere::domain::SystemClock;

use crate::bench_server::BenchServer;
use crate::common::arguments::Arguments;
use crate::common::process::{self, Ready};
use crate::worker_options::{LoadOptions, LoadReport, Request, WorkerOptions};

/// The allocator, as in the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The number of connections that ask one request after the other.
const CONNECTIONS: usize = 32;

/// The number of people who open one board, each for the first time, and how long it takes them all to begin.
const CROWD: usize = 5_000;
const ARRIVAL: Duration = Duration::from_secs(5);

/// How long charts take to have all their points.
const CHARTS_FILL: Duration = Duration::from_secs(92);

/// How long each line is measured, unless told otherwise.
const SECONDS: u64 = 5;

fn main() {
    raise_open_file_limit();
    match process::worker_options() {
        Some(WorkerOptions::Server(options)) => bench_server::run(&options),
        Some(WorkerOptions::Load(options)) => load::run(&options),
        None => measure(&Arguments::of_this_process()),
    }
}

fn measure(arguments: &Arguments) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let directory = runtime.block_on(DemoDirectory::start(&SampleDomain::demo(), Arc::new(SystemClock))).unwrap();
    let mut server = runtime.block_on(BenchServer::open(&directory.url(), CROWD));
    if arguments.wants("open") {
        measure_opening(&mut server, arguments);
    }
    if arguments.wants("cold") {
        let requests = server.tokens.iter().map(|token| Request::page("cold").by(token).gzipped()).collect();
        let crowd = arguments.number("--people").unwrap_or(CROWD);
        let load = LoadOptions { server: server.address, requests, connections: crowd, length: ARRIVAL, is_crowd: true };
        report::print_crowd(crowd, &run(&mut server, load));
    }
    server.close();
}

fn measure_opening(server: &mut BenchServer, arguments: &Arguments) {
    let length = arguments.length(SECONDS);
    let member = server.tokens[0].clone();
    // Whoever opens the charts now starts them; nobody forgets them within a minute.
    let keep = |server: &mut BenchServer, length| {
        let requests = vec![Request::page("charts")];
        run(server, LoadOptions { server: server.address, requests, connections: 1, length, is_crowd: true })
    };
    for _ in 0..3 {
        keep(server, CHARTS_FILL / 3);
    }
    let mut table = report::Table::new();
    for (what, request, aim) in [
        ("`/healthz`", Request::path("/healthz"), None),
        ("30 panels that move ten times a second, by nobody", Request::page("moving"), None),
        ("the same, signed in", Request::page("board").by(&member), Some(75.0)),
        ("the same, gzipped", Request::page("board").by(&member).gzipped(), Some(75.0)),
        ("the same as JSON", Request::path("/api/v1/pages/board").by(&member), None),
        ("ten charts of 900 points", Request::page("charts"), Some(150.0)),
        ("the same, gzipped", Request::page("charts").gzipped(), Some(150.0)),
        ("`static/js/live.js`", Request::path("/static/js/live.js"), Some(35.0)),
        ("the same, gzipped", Request::path("/static/js/live.js").gzipped(), Some(35.0)),
    ] {
        let load =
            LoadOptions { server: server.address, requests: vec![request], connections: CONNECTIONS, length, is_crowd: false };
        table.add(what, aim, &run(server, load));
    }
    table.print_bytes();
}

/// Runs a load, and measures the server's processor time meanwhile.
fn run(server: &mut BenchServer, options: LoadOptions) -> LoadReport {
    let mut ready = Ready::wait_for(process::Process::with(&WorkerOptions::Load(options)));
    let before = server.cpu();
    ready.go();
    let done: LoadReport = ready.done();
    LoadReport { cpu: server.cpu().saturating_sub(before), ..done }
}
