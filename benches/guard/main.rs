//! The cost of authenticating the visitor, and of a flood of strangers for members: `cargo bench --bench guard`,
//! optionally with `-- --seconds 10`, `-- --only guard` and `-- --only flood`.
//!
//! The whole program in this process, with [`bench_server::SESSIONS`] live sessions in its store. The clients are a process of their
//! own, so that the processor time and the memory counted are the program's alone.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on should stop here")]

mod bench_server;
#[allow(dead_code, reason = "shared with other measurements, of which each needs a part")]
#[path = "../common/mod.rs"]
mod common;
mod flood;
mod report;
mod worker;
mod worker_options;

use crate::bench_server::BenchServer;
use crate::common::arguments::Arguments;
use crate::common::process;
use crate::report::Table;
use crate::worker_options::Workload;

/// The allocator, as in the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The numbers of concurrent clients.
const CONCURRENCY: [usize; 2] = [1, 16];

/// How long each line of the table is measured, unless told otherwise.
const SECONDS: u64 = 5;

fn main() {
    if let Some(options) = process::worker_options() {
        worker::run(&options);
        return;
    }
    let arguments = Arguments::of_this_process();
    let length = arguments.length(SECONDS);

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let server = runtime.block_on(BenchServer::open());
    if arguments.wants("guard") {
        let mut table = Table::default();
        for at_a_time in CONCURRENCY {
            for kind in [
                Workload::Public,
                Workload::PublicAsMember,
                Workload::MembersPage,
                Workload::MembersPageByMany,
                Workload::ByBasic,
                Workload::ByBearer,
            ] {
                table.add(kind, at_a_time, &worker_options::measure_server(kind, &server, at_a_time, length));
            }
        }
        table.print();
    }
    if arguments.wants("flood") {
        flood::measure(&server);
    }
    runtime.block_on(server.close());
}
