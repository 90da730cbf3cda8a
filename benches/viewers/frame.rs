//! What a frame costs, and what a viewer weighs.

use std::time::Duration;

use belvedere::demo_directory::DemoDirectory;

use crate::common::report::{number, verdict};
use crate::crowd::{Crowd, Served, idle, places};
use crate::dashboard_server::Site;
use crate::load::Place;
use crate::server::Server;
use crate::{floor, pages};

/// How often ours and the floor are measured in turn: a machine has moods.
const ROUNDS: usize = 3;

/// A viewer that came and went before memory is looked at, so that what is made once is made.
const FIRST: usize = 200;

/// What is promised: a frame costs so many times the floor's, …
const FRAME_AT_MOST: f64 = 1.15;

/// … and a viewer weighs so many KiB.
const VIEWER_AT_MOST: f64 = 5.0;

pub(crate) async fn measure_frames(directory: &DemoDirectory, viewers: usize, length: Duration) {
    let site = Site::new(directory, [("board".to_owned(), pages::one_stat("100ms"))], viewers).await;
    let places = places("board", &site.tokens);
    let mut server = site.open(0);
    let idle = idle(&mut server, length);
    let (mut ours, mut least, mut floor) = (Vec::new(), Vec::new(), None);
    println!("\n| {viewers} viewers, 10 frames a second | frames a second | bytes | CPU a frame |");
    println!("|---|---:|---:|---:|");
    for _ in 0..ROUNDS {
        let served = serve(&mut server, &places, length);
        let options = floor::WorkerOptions { length: served.tally.bytes_each(), every: Duration::from_millis(100) };
        ours.push(line("here", &served));
        let floor = floor.get_or_insert_with(|| Server::floor(options));
        least.push(line("the floor", &serve(floor, &places, length)));
    }
    let (ours, least) = (median(&mut ours), median(&mut least));
    println!("- the page alone, with nobody there: {:.2} ms of processor time a second", idle * 1e3);
    let times = ours / least;
    println!(
        "- a frame costs {ours:.1} µs, {times:.2} x the floor's {least:.1} µs, aim {FRAME_AT_MOST}: {}",
        verdict(times <= FRAME_AT_MOST)
    );
    server.close();
    floor.into_iter().for_each(Server::close);
}

fn serve(server: &mut Server, places: &[Place], length: Duration) -> Served {
    let mut crowd = Crowd::comes(server, places);
    let served = crowd.served(server, length);
    crowd.leaves();
    assert_eq!((served.tally.gaps, served.tally.lost), (0, 0), "everybody is told everything");
    served
}

fn line(what: &str, served: &Served) -> f64 {
    let a_second = number(served.tally.frames) / served.elapsed.as_secs_f64();
    println!("| {what} | {a_second:.0} | {} | {:.2} µs |", served.tally.bytes_each(), served.cpu_each());
    served.cpu_each()
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}

pub(crate) async fn measure_memory(directory: &DemoDirectory, viewers: usize) {
    let page_files = [("board", pages::one_stat("1s")), ("public", pages::one_public_stat("1s"))];
    let site = Site::new(directory, page_files.map(|(slug, page)| (slug.to_owned(), page)), viewers + FIRST).await;
    let members = places("board", &site.tokens);
    let strangers: Vec<_> = members.iter().map(|_| Place { slug: "public".to_owned(), token: String::new() }).collect();
    let mut floor = Server::floor(floor::WorkerOptions { length: 200, every: Duration::from_secs(1) });
    println!("\n| {viewers} viewers | before | with all | each |");
    println!("|---|---:|---:|---:|");
    let weigh_here = |what, places: &[Place]| {
        let mut server = site.open(0);
        let each = weigh(what, &mut server, places);
        server.close();
        each
    };
    let ours = weigh_here("here, each with a session", &members);
    weigh_here("here, on a public page, without", &strangers);
    weigh("the floor", &mut floor, &members);
    println!("- a viewer weighs {ours:.1} KiB, aim {VIEWER_AT_MOST}: {}", verdict(ours <= VIEWER_AT_MOST));
    floor.close();
}

/// KiB of memory for each.
fn weigh(what: &str, server: &mut Server, places: &[Place]) -> f64 {
    let (first, all) = places.split_at(FIRST);
    serve(server, first, Duration::from_secs(1));
    let before = kib(server.usage().resident);
    let mut crowd = Crowd::comes(server, all);
    crowd.served(server, Duration::from_secs(5));
    let after = kib(server.usage().resident);
    crowd.leaves();
    let each = (after - before) / number(all.len());
    println!("| {what} | {:.1} MiB | {:.1} MiB | {each:.2} KiB |", before / 1024.0, after / 1024.0);
    each
}

#[expect(clippy::cast_precision_loss, reason = "a few megabytes")]
fn kib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0
}
