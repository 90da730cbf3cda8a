//! The cost of the live engine: `cargo bench --bench viewers`, optionally with `-- --only frame`, `--seconds 10` and
//! `--viewers 1000`.
//!
//! The whole program in a process of its own, every viewer signed in with a session of their own, and beside it in
//! the same run [`floor`]: the least that any program can do. The viewers are one process or more, with a reader of
//! frames of its own, so that the load is not what is measured. Processor time and memory are the server process's alone.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on should stop here")]

#[allow(dead_code, reason = "shared with other measurements, of which each needs a part")]
#[path = "../common/mod.rs"]
mod common;
mod crowd;
mod dashboard_server;
mod floor;
mod frame;
mod load;
mod many;
mod pages;
mod panel;
mod reconnect;
mod server;
mod shared_state;
mod stalled;
mod tally;
mod viewer;
mod wire;
mod worker_options;

use std::sync::Arc;

use belvedere::connections::raise_open_file_limit;
use belvedere::demo_directory::{DemoDirectory, SampleDomain};
use belvedere::domain::SystemClock;

use crate::common::arguments::Arguments;
use crate::common::process;
use crate::worker_options::WorkerOptions;

/// The allocator, as in the program itself; the floor has it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    raise_open_file_limit();
    match process::worker_options() {
        Some(WorkerOptions::Server(options)) => dashboard_server::run(&options),
        Some(WorkerOptions::Floor(options)) => floor::run(&options),
        Some(WorkerOptions::Load(options)) => load::run(options),
        None => measure(&Arguments::of_this_process()),
    }
}

fn measure(arguments: &Arguments) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let viewers = |otherwise| arguments.number("--viewers").unwrap_or(otherwise);
    if arguments.wants("panel") {
        panel::measure();
    }
    runtime.block_on(async {
        let directory = DemoDirectory::start(&SampleDomain::demo(), Arc::new(SystemClock)).await.unwrap();
        if arguments.wants("frame") {
            frame::measure_frames(&directory, viewers(1_000), 100, arguments.length(10)).await;
        }
        if arguments.wants("beat") {
            frame::measure_frames(&directory, viewers(5_000), 1_000, arguments.length(10)).await;
        }
        if arguments.wants("memory") {
            frame::measure_memory(&directory, viewers(5_000)).await;
        }
        if arguments.wants("many") {
            many::measure_crowd(&directory, viewers(19_000), arguments.length(30)).await;
        }
        if arguments.wants("pages") {
            many::measure_pages(&directory, viewers(5_000), arguments.length(10)).await;
        }
        if arguments.wants("stalled") {
            stalled::measure(&directory, viewers(5_000), arguments.length(15)).await;
        }
        if arguments.wants("return") {
            reconnect::measure(&directory, viewers(5_000)).await;
        }
    });
}
