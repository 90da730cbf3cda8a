//! The load of a page of fifty charts at ten readings a second on a browser: `cargo bench --bench browser`, optionally with
//! `-- --seconds 30`. Needs Chromium and its driver (Debian: chromium-driver).
//!
//! The whole program is in this process. Its clock is ours: it runs ahead until each chart has as many points as it ever has,
//! and then as clocks do. Chromium has no window and no graphics card, so what is counted is what the page's own thread does,
//! script, style, layout and painting, and not what comes after it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on should stop here")]

mod bench_server;
mod chromium;
#[allow(dead_code, reason = "shared with other measurements, of which each needs a part")]
#[path = "../common/mod.rs"]
mod common;
mod report;

use std::time::Duration;

use crate::bench_server::BenchServer;
use crate::chromium::Chromium;

/// The allocator, as in the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long each line of the table is measured, unless told otherwise.
const SECONDS: u64 = 30;

/// A desktop, and a wall that has room for all charts at once.
const SCREENS: [(&str, u32, u32); 2] = [("a desktop, 1440 × 900", 1440, 900), ("a wall, all in view", 2560, 2900)];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let seconds = arguments.iter().skip_while(|argument| *argument != "--seconds").nth(1);
    let length = Duration::from_secs(seconds.and_then(|text| text.parse().ok()).unwrap_or(SECONDS));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = BenchServer::open().await;
        server.fill_charts().await;
        let ticking = server.run_in_real_time();
        report::head();
        for (words, width, height) in SCREENS {
            let chromium = Chromium::open(width, height).await;
            chromium.goes_to(&server.url()).await;
            report::line(words, &chromium.watches(length).await);
            chromium.closes().await;
        }
        drop(ticking);
        server.close().await;
    });
}
