//! As many viewers as a process has files for; and the same viewers at one page, and at as many as a company has.

use std::time::Duration;

use belvedere::demo_directory::DemoDirectory;

use crate::common::report::{number, verdict};
use crate::crowd::{Crowd, Served, idle, places};
use crate::dashboard_server::Site;
use crate::load::Place;
use crate::pages;

/// What is promised: so long after a reading all but one in a hundred have it.
const LATE_AT_MOST: Duration = Duration::from_millis(250);

/// So many pages, of so many panels.
const PAGES: usize = 200;
const PANELS: usize = 20;

/// What is promised: frames of many pages cost so many times what they cost on one.
const PAGES_AT_MOST: f64 = 1.3;

pub(crate) async fn measure_crowd(directory: &DemoDirectory, viewers: usize, length: Duration) {
    let page_files = [("board", "1s"), ("still", "1h")].map(|(slug, every)| (slug.to_owned(), pages::one_stat(every)));
    let site = Site::new(directory, page_files, viewers).await;
    let mut server = site.open(0);
    let mut serve = |slug: &str, length| {
        let mut crowd = Crowd::comes(&server, &places(slug, &site.tokens));
        let served = crowd.served(&mut server, length);
        let memory = server.usage().resident >> 20;
        crowd.leaves();
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
    let reached = late(100) <= LATE_AT_MOST && tally.lost == 0 && tally.gaps == 0;
    println!(
        "- from reading to viewer in {:.1?} (99 %), aim {LATE_AT_MOST:?}, all served: {}",
        late(100),
        verdict(reached)
    );
}

/// How busy the server is: 100 is a whole core.
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
        let at = |(n, token): (usize, &String)| Place { slug: slug(n % pages), token: token.clone() };
        let places: Vec<_> = site.tokens.iter().enumerate().map(at).collect();
        let mut server = site.open(0);
        let idle = idle(&mut server, length);
        let mut crowd = Crowd::comes(&server, &places);
        let served = crowd.served(&mut server, length);
        crowd.leaves();
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
        "- on {PAGES} pages a frame costs {times:.2} x that on one, aim {PAGES_AT_MOST}: {}",
        verdict(times <= PAGES_AT_MOST)
    );
}

fn slug(page: usize) -> String {
    format!("board-{page}")
}
