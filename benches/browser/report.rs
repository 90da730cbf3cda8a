//! The table of results, and whether they reach their aims.

use std::time::Duration;

use crate::bench_server::{CHARTS, EVERY};
use crate::chromium::{Measurements, Task};

/// The longest time that a frame may keep the page's thread: beyond it a hand feels that the page hangs.
const MAX_FRAME: Duration = Duration::from_millis(50);

/// The most bytes of all scripts of a page on the wire.
const MAX_SCRIPT: f64 = 45.0 * 1024.0;

pub(crate) fn head() {
    println!("\n{CHARTS} charts, a reading each {EVERY:?}; frames in processor time of the page's thread:\n");
    println!(
        "| screen | drawn a second | median frame | 99 % | longest | longest by the clock | thread busy | script | style, layout |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
}

pub(crate) fn line(words: &str, seen: &Measurements) {
    let seconds = seen.length.as_secs_f64();
    let share = |part: Duration| part.as_secs_f64() / seconds * 100.0;
    let frames = heaviest(seen);
    let at = |part: usize| frames.get(frames.len().saturating_sub(1) * part / 100).copied().unwrap_or_default();
    let by_the_clock = seen.tasks.iter().map(|task| task.elapsed).max().unwrap_or_default();
    println!(
        "| {words} | {:.0} | {:.1?} | {:.1?} | {:.1?} | {by_the_clock:.1?} | {:.0} % | {:.0} % | {:.0} % |",
        seen.drawn / seconds,
        at(50),
        at(99),
        at(100),
        share(seen.busy),
        share(seen.script),
        share(seen.layout),
    );
    let verdict = |held| if held { "reached" } else { "missed" };
    let (weight, scripts) = seen.scripts;
    println!("- no frame over {MAX_FRAME:?}: {}", verdict(at(100) <= MAX_FRAME));
    println!("- {scripts} scripts, {:.1} KiB on the wire, aim 45: {}", weight / 1024.0, verdict(weight <= MAX_SCRIPT));
}

/// As many tasks as readings came, the heaviest of all, the lightest of them first: the frames in which charts are drawn are
/// among them, and what else there is would only make the figures better.
fn heaviest(seen: &Measurements) -> Vec<Duration> {
    let readings = usize::try_from(seen.length.as_millis() / EVERY.as_millis()).unwrap_or(usize::MAX);
    let mut tasks: Vec<Duration> = seen.tasks.iter().map(|Task { cpu, .. }| *cpu).collect();
    tasks.sort_unstable();
    tasks.split_off(tasks.len().saturating_sub(readings))
}
