//! A thousand queries a second: what one node spends on them, and what three spend that share a bus; and how much later a reading
//! is with a viewer whose node did not make it.

use std::time::{Duration, Instant};

use belvedere::demo_directory::DemoDirectory;

use crate::NODES;
use crate::bus_server::BusServer;
use crate::common::report::{number, verdict};
use crate::crowd::{Crowd, idle, viewer_specs};
use crate::node::{Cluster, Engines, answers_sent};
use crate::pages;
use crate::server::Server;
use crate::shared_state::ViewerSpec;
use crate::tally::LatencyHistogram;

/// The number of pages, and of panels on each.
const PAGES: usize = 50;
const PANELS: usize = 20;

/// The viewers of each node, spread over the pages.
const VIEWERS: usize = 200;

/// The aim: a node's processor time in percent of one core, …
const MAX_PERCENT: f64 = 5.0;

/// how often each query is asked in its interval, with some play for where the measurement begins and ends, …
const MAX_ASKED: f64 = 1.02;

/// … and the time by which a reading may be later with a viewer on another node.
const MAX_DELAY: Duration = Duration::from_millis(50);

pub(crate) async fn measure(directory: &DemoDirectory, length: Duration) {
    let page_files = || (0..PAGES).map(|page| (slug(page), pages::many_stats(PANELS, "1s", page)));
    println!("\n| {} queries at 1 Hz, nobody there | CPU of each node |", PAGES * PANELS);
    println!("|---|---:|");
    let alone = Cluster::new(directory, Engines::default(), 1, page_files(), VIEWERS).await;
    let mut node = alone.open(0);
    let percent = idle(&mut node, length) * 100.0;
    println!("| one node, no bus | {percent:.1} % of a core |");
    let specs = specs(&alone);
    let lone = late(&mut node, &specs, length);
    node.close();

    let bus = BusServer::start();
    let cluster = Cluster::new(directory, Engines::bus(bus.url()), NODES, page_files(), VIEWERS).await;
    let mut nodes: Vec<_> = (0..NODES).map(|node| cluster.open(node)).collect();
    let (asked, began) = (asked(&nodes).await, Instant::now());
    let percents: Vec<f64> = nodes.iter_mut().map(|node| idle(node, length) * 100.0).collect();
    let each = number(self::asked(&nodes).await - asked) / began.elapsed().as_secs_f64() / number(PAGES * PANELS);
    let listed = percents.iter().map(|percent| format!("{percent:.1} %")).collect::<Vec<_>>().join(", ");
    println!("| {NODES} nodes, one bus | {listed} |");
    let most = percents.iter().copied().fold(0.0, f64::max);
    println!("- a node takes {most:.1} % of a core at most, aim {MAX_PERCENT}: {}", verdict(most <= MAX_PERCENT));

    println!("- each query is asked {each:.2} times a second by all of them, aim {MAX_ASKED}: {}", verdict(each <= MAX_ASKED));

    println!("\n| {VIEWERS} viewers of one node, from reading to viewer | median | 99 % |");
    println!("|---|---:|---:|");
    print_late("one node, no bus", &lone);
    let mut worst = Duration::ZERO;
    for (number, node) in nodes.iter_mut().enumerate() {
        let late = late(node, &self::specs(&cluster), length);
        print_late(&format!("node {number} of {NODES}"), &late);
        worst = worst.max(late.all_but_one_in(100));
    }
    let delay = worst.saturating_sub(lone.all_but_one_in(100));
    println!("- with the bus {delay:.1?} later (99 %), aim {MAX_DELAY:?}: {}", verdict(delay <= MAX_DELAY));
    nodes.into_iter().for_each(Server::close);
}

/// How many answers the nodes have had and shared by now.
async fn asked(nodes: &[Server]) -> usize {
    let mut all = 0;
    for node in nodes {
        all += answers_sent(node).await;
    }
    usize::try_from(all).unwrap_or(usize::MAX)
}

fn specs(cluster: &Cluster) -> Vec<ViewerSpec> {
    let mut specs = viewer_specs("", &cluster.tokens);
    specs.iter_mut().enumerate().for_each(|(n, spec)| spec.slug = slug(n % PAGES));
    specs
}

fn late(node: &mut Server, specs: &[ViewerSpec], length: Duration) -> LatencyHistogram {
    let mut crowd = Crowd::connect(node, specs);
    let served = crowd.measure(node, length);
    crowd.disconnect();
    assert_eq!((served.tally.gaps, served.tally.lost), (0, 0), "everybody is told everything");
    served.tally.late
}

fn print_late(what: &str, late: &LatencyHistogram) {
    println!("| {what} | {:.1?} | {:.1?} |", late.all_but_one_in(2), late.all_but_one_in(100));
}

fn slug(page: usize) -> String {
    format!("board-{page}")
}
