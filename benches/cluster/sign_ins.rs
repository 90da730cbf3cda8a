//! The processor time of a sign-in on our side, with a store of files and with a database.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use belvedere::demo_directory::DemoDirectory;
use tokio::task::JoinSet;

use crate::common::http_client::HttpClient;
use crate::common::report::{median_and_p99, micros_each, number, verdict};
use crate::node::{Cluster, Engines};
use crate::pages;
use crate::server::Server;

/// The numbers of concurrent sign-ins.
const CONCURRENCY: [u8; 3] = [1, 8, 64];

/// Those who sign in, in turn: a file's and a database's sign-ins cost the same at the directory.
const USERNAMES: [&str; 4] = ["alice", "bob", "carol", "zoe"];

/// The time before it is measured.
const WARM_UP: Duration = Duration::from_secs(2);

/// The aim: how many times what a sign-in costs with files it may cost with a database.
const MAX_TIMES: f64 = 1.3;

pub(crate) async fn measure(directory: &DemoDirectory, store: &str, length: Duration) {
    println!("\n| sign-ins, from form to redirect | at a time | a second | CPU each | median | 99 % |");
    println!("|---|---:|---:|---:|---:|---:|");
    let page_files = || [("board".to_owned(), pages::one_stat("1s"))];
    let embedded = Cluster::new(directory, Engines::default(), 1, page_files(), 0).await;
    let shared = Cluster::new(directory, Engines::store(store.to_owned()), 1, page_files(), 0).await;
    let mut nodes = [embedded.open(0), shared.open(0)];
    let mut worst: f64 = 0.0;
    for at_a_time in CONCURRENCY {
        let mut costs = Vec::new();
        for (what, node) in ["embedded", "PostgreSQL"].into_iter().zip(&mut nodes) {
            run(node, at_a_time, WARM_UP).await;
            costs.push(line(what, node, at_a_time, length).await);
        }
        worst = worst.max(costs[1] / costs[0]);
    }
    println!("- with PostgreSQL {worst:.2} x the CPU at most, aim {MAX_TIMES}: {}", verdict(worst <= MAX_TIMES));
    nodes.into_iter().for_each(Server::close);
}

/// Measures a line of the table. Returns the microseconds of processor time of a sign-in.
async fn line(what: &str, node: &mut Server, at_a_time: u8, length: Duration) -> f64 {
    let before = node.usage().cpu;
    let began = Instant::now();
    let mut times = run(node, at_a_time, length).await;
    let (elapsed, cpu) = (began.elapsed(), node.usage().cpu.saturating_sub(before));
    let each = micros_each(cpu, times.len());
    let rate = number(times.len()) / elapsed.as_secs_f64();
    let (median, slow) = median_and_p99(&mut times);
    println!("| {what} | {at_a_time} | {rate:.0} | {each:.0} µs | {median:.1?} | {slow:.1?} |");
    each
}

/// Has so many browsers sign in again and again, and returns how long each sign-in took.
async fn run(node: &Server, at_a_time: u8, length: Duration) -> Vec<Duration> {
    let (server, began) = (node.address, Instant::now());
    let mut browsers = JoinSet::new();
    for browser in 0..at_a_time {
        browsers.spawn(async move {
            // From an address of its own, as colleagues come.
            let mut client = HttpClient::from(Ipv4Addr::new(127, 0, 1, 2 + browser), server).await.unwrap();
            let mut times = Vec::new();
            while began.elapsed() < length {
                let start = Instant::now();
                let username = USERNAMES[(usize::from(browser) + times.len()) % USERNAMES.len()];
                let (cookie, csrf) = client.form().await.unwrap();
                let fields = format!("username={username}&password={username}-demo&next=%2F&csrf={csrf}");
                let answer = client.sends_form(&fields, &cookie, "").await.unwrap();
                assert_eq!(answer.status, 303, "not let in: {}", answer.body);
                times.push(start.elapsed());
            }
            times
        });
    }
    browsers.join_all().await.concat()
}
