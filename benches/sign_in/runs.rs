//! One line of the table: so many at a time, for so long, by a process of its own.
//!
//! The process gets ready, says so, and waits for a word; then it does its work until the time is up, and says how much
//! that was. Whoever started it reads the clocks around it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::cpu;
use crate::house::House;
use crate::ldap_clients::{self, Bare, Directory};
use crate::slapd::{PEOPLE, Slapd};
use crate::visitors::Visitor;

/// By which argument a process knows that it has orders.
const ORDERS: &str = "--orders";

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
pub(crate) struct Orders {
    side: Side,
    /// The house's, or the directory's.
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

impl Orders {
    pub(crate) fn from_arguments(arguments: &[String]) -> Option<Self> {
        let at = arguments.iter().position(|argument| argument == ORDERS)?;
        Some(serde_json::from_str(arguments.get(at + 1)?).expect("orders are written by this program"))
    }
}

/// Has visitors do it, and measures the house, which is in this process.
pub(crate) fn against(side: Side, house: &House, at_a_time: usize, length: Duration) -> Done {
    let orders = Orders { side, address: house.address, ca_file: PathBuf::new(), at_a_time, length };
    let mut before = Duration::ZERO;
    let done = start(&orders, || before = cpu::used());
    Done { cpu: cpu::used() - before, ..done }
}

/// Has a client do it, which measures itself.
pub(crate) fn of_client(side: Side, slapd: &Slapd, at_a_time: usize, length: Duration) -> Done {
    let address = SocketAddr::from(([127, 0, 0, 1], slapd.port));
    start(&Orders { side, address, ca_file: slapd.ca_file.clone(), at_a_time, length }, || {})
}

fn start(orders: &Orders, at_the_word: impl FnOnce()) -> Done {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args([ORDERS, &serde_json::to_string(orders).unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut says = BufReader::new(process.stdout.take().unwrap()).lines();
    assert_eq!(says.next().expect("it gets ready").unwrap(), "ready", "{orders:?}");
    at_the_word();
    writeln!(process.stdin.take().unwrap(), "go").unwrap();
    let done = says.next().expect("it comes to an end").unwrap();
    assert!(process.wait().unwrap().success());
    serde_json::from_str(&done).unwrap()
}

/// What the started process does.
pub(crate) fn carry_out(orders: &Orders) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let done = runtime.block_on(async {
        let mut workers = Vec::new();
        let directory = Arc::new(directory(orders.side, orders.address, &orders.ca_file));
        for n in 0..orders.at_a_time {
            workers.push(Worker::new(orders, directory.as_ref().as_ref(), n).await);
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
        println!("ready");
        std::io::stdin().lock().read_line(&mut String::new()).unwrap();
        measure(orders, workers, &directory).await
    });
    println!("{}", serde_json::to_string(&done).unwrap());
}

async fn measure(orders: &Orders, workers: Vec<Worker>, directory: &Arc<Option<Directory>>) -> Done {
    let (began, cpu_before) = (Instant::now(), cpu::used());
    let mut working = JoinSet::new();
    for (n, mut worker) in workers.into_iter().enumerate() {
        let (directory, length, share) = (Arc::clone(directory), orders.length, PEOPLE / orders.at_a_time);
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
    let (elapsed, cpu) = (began.elapsed(), cpu::used() - cpu_before);
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    Done { count: times.len(), elapsed, cpu, median: at(50), slowest: at(99) }
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
    async fn new(orders: &Orders, directory: Option<&Directory>, n: usize) -> Self {
        let visitor = || async { Visitor::new(orders.address, n).await.unwrap() };
        match orders.side {
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
