//! All viewers reconnect at once, after an outage of the network or a restart of the server.

use std::time::{Duration, Instant};

use belvedere::demo_directory::DemoDirectory;

use crate::common::report::verdict;
use crate::crowd::{Crowd, viewer_specs};
use crate::dashboard_server::Site;
use crate::load::{LoadCommand, ReconnectReport};
use crate::pages;

/// The aim: all are back within this time, and nobody needs a snapshot after so short an outage.
const MAX_RECONNECT: Duration = Duration::from_secs(5);

pub(crate) async fn measure(directory: &DemoDirectory, viewers: usize) {
    let site = Site::new(directory, [("board".to_owned(), pages::one_stat("500ms"))], viewers).await;
    let mut server = site.open(0);
    let mut crowd = Crowd::connect(&server, &viewer_specs("board", &site.tokens));
    crowd.measure(&mut server, Duration::from_secs(2));
    println!("\n| {viewers} viewers | back | after | snapshots | gaps | turned away or lost | memory |");
    println!("|---|---:|---:|---:|---:|---:|---:|");
    let before = server.usage().resident >> 20;
    let cut = crowd.reconnect(LoadCommand::Reconnect, || {});
    crowd.measure(&mut server, Duration::from_secs(2));
    line("are cut, and come back", &cut, &format!("{before} to {} MiB", server.usage().resident >> 20));

    let port = server.address.port();
    let mut away = Duration::ZERO;
    let mut next = None;
    let restarted = crowd.reconnect(LoadCommand::AwaitReconnect, || {
        let began = Instant::now();
        server.close();
        next = Some(site.open(port));
        away = began.elapsed();
    });
    let mut server = next.expect("it was opened again");
    crowd.measure(&mut server, Duration::from_secs(2));
    line("lose the server, which starts again", &restarted, &format!("{} MiB", server.usage().resident >> 20));
    crowd.disconnect();
    server.close();

    let reached = cut.back == cut.of && cut.elapsed <= MAX_RECONNECT && cut.tally.snapshots == 0 && cut.tally.gaps == 0;
    println!(
        "- back after {:.1?}, {} by snapshot, aim {MAX_RECONNECT:?} and none: {}",
        cut.elapsed,
        cut.tally.snapshots,
        verdict(reached)
    );
    println!("- the server was away for {away:.1?}; from its goodbye until all were back: {:.1?}", restarted.elapsed);
}

fn line(what: &str, back: &ReconnectReport, memory: &str) {
    let ReconnectReport { back, of, elapsed, tally } = back;
    println!("| {what} | {back} of {of} | {elapsed:.1?} | {} | {} | {} | {memory} |", tally.snapshots, tally.gaps, tally.lost);
}
