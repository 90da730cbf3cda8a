//! One line of the table: concurrent sign-ins for a fixed time, by a worker process.
//!
//! The worker gets ready, and waits for the start; then it works until the time is up, and reports how much
//! that was. The process that started it reads the clocks around it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::bench_server::BenchServer;
use crate::common::process::{Process, Ready, send_to_parent, wait_for_go};
use crate::common::report::median_and_p99;
use crate::common::usage;
use crate::ldap_clients::{self, Bare, Directory};
use crate::slapd::{BASE_DN, PASSWORD, PEOPLE, SERVICE_DN, Slapd};
use crate::visitors::Visitor;

/// The number of sign-ins before anything counts: connections are made, caches filled.
const WARM_UP: usize = 20;

/// The workload: which client signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Workload {
    /// The sign-in form is opened, and nothing more: the part of our cost that is not the sign-in.
    Forms,
    /// Form to redirect.
    SignIns,
    /// (a)
    Bare,
    /// (a), asking for groups as the program does.
    BareWithGroups,
    /// (b)
    Classic,
}

/// The options of a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WorkerOptions {
    workload: Workload,
    /// The server's, or the directory's.
    address: SocketAddr,
    ca_file: PathBuf,
    at_a_time: usize,
    length: Duration,
}

/// The report of a worker.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct WorkerReport {
    /// The number of sign-ins.
    pub(crate) count: usize,
    /// The time from the first to the last.
    pub(crate) elapsed: Duration,
    /// The processor time of the program, or of the client.
    pub(crate) cpu: Duration,
    /// The median of the sign-ins' durations.
    pub(crate) median: Duration,
    /// Their 99th percentile.
    pub(crate) slowest: Duration,
}

/// Runs browsers in a worker, and measures the server, which is in this process.
pub(crate) fn measure_server(workload: Workload, server: &BenchServer, at_a_time: usize, length: Duration) -> WorkerReport {
    let options = WorkerOptions { workload, address: server.address, ca_file: PathBuf::new(), at_a_time, length };
    let mut ready = Ready::wait_for(Process::with(&options));
    let before = usage::cpu();
    ready.go();
    let done = ready.done();
    WorkerReport { cpu: usage::cpu().saturating_sub(before), ..done }
}

/// Runs an LDAP client in a worker, which measures itself.
pub(crate) fn measure_client(workload: Workload, slapd: &Slapd, at_a_time: usize, length: Duration) -> WorkerReport {
    let address = SocketAddr::from(([127, 0, 0, 1], slapd.port));
    let options = WorkerOptions { workload, address, ca_file: slapd.ca_file.clone(), at_a_time, length };
    let mut ready = Ready::wait_for(Process::with(&options));
    ready.go();
    ready.done()
}

/// (b) in Python, asking for groups or not. `None` where its LDAP library is not installed.
pub(crate) fn measure_python(slapd: &Slapd, with_groups: bool, at_a_time: usize, length: Duration) -> Option<WorkerReport> {
    let people = PEOPLE.to_string();
    let (port, seconds) = (slapd.port.to_string(), length.as_secs().to_string());
    // The system's own has the packages that come with the system; another one may come first in the path.
    let python = ["/usr/bin/python3", "python3"].into_iter().find(|python| {
        let tried = Command::new(python).args(["-c", "import ldap3"]).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    })?;
    let output = Command::new(python)
        .args(["-c", include_str!("classic.py"), &port])
        .arg(&slapd.ca_file)
        .args([&*seconds, &people, BASE_DN, SERVICE_DN, PASSWORD, &at_a_time.to_string()])
        .arg(if with_groups { "groups" } else { "alone" })
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let [count, elapsed, cpu] = said.split_whitespace().collect::<Vec<_>>()[..] else { return None };
    let elapsed = Duration::from_secs_f64(elapsed.parse().ok()?);
    let cpu = Duration::from_secs_f64(cpu.parse().ok()?);
    let count: usize = count.parse().ok()?;
    let mean = elapsed * u32::try_from(at_a_time).ok()? / u32::try_from(count).ok()?.max(1);
    Some(WorkerReport { count, elapsed, cpu, median: mean, slowest: mean })
}

/// Runs the workload in the worker process.
pub(crate) fn run(options: &WorkerOptions) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let done = runtime.block_on(async {
        let mut workers = Vec::new();
        let directory = Arc::new(directory(options.workload, options.address, &options.ca_file));
        for n in 0..options.at_a_time {
            workers.push(Worker::new(options, directory.as_ref().as_ref(), n).await);
        }
        let mut getting_ready = JoinSet::new();
        for (n, mut worker) in workers.into_iter().enumerate() {
            let directory = Arc::clone(&directory);
            getting_ready.spawn(async move {
                for turn in 0..WARM_UP.div_ceil(8) {
                    worker.run_once(directory.as_ref().as_ref(), n + turn).await;
                }
                worker
            });
        }
        let workers = getting_ready.join_all().await;
        wait_for_go();
        measure(options, workers, &directory).await
    });
    send_to_parent(&done);
}

async fn measure(options: &WorkerOptions, workers: Vec<Worker>, directory: &Arc<Option<Directory>>) -> WorkerReport {
    let (began, cpu_before) = (Instant::now(), usage::cpu());
    let mut working = JoinSet::new();
    for (n, mut worker) in workers.into_iter().enumerate() {
        let (directory, length, share) = (Arc::clone(directory), options.length, PEOPLE / options.at_a_time);
        working.spawn(async move {
            let mut times = Vec::new();
            while began.elapsed() < length {
                let start = Instant::now();
                worker.run_once(directory.as_ref().as_ref(), n * share + times.len() % share).await;
                times.push(start.elapsed());
            }
            times
        });
    }
    let mut times: Vec<Duration> = working.join_all().await.concat();
    let (elapsed, cpu) = (began.elapsed(), usage::cpu().saturating_sub(cpu_before));
    let (median, slowest) = median_and_p99(&mut times);
    WorkerReport { count: times.len(), elapsed, cpu, median, slowest }
}

fn directory(workload: Workload, address: SocketAddr, ca_file: &Path) -> Option<Directory> {
    (!matches!(workload, Workload::Forms | Workload::SignIns)).then(|| Directory::new(address, ca_file))
}

/// One of the concurrent clients.
enum Worker {
    Form(Visitor),
    SignIn(Visitor),
    Bare(Bare),
    Classic,
}

impl Worker {
    async fn new(options: &WorkerOptions, directory: Option<&Directory>, n: usize) -> Self {
        let visitor = || async { Visitor::new(options.address, n).await.unwrap() };
        match options.workload {
            Workload::Forms => Self::Form(visitor().await),
            Workload::SignIns => Self::SignIn(visitor().await),
            Workload::Bare => Self::Bare(Bare::new(directory.unwrap(), false).await.unwrap()),
            Workload::BareWithGroups => Self::Bare(Bare::new(directory.unwrap(), true).await.unwrap()),
            Workload::Classic => Self::Classic,
        }
    }

    async fn run_once(&mut self, directory: Option<&Directory>, person: usize) {
        match self {
            Self::Form(visitor) => visitor.opens_the_form().await.unwrap(),
            Self::SignIn(visitor) => visitor.signs_in(person).await.unwrap(),
            Self::Bare(client) => client.signs_in(person).await.unwrap(),
            Self::Classic => ldap_clients::sign_in_classically(directory.unwrap(), person).await.unwrap(),
        }
    }
}
