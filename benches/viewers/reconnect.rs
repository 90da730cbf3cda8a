//! Everybody comes back at once: the network was away, or the server was.

use std::time::{Duration, Instant};

use belvedere::demo_directory::DemoDirectory;

use crate::common::report::verdict;
use crate::crowd::{Crowd, places};
use crate::dashboard_server::Site;
use crate::load::{Return, Word};
use crate::pages;

/// What is promised: all are back within this time, and nobody needs a snapshot who was away for so short a time.
const BACK_WITHIN: Duration = Duration::from_secs(5);

pub(crate) async fn measure(directory: &DemoDirectory, viewers: usize) {
    let site = Site::new(directory, [("board".to_owned(), pages::one_stat("500ms"))], viewers).await;
    let mut server = site.open(0);
    let mut crowd = Crowd::comes(&server, &places("board", &site.tokens));
    crowd.served(&mut server, Duration::from_secs(2));
    println!("\n| {viewers} viewers | back | after | snapshots | gaps | turned away or lost | memory |");
    println!("|---|---:|---:|---:|---:|---:|---:|");
    let before = server.usage().resident >> 20;
    let cut = crowd.comes_back(Word::Return, || {});
    crowd.served(&mut server, Duration::from_secs(2));
    line("are cut, and come back", &cut, &format!("{before} to {} MiB", server.usage().resident >> 20));

    let port = server.address.port();
    let mut away = Duration::ZERO;
    let mut next = None;
    let restarted = crowd.comes_back(Word::Await, || {
        let began = Instant::now();
        server.close();
        next = Some(site.open(port));
        away = began.elapsed();
    });
    let mut server = next.expect("it was opened again");
    crowd.served(&mut server, Duration::from_secs(2));
    line("lose the server, which starts again", &restarted, &format!("{} MiB", server.usage().resident >> 20));
    crowd.leaves();
    server.close();

    let reached = cut.back == cut.of && cut.elapsed <= BACK_WITHIN && cut.tally.snapshots == 0 && cut.tally.gaps == 0;
    println!(
        "- back after {:.1?}, {} by snapshot, aim {BACK_WITHIN:?} and none: {}",
        cut.elapsed,
        cut.tally.snapshots,
        verdict(reached)
    );
    println!("- the server was away for {away:.1?}; from its goodbye until all were back: {:.1?}", restarted.elapsed);
}

fn line(what: &str, back: &Return, memory: &str) {
    let Return { back, of, elapsed, tally } = back;
    println!(
        "| {what} | {back} of {of} | {elapsed:.1?} | {} | {} | {} | {memory} |",
        tally.snapshots, tally.gaps, tally.lost
    );
}
