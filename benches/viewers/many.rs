//! As many viewers as a process has files for; and the same viewers on one page, and on as many as a company has.

use std::time::Duration;

use belvedere::demo_directory::DemoDirectory;

use crate::common::report::{number, verdict};
use crate::crowd::{Crowd, Served, idle, viewer_specs};
use crate::dashboard_server::Site;
use crate::pages;
use crate::shared_state::ViewerSpec;

/// The aim: the 99th percentile of the time from a reading to a viewer.
const MAX_LATENCY: Duration = Duration::from_millis(250);

/// The number of pages, and of panels on each.
const PAGES: usize = 200;
const PANELS: usize = 20;

/// The aim: frames of many pages cost at most this many times what they cost on one.
const MAX_COST_OF_MANY_PAGES: f64 = 1.3;

pub(crate) async fn measure_crowd(directory: &DemoDirectory, viewers: usize, length: Duration) {
    let page_files = [("board", "1s"), ("still", "1h")].map(|(slug, every)| (slug.to_owned(), pages::one_stat(every)));
    let site = Site::new(directory, page_files, viewers).await;
    let mut server = site.open(0);
    let mut serve = |slug: &str, length| {
        let mut crowd = Crowd::connect(&server, &viewer_specs(slug, &site.tokens));
        let served = crowd.measure(&mut server, length);
        let memory = server.usage().resident >> 20;
        crowd.disconnect();
        (served, memory)
    };
    let (still, _) = serve("still", length / 3);
    let (served, memory) = serve("board", length);
    server.close();

    let Served { tally, elapsed, .. } = &served;
    let late = |one_in| tally.late.all_but_one_in(one_in);
    println!("\n| viewers of one page, 1 frame a second | frames a second | median | 99 % | 99.9 % | CPU | memory |");
    println!("|---|---:|---:|---:|---:|---:|---:|");
    println!(
        "| {viewers} for {length:.0?}, {} lost | {:.0} | {:.1?} | {:.1?} | {:.1?} | {:.0} % of a core | {memory} MiB |",
        tally.lost,
        number(tally.frames) / elapsed.as_secs_f64(),
        late(2),
        late(100),
        late(1_000),
        of_a_core(&served)
    );
    println!("- the same on a page that stands still: {:.0} % of a core", of_a_core(&still));
    let reached = late(100) <= MAX_LATENCY && tally.lost == 0 && tally.gaps == 0;
    println!("- from reading to viewer in {:.1?} (99 %), aim {MAX_LATENCY:?}, all served: {}", late(100), verdict(reached));
}

/// The server's processor use in percent of one core.
fn of_a_core(served: &Served) -> f64 {
    served.cpu.div_duration_f64(served.elapsed) * 100.0
}

pub(crate) async fn measure_pages(directory: &DemoDirectory, viewers: usize, length: Duration) {
    println!(
        "\n| {viewers} viewers, {PANELS} panels a page, 1 s | frames a second | bytes | CPU a frame | in all | nobody there |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    let mut costs = Vec::new();
    for pages in [1, PAGES] {
        let page_files = (0..pages).map(|page| (slug(page), pages::many_stats(PANELS, "1s", page)));
        let site = Site::new(directory, page_files, viewers).await;
        let at = |(n, token): (usize, &String)| ViewerSpec { slug: slug(n % pages), token: token.clone() };
        let specs: Vec<_> = site.tokens.iter().enumerate().map(at).collect();
        let mut server = site.open(0);
        let idle = idle(&mut server, length);
        let mut crowd = Crowd::connect(&server, &specs);
        let served = crowd.measure(&mut server, length);
        crowd.disconnect();
        server.close();
        println!(
            "| {pages} page(s) | {:.0} | {} | {:.1} µs | {:.0} % of a core | {:.0} ms a second |",
            number(served.tally.frames) / served.elapsed.as_secs_f64(),
            served.tally.bytes_each(),
            served.cpu_each(),
            of_a_core(&served),
            idle * 1e3
        );
        costs.push((served.cpu_each(), of_a_core(&served)));
    }
    let times = costs[1].0 / costs[0].0;
    println!(
        "- all of it costs {:.2} x as much: feeds of {PAGES} pages, and what is not told together",
        costs[1].1 / costs[0].1
    );
    println!(
        "- on {PAGES} pages a frame costs {times:.2} x that on one, aim {MAX_COST_OF_MANY_PAGES}: {}",
        verdict(times <= MAX_COST_OF_MANY_PAGES)
    );
}

fn slug(page: usize) -> String {
    format!("board-{page}")
}
