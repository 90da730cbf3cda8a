//! The cost of a frame, and the memory of a viewer.

use std::time::Duration;

use belvedere::demo_directory::DemoDirectory;

use crate::common::report::{number, verdict};
use crate::crowd::{Crowd, Served, idle, viewer_specs};
use crate::dashboard_server::Site;
use crate::pages;
use crate::server::Server;
use crate::shared_state::ViewerSpec;
use crate::worker_options::{FloorOptions, WorkerOptions};

/// How often ours and the floor are measured in turn, as a machine's speed varies.
const ROUNDS: usize = 3;

/// The number of viewers that come and go before memory is measured, so that what is allocated once is there.
const WARM_UP: usize = 200;

/// The aim: a frame costs at most this many times the floor's, …
const MAX_FRAME_COST: f64 = 1.15;

/// … and a viewer takes at most this many KiB.
const MAX_VIEWER_KIB: f64 = 5.0;

/// Measures the processor time of frames that come every `every_ms` milliseconds. At ten a second the machine's caches still hold what
/// the last one touched, at one a second they do not.
pub(crate) async fn measure_frames(directory: &DemoDirectory, viewers: usize, every_ms: u64, length: Duration) {
    let site = Site::new(directory, [("board".to_owned(), pages::one_stat(&format!("{every_ms}ms")))], viewers).await;
    let specs = viewer_specs("board", &site.tokens);
    let mut server = site.open(0);
    let idle = idle(&mut server, length);
    let (mut ours, mut least, mut floor) = (Vec::new(), Vec::new(), None);
    println!("\n| {viewers} viewers, a frame every {every_ms} ms | frames a second | bytes | CPU a frame |");
    println!("|---|---:|---:|---:|");
    for _ in 0..ROUNDS {
        let served = serve(&mut server, &specs, length);
        let options = FloorOptions { length: served.tally.bytes_each(), every: Duration::from_millis(every_ms) };
        ours.push(line("here", &served));
        let floor = floor.get_or_insert_with(|| Server::start(&WorkerOptions::Floor(options)));
        least.push(line("the floor", &serve(floor, &specs, length)));
    }
    let (ours, least) = (median(&mut ours), median(&mut least));
    println!("- the page alone, with nobody there: {:.2} ms of processor time a second", idle * 1e3);
    let times = ours / least;
    println!(
        "- a frame costs {ours:.1} µs, {times:.2} x the floor's {least:.1} µs, aim {MAX_FRAME_COST}: {}",
        verdict(times <= MAX_FRAME_COST)
    );
    server.close();
    floor.into_iter().for_each(Server::close);
}

fn serve(server: &mut Server, specs: &[ViewerSpec], length: Duration) -> Served {
    let mut crowd = Crowd::connect(server, specs);
    let served = crowd.measure(server, length);
    crowd.disconnect();
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
    let site = Site::new(directory, page_files.map(|(slug, page)| (slug.to_owned(), page)), viewers + WARM_UP).await;
    let members = viewer_specs("board", &site.tokens);
    let strangers: Vec<_> = members.iter().map(|_| ViewerSpec { slug: "public".to_owned(), token: String::new() }).collect();
    let mut floor = Server::start(&WorkerOptions::Floor(FloorOptions { length: 200, every: Duration::from_secs(1) }));
    println!("\n| {viewers} viewers | before | with all | each |");
    println!("|---|---:|---:|---:|");
    let measure_memory_of = |what, specs: &[ViewerSpec]| {
        let mut server = site.open(0);
        let each = memory_per_viewer(what, &mut server, specs);
        server.close();
        each
    };
    let ours = measure_memory_of("here, each with a session", &members);
    measure_memory_of("here, on a public page, without", &strangers);
    memory_per_viewer("the floor", &mut floor, &members);
    println!("- a viewer weighs {ours:.1} KiB, aim {MAX_VIEWER_KIB}: {}", verdict(ours <= MAX_VIEWER_KIB));
    floor.close();
}

/// The memory for each viewer, in KiB.
fn memory_per_viewer(what: &str, server: &mut Server, specs: &[ViewerSpec]) -> f64 {
    let (first, all) = specs.split_at(WARM_UP);
    serve(server, first, Duration::from_secs(1));
    let before = kib(server.usage().resident);
    let mut crowd = Crowd::connect(server, all);
    crowd.measure(server, Duration::from_secs(5));
    let after = kib(server.usage().resident);
    crowd.disconnect();
    let each = (after - before) / number(all.len());
    println!("| {what} | {:.1} MiB | {:.1} MiB | {each:.2} KiB |", before / 1024.0, after / 1024.0);
    each
}

#[expect(clippy::cast_precision_loss, reason = "a few megabytes")]
fn kib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0
}
