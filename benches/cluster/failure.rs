//! A node is killed: how soon all its viewers are back on the others, and what they have to be told anew.

use std::time::Duration;

use belvedere::demo_directory::DemoDirectory;

use crate::NODES;
use crate::bus_server::BusServer;
use crate::common::report::{number, verdict};
use crate::crowd::{Crowd, viewer_specs};
use crate::load::LoadCommand;
use crate::node::{Cluster, Engines};
use crate::pages;
use crate::server::Server;

/// The aim: everybody is back after this time, …
const MAX_TIME: Duration = Duration::from_secs(5);

/// … and of a hundred viewers, so many without a snapshot.
const MIN_RESUMED: f64 = 99.0;

pub(crate) async fn measure(directory: &DemoDirectory, viewers: usize) {
    let bus = BusServer::start();
    let page_files = [("board".to_owned(), pages::many_stats(10, "1s", 0))];
    let cluster = Cluster::new(directory, Engines::bus(bus.url()), NODES, page_files, viewers * NODES).await;
    let mut nodes: Vec<_> = (0..NODES).map(|node| cluster.open(node)).collect();
    let specs = viewer_specs("board", &cluster.tokens);
    let mut crowds: Vec<_> = specs
        .chunks(viewers)
        .enumerate()
        .map(|(number, specs)| {
            let others: Vec<_> = (1..NODES).map(|next| nodes[(number + next) % NODES].address).collect();
            Crowd::connect_with_others(&nodes[number], specs, u8::try_from(number * 10).unwrap(), &others)
        })
        .collect();
    let killed = nodes.pop().expect("there are some");
    let moved = crowds.pop().expect("each has its own");
    let report = { moved }.reconnect(LoadCommand::AwaitReconnect, || killed.kill());
    let resumed = 100.0 - 100.0 * number(report.tally.snapshots) / number(report.of);
    println!(
        "\n| {viewers} viewers on each of {NODES} nodes, of which one is killed | back | all are there after | without a snapshot | gaps |"
    );
    println!("|---|---:|---:|---:|---:|");
    println!("| | {} of {} | {:.1?} | {resumed:.1} % | {} |", report.back, report.of, report.elapsed, report.tally.gaps);
    let reached = report.back == report.of && report.elapsed <= MAX_TIME && resumed >= MIN_RESUMED;
    println!("- aim {MAX_TIME:?}, {MIN_RESUMED} % without a snapshot: {}", verdict(reached));
    crowds.into_iter().for_each(Crowd::disconnect);
    nodes.into_iter().for_each(Server::close);
}
