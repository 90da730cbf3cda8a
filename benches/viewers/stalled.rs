//! Stalled viewers, which read nothing: their effect on the others' latency, and their memory.

use std::time::{Duration, Instant};

use belvedere::demo_directory::DemoDirectory;

use crate::common::report::{number, verdict};
use crate::crowd::{Crowd, STALLED, Served, viewer_specs};
use crate::dashboard_server::Site;
use crate::pages;

/// One viewer in this many is stalled.
const STALLED_ONE_IN: usize = 5;

/// The aim: the others' frames are at most this many times as late, …
const MAX_TIMES_AS_LATE: f64 = 1.2;

/// … and a stalled viewer takes at most this many KiB.
const MAX_STALLED_KIB: f64 = 64.0;

/// The number of panels: enough that the system's own buffers are full within seconds.
const PANELS: usize = 40;

/// The longest wait for the system's buffers to be full.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn measure(directory: &DemoDirectory, viewers: usize, length: Duration) {
    let page = || [("board".to_owned(), pages::many_stats(PANELS, "500ms", 0))];
    let site = Site::new(directory, page(), viewers).await;
    let specs = viewer_specs("board", &site.tokens);
    let (few, others) = specs.split_at(viewers / STALLED_ONE_IN);

    let mut server = site.open(0);
    let mut crowd = Crowd::connect(&server, others);
    let reading = Crowd::connect(&server, few);
    let without = crowd.measure(&mut server, length);
    crowd.disconnect();
    reading.disconnect();
    server.close();

    let mut server = site.open(0);
    let mut crowd = Crowd::connect(&server, others);
    crowd.measure(&mut server, Duration::from_secs(1));
    let before = server.usage().resident;
    let stalled = Crowd::connect_stalled(&server, few);
    let (stuck, queued) = until_stuck(server.address.port());
    let with = crowd.measure(&mut server, length);
    let weighs = number(usize::try_from(server.usage().resident.saturating_sub(before)).unwrap()) / 1024.0 / number(few.len());
    crowd.disconnect();
    stalled.disconnect();
    server.close();

    println!("\n| {viewers} viewers, {} of them stalled | median | 99 % | bytes a frame |", few.len());
    println!("|---|---:|---:|---:|");
    for (what, served) in [("all of them read", &without), ("the others", &with)] {
        let (tally, late) = (&served.tally, &served.tally.under_way);
        println!("| {what} | {:.1?} | {:.1?} | {} |", late.all_but_one_in(2), late.all_but_one_in(100), tally.bytes_each());
    }
    // Since the batch was made: how long it waited for the page's other readings is another matter.
    let slowest = |served: &Served| served.tally.under_way.all_but_one_in(100);
    let times = slowest(&with).div_duration_f64(slowest(&without));
    println!("- {stuck} connections are stuck, with {} KiB each in the system's buffers", queued / 1024 / stuck.max(1));
    println!("- the others' 99 % is {times:.2} x as late, aim {MAX_TIMES_AS_LATE}: {}", verdict(times <= MAX_TIMES_AS_LATE));
    println!("- who is stalled weighs {weighs:.1} KiB, aim {MAX_STALLED_KIB}: {}", verdict(weighs <= MAX_STALLED_KIB));
    assert_eq!((with.tally.gaps, with.tally.lost), (0, 0), "the others are told everything");
}

/// Waits until no more goes into the system's buffers, and says how many connections have something there, and how much.
fn until_stuck(port: u16) -> (u64, u64) {
    let began = Instant::now();
    let mut before = (0, 0);
    loop {
        std::thread::sleep(Duration::from_secs(2));
        let now = queued(port);
        if (now == before && now.0 > 0) || began.elapsed() > PATIENCE {
            return now;
        }
        before = now;
    }
}

/// How many of the port's connections to those who are stalled have something unsent, and how many bytes (proc(5),
/// `net/tcp`).
fn queued(port: u16) -> (u64, u64) {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    // Addresses stand there as the machine has them in memory: 127.0.N.x ends in "N007F" read backwards.
    let (here, there) = (format!(":{port:04X}"), format!("{STALLED:02X}007F"));
    let unsent = table.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, local, peer, _, queues, ..] = fields[..] else { return None };
        let to_them = local.ends_with(&here) && peer.get(2..8) == Some(&there);
        let unsent = queues.split(':').next().and_then(|sent| u64::from_str_radix(sent, 16).ok());
        unsent.filter(|unsent| to_them && *unsent > 0)
    });
    unsent.fold((0, 0), |(count, bytes), unsent| (count + 1, bytes + unsent))
}
