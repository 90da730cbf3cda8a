//! The table, and what the figures in it are to each other.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::runs::Done;

/// What the program promises: at most so many times (a)'s processor time …
const AT_MOST_BARE: f64 = 8.0;

/// … and so many times less than (b)'s.
const LESS_THAN_CLASSIC: f64 = 50.0;

pub(crate) struct Table {
    lines: Vec<(&'static str, usize, Line)>,
}

#[derive(Clone, Copy)]
struct Line {
    a_second: f64,
    cpu_micros: f64,
    median: Duration,
    slowest: Duration,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { lines: Vec::new() }
    }

    pub(crate) fn add(&mut self, name: &'static str, at_a_time: usize, done: &Done) {
        let count = f64::from(u32::try_from(done.count).unwrap_or(u32::MAX));
        let line = Line {
            a_second: count / done.elapsed.as_secs_f64(),
            cpu_micros: done.cpu.as_secs_f64() * 1e6 / count,
            median: done.median,
            slowest: done.slowest,
        };
        eprintln!("{name}, {at_a_time} at a time: {:.0} a second", line.a_second);
        self.lines.push((name, at_a_time, line));
    }

    pub(crate) fn print(&self) {
        println!("\n| over LDAPS | at a time | a second | CPU each | median | 99 % |");
        println!("|---|---:|---:|---:|---:|---:|");
        for (name, at_a_time, line) in &self.lines {
            println!(
                "| {name} | {at_a_time} | {:.0} | {:.0} µs | {:.1?} | {:.1?} |",
                line.a_second, line.cpu_micros, line.median, line.slowest
            );
        }
        let by_name: BTreeMap<_, _> =
            self.lines.iter().map(|(name, at_a_time, line)| ((*name, *at_a_time), *line)).collect();
        for ((name, at_a_time), ours) in &by_name {
            let of = |name| by_name.get(&(name, *at_a_time)).map(|line| line.cpu_micros);
            if *name != "ours" {
                continue;
            }
            let (Some(bare), Some(classic)) = (of("(a) bare"), of("(b) classic")) else { continue };
            let (times_bare, less) = (ours.cpu_micros / bare, classic / ours.cpu_micros);
            println!(
                "\n{at_a_time} at a time: {times_bare:.1} x (a), aim {AT_MOST_BARE}: {}; {less:.1} x less than (b), aim \
                 {LESS_THAN_CLASSIC}: {}",
                verdict(times_bare <= AT_MOST_BARE),
                verdict(less >= LESS_THAN_CLASSIC)
            );
        }
    }
}

fn verdict(reached: bool) -> &'static str {
    if reached { "reached" } else { "missed" }
}
