//! The cost of several nodes: `cargo bench --bench cluster`, optionally with `-- --only feeds`, `--seconds 10` and
//! `--viewers 6000`.
//!
//! Three nodes on this machine, each a process of its own with the sessions of all viewers, a `redis-server` as their bus and a
//! PostgreSQL as their store. Beside them in the same run one node alone, with neither, so that what several nodes cost is a ratio.
//! The viewers are those of the benchmark `viewers`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on should stop here")]

mod bus_server;
// The tests' own, of which a measurement needs a part.
#[allow(dead_code)]
#[path = "../../tests/belvedere/harness/certificates.rs"]
mod certificates;
#[allow(dead_code, reason = "shared with other measurements, of which each needs a part")]
#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, reason = "of the benchmark `viewers`, which needs more of it")]
#[path = "../viewers/crowd.rs"]
mod crowd;
mod failure;
mod feeds;
#[path = "../../tests/belvedere/harness/free_port.rs"]
mod free_port;
#[path = "../viewers/load.rs"]
mod load;
mod look_ups;
mod many;
mod node;
#[allow(dead_code, reason = "of the benchmark `viewers`, which needs more of it")]
#[path = "../viewers/pages.rs"]
mod pages;
#[allow(dead_code)]
#[path = "../../tests/belvedere/harness/postgres.rs"]
mod postgres;
mod revocation;
#[allow(dead_code, reason = "of the benchmark `viewers`, which needs more of it")]
#[path = "../viewers/server.rs"]
mod server;
#[path = "../../tests/belvedere/harness/server_account.rs"]
mod server_account;
#[allow(dead_code)]
#[path = "../../tests/belvedere/harness/server_process.rs"]
mod server_process;
mod shared_sessions;
#[path = "../viewers/shared_state.rs"]
mod shared_state;
mod sign_ins;
#[allow(dead_code, reason = "of the benchmark `viewers`, which needs more of it")]
#[path = "../viewers/tally.rs"]
mod tally;
#[path = "../viewers/viewer.rs"]
mod viewer;
#[path = "../viewers/wire.rs"]
mod wire;
#[path = "../viewers/worker_options.rs"]
mod worker_options;

use std::sync::Arc;

use belvedere::connections::raise_open_file_limit;
use belvedere::demo_directory::{DemoDirectory, SampleDomain};
use belvedere::domain::SystemClock;

use crate::common::arguments::Arguments;
use crate::common::process;
use crate::worker_options::WorkerOptions;

/// The allocator, as in the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The number of nodes.
const NODES: usize = 3;

fn main() {
    raise_open_file_limit();
    match process::worker_options() {
        Some(WorkerOptions::Server(options)) => node::run(&options),
        Some(WorkerOptions::Load(options)) => load::run(options),
        Some(WorkerOptions::Floor(_)) => unreachable!("nobody here starts one"),
        None => measure(&Arguments::of_this_process()),
    }
}

fn measure(arguments: &Arguments) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let viewers = |otherwise| arguments.number("--viewers").unwrap_or(otherwise);
    runtime.block_on(async {
        let directory = DemoDirectory::start(&SampleDomain::demo(), Arc::new(SystemClock)).await.unwrap();
        let store = || {
            let server = postgres::server().expect("PostgreSQL starts (on Debian: apt install postgresql)");
            server.url(&server.create_database())
        };
        if arguments.wants("look_ups") {
            look_ups::measure(&store()).await;
        }
        if arguments.wants("sign_ins") {
            sign_ins::measure(&directory, &store(), arguments.length(5)).await;
        }
        if arguments.wants("revocation") {
            revocation::measure(&directory, &store()).await;
        }
        if arguments.wants("feeds") {
            feeds::measure(&directory, arguments.length(20)).await;
        }
        if arguments.wants("failure") {
            failure::measure(&directory, viewers(6_000)).await;
        }
        if arguments.wants("many") {
            many::measure(&directory, viewers(16_000), arguments.length(20)).await;
        }
    });
}
