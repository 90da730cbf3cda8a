//! More viewers than a process has files for, on one page, over all nodes.

use std::time::Duration;

use belvedere::demo_directory::DemoDirectory;

use crate::NODES;
use crate::bus_server::BusServer;
use crate::common::report::{number, verdict};
use crate::crowd::{Crowd, Served, viewer_specs};
use crate::node::{Cluster, Engines};
use crate::pages;
use crate::server::Server;

/// The aim: the 99th percentile of the time from a reading to a viewer, …
const MAX_LATENCY: Duration = Duration::from_millis(250);

/// … and how many times what a frame costs on one node it may cost here.
const MAX_COST: f64 = 1.3;

pub(crate) async fn measure(directory: &DemoDirectory, viewers: usize, length: Duration) {
    let page_files = || [("board".to_owned(), pages::one_stat("1s"))];
    println!("\n| viewers of one page, 1 frame a second | frames a second | median | 99 % | CPU a frame | lost |");
    println!("|---|---:|---:|---:|---:|---:|");
    let alone = Cluster::new(directory, Engines::default(), 1, page_files(), viewers).await;
    let mut node = alone.open(0);
    let mut crowd = Crowd::connect(&node, &viewer_specs("board", &alone.tokens));
    let lone = crowd.measure(&mut node, length);
    crowd.disconnect();
    node.close();
    print(&format!("{viewers} on one node"), &lone);

    let bus = BusServer::start();
    let cluster = Cluster::new(directory, Engines::bus(bus.url()), NODES, page_files(), viewers * NODES).await;
    let mut nodes: Vec<_> = (0..NODES).map(|node| cluster.open(node)).collect();
    let specs = viewer_specs("board", &cluster.tokens);
    let connect = |(number, specs): (usize, &[_])| {
        Crowd::connect_with_others(&nodes[number], specs, u8::try_from(number * 10).unwrap(), &[])
    };
    let mut crowds: Vec<_> = specs.chunks(viewers).enumerate().map(connect).collect();
    std::thread::sleep(Duration::from_secs(3));
    let before: Duration = nodes.iter_mut().map(|node| node.usage().cpu).sum();
    crowds.iter_mut().for_each(Crowd::start_counting);
    std::thread::sleep(length);
    let tally = crowds.iter_mut().map(Crowd::count).reduce(|all, tally| all.merge(&tally)).unwrap_or_default();
    let after: Duration = nodes.iter_mut().map(|node| node.usage().cpu).sum();
    let all = Served { tally, elapsed: length, cpu: after.saturating_sub(before) };
    print(&format!("{} on {NODES} nodes", viewers * NODES), &all);
    let times = all.cpu_each() / lone.cpu_each();
    let late = all.tally.late.all_but_one_in(100);
    let reached = late <= MAX_LATENCY && times <= MAX_COST && all.tally.lost == 0;
    println!("- {late:.1?} (99 %), aim {MAX_LATENCY:?}; a frame costs {times:.2} x, aim {MAX_COST}: {}", verdict(reached));
    crowds.into_iter().for_each(Crowd::disconnect);
    nodes.into_iter().for_each(Server::close);
}

fn print(what: &str, served: &Served) {
    let late = |one_in| served.tally.late.all_but_one_in(one_in);
    println!(
        "| {what} | {:.0} | {:.1?} | {:.1?} | {:.1} µs | {} |",
        number(served.tally.frames) / served.elapsed.as_secs_f64(),
        late(2),
        late(100),
        served.cpu_each(),
        served.tally.lost
    );
}
