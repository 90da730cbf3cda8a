//! One line of the table: so many at a time, for so long, by a process of its own.
//!
//! The process gets ready, and waits for a word; then it does its work until the time is up, and says how much
//! that was. Whoever started it reads the clocks around it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::bench_server::BenchServer;
use crate::common::process::{Process, Ready, say, wait_for_the_word};
use crate::common::report::middle_and_end;
use crate::common::usage;
use crate::ldap_clients::{self, Bare, Directory};
use crate::slapd::{BASE_DN, PASSWORD, PEOPLE, SERVICE_DN, Slapd};
use crate::visitors::Visitor;

/// What each does before it counts: connections are made, caches filled.
const WARM_UP: usize = 20;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Side {
    /// The sign-in form is opened, and nothing more: what of our cost is not the sign-in.
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

/// What a process is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WorkerOptions {
    side: Side,
    /// The server's, or the directory's.
    address: SocketAddr,
    ca_file: PathBuf,
    at_a_time: usize,
    length: Duration,
}

/// What it did.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Done {
    /// How often.
    pub(crate) count: usize,
    /// From the first to the last.
    pub(crate) elapsed: Duration,
    /// The processor time of whoever is measured.
    pub(crate) cpu: Duration,
    /// Half took no longer than this …
    pub(crate) median: Duration,
    /// … and all but one in a hundred no longer than this.
    pub(crate) slowest: Duration,
}

/// Has visitors do it, and measures the server, which is in this process.
pub(crate) fn against(side: Side, server: &BenchServer, at_a_time: usize, length: Duration) -> Done {
    let options = WorkerOptions { side, address: server.address, ca_file: PathBuf::new(), at_a_time, length };
    let mut ready = Ready::is(Process::with(&options));
    let before = usage::cpu();
    ready.go();
    let done = ready.done();
    Done { cpu: usage::cpu().saturating_sub(before), ..done }
}

/// Has a client do it, which measures itself.
pub(crate) fn of_client(side: Side, slapd: &Slapd, at_a_time: usize, length: Duration) -> Done {
    let address = SocketAddr::from(([127, 0, 0, 1], slapd.port));
    let options = WorkerOptions { side, address, ca_file: slapd.ca_file.clone(), at_a_time, length };
    let mut ready = Ready::is(Process::with(&options));
    ready.go();
    ready.done()
}

/// (b) in Python, asking for groups or not. `None` where its LDAP library is not installed.
pub(crate) fn of_python(slapd: &Slapd, with_groups: bool, at_a_time: usize, length: Duration) -> Option<Done> {
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
    Some(Done { count, elapsed, cpu, median: mean, slowest: mean })
}

/// What the started process does.
pub(crate) fn run(options: &WorkerOptions) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let done = runtime.block_on(async {
        let mut workers = Vec::new();
        let directory = Arc::new(directory(options.side, options.address, &options.ca_file));
        for n in 0..options.at_a_time {
            workers.push(Worker::new(options, directory.as_ref().as_ref(), n).await);
        }
        let mut getting_ready = JoinSet::new();
        for (n, mut worker) in workers.into_iter().enumerate() {
            let directory = Arc::clone(&directory);
            getting_ready.spawn(async move {
                for turn in 0..WARM_UP.div_ceil(8) {
                    worker.does_it(directory.as_ref().as_ref(), n + turn).await;
                }
                worker
            });
        }
        let workers = getting_ready.join_all().await;
        wait_for_the_word();
        measure(options, workers, &directory).await
    });
    say(&done);
}

async fn measure(options: &WorkerOptions, workers: Vec<Worker>, directory: &Arc<Option<Directory>>) -> Done {
    let (began, cpu_before) = (Instant::now(), usage::cpu());
    let mut working = JoinSet::new();
    for (n, mut worker) in workers.into_iter().enumerate() {
        let (directory, length, share) = (Arc::clone(directory), options.length, PEOPLE / options.at_a_time);
        working.spawn(async move {
            let mut times = Vec::new();
            while began.elapsed() < length {
                let start = Instant::now();
                worker.does_it(directory.as_ref().as_ref(), n * share + times.len() % share).await;
                times.push(start.elapsed());
            }
            times
        });
    }
    let mut times: Vec<Duration> = working.join_all().await.concat();
    let (elapsed, cpu) = (began.elapsed(), usage::cpu().saturating_sub(cpu_before));
    let (median, slowest) = middle_and_end(&mut times);
    Done { count: times.len(), elapsed, cpu, median, slowest }
}

fn directory(side: Side, address: SocketAddr, ca_file: &Path) -> Option<Directory> {
    (!matches!(side, Side::Forms | Side::SignIns)).then(|| Directory::new(address, ca_file))
}

/// One of those who do it at the same time.
enum Worker {
    Form(Visitor),
    SignIn(Visitor),
    Bare(Bare),
    Classic,
}

impl Worker {
    async fn new(options: &WorkerOptions, directory: Option<&Directory>, n: usize) -> Self {
        let visitor = || async { Visitor::new(options.address, n).await.unwrap() };
        match options.side {
            Side::Forms => Self::Form(visitor().await),
            Side::SignIns => Self::SignIn(visitor().await),
            Side::Bare => Self::Bare(Bare::new(directory.unwrap(), false).await.unwrap()),
            Side::BareWithGroups => Self::Bare(Bare::new(directory.unwrap(), true).await.unwrap()),
            Side::Classic => Self::Classic,
        }
    }

    async fn does_it(&mut self, directory: Option<&Directory>, person: usize) {
        match self {
            Self::Form(visitor) => visitor.opens_the_form().await.unwrap(),
            Self::SignIn(visitor) => visitor.signs_in(person).await.unwrap(),
            Self::Bare(client) => client.signs_in(person).await.unwrap(),
            Self::Classic => ldap_clients::sign_in_classically(directory.unwrap(), person).await.unwrap(),
        }
    }
}
