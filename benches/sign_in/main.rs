//! The cost of a sign-in: `cargo bench --bench sign_in`, optionally with `-- --seconds 10` and `-- --only ours`.
//!
//! The whole program, form to redirect, over LDAPS, against two clients that do the same at the same slapd in the same
//! run: (a) a bare one, which searches and binds on connections it keeps, and (b) the classic way, a new connection and
//! a download of the schema for every sign-in: by the crate `ldap3` and, as web applications commonly do it, in
//! Python. Then what a dying directory server costs those who sign in.
//!
//! The clients are a process of their own: the processor time counted is the program's, or the client's, alone.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on should stop here")]

mod bench_server;
#[allow(dead_code, reason = "shared with other measurements, of which each needs a part")]
#[path = "../common/mod.rs"]
mod common;
mod failover;
mod ldap_clients;
mod proxy;
mod report;
mod runs;
mod slapd;
mod visitors;

// The tests' own, of which a measurement needs a part.
#[allow(dead_code)]
#[path = "../../tests/belvedere/harness/certificates.rs"]
mod certificates;
#[path = "../../tests/belvedere/harness/free_port.rs"]
mod free_port;
#[allow(dead_code)]
#[path = "../../tests/belvedere/harness/server_process.rs"]
mod server_process;

use crate::bench_server::BenchServer;
use crate::common::arguments::Arguments;
use crate::common::process;
use crate::report::Table;
use crate::runs::Workload;
use crate::slapd::Slapd;

/// The allocator, as in the program itself; the clients that it is compared with have it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The numbers of concurrent sign-ins.
const CONCURRENCY: [usize; 3] = [1, 8, 64];

/// How long each line of the table is measured, unless told otherwise.
const SECONDS: u64 = 3;

fn main() {
    if let Some(options) = process::worker_options() {
        runs::run(&options);
        return;
    }
    let arguments = Arguments::of_this_process();
    let length = arguments.length(SECONDS);

    let slapd = Slapd::start().expect("slapd starts (on Debian: apt install slapd)");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut table = Table::new();
    if arguments.wants("ours") {
        let server = runtime.block_on(BenchServer::open(&slapd, &[slapd.url()]));
        for at_a_time in CONCURRENCY {
            table.add("form alone", at_a_time, &runs::measure_server(Workload::Forms, &server, at_a_time, length));
            table.add(report::OURS, at_a_time, &runs::measure_server(Workload::SignIns, &server, at_a_time, length));
        }
        runtime.block_on(server.close());
    }
    for (name, workload) in [
        (report::BARE, Workload::Bare),
        (report::BARE_WITH_GROUPS, Workload::BareWithGroups),
        (report::CLASSIC, Workload::Classic),
    ] {
        if arguments.wants("clients") {
            for at_a_time in CONCURRENCY {
                table.add(name, at_a_time, &runs::measure_client(workload, &slapd, at_a_time, length));
            }
        }
    }
    if arguments.wants("clients") {
        for (name, with_groups) in [(report::CLASSIC_PYTHON, false), (report::CLASSIC_PYTHON_WITH_GROUPS, true)] {
            for at_a_time in CONCURRENCY {
                match runs::measure_python(&slapd, with_groups, at_a_time, length) {
                    Some(done) => table.add(name, at_a_time, &done),
                    None => {
                        eprintln!("SKIPPED: {name}, as web applications do it (on Debian: apt install python3-ldap3)");
                    }
                }
            }
        }
    }
    table.print();
    if arguments.wants("failover") {
        runtime.block_on(failover::measure(&slapd));
    }
}
