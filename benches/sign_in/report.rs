//! The table of results, and their relation to each other.

use std::time::Duration;

use crate::common::report::{micros_each, number, verdict};
use crate::runs::WorkerReport;

/// The aim: at most this many times the processor time of (a), which asks the directory the same …
const MAX_TIMES_BARE: f64 = 8.0;

/// … and this many times less than (b)'s.
const MIN_TIMES_BELOW_CLASSIC: f64 = 50.0;

/// The names of the table's lines.
pub(crate) const OURS: &str = "ours";
pub(crate) const BARE: &str = "(a) bare";
pub(crate) const BARE_WITH_GROUPS: &str = "(a) bare + groups";
pub(crate) const CLASSIC: &str = "(b) classic";
pub(crate) const CLASSIC_PYTHON: &str = "(b) classic, Python";
pub(crate) const CLASSIC_PYTHON_WITH_GROUPS: &str = "(b) classic + groups, Python";

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

    pub(crate) fn add(&mut self, name: &'static str, at_a_time: usize, done: &WorkerReport) {
        let line = Line {
            a_second: number(done.count) / done.elapsed.as_secs_f64(),
            cpu_micros: micros_each(done.cpu, done.count),
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
        let cpu = |name, at_a_time| {
            let mut lines = self.lines.iter();
            lines.find(|(of, times, _)| *of == name && *times == at_a_time).map(|(_, _, line)| line.cpu_micros)
        };
        for (_, at_a_time, line) in self.lines.iter().filter(|(name, ..)| *name == OURS) {
            let ours = line.cpu_micros;
            println!("\n{at_a_time} at a time, ours is");
            if let Some(bare) = cpu(BARE_WITH_GROUPS, *at_a_time) {
                println!("- {:.1} x (a), aim {MAX_TIMES_BARE}: {}", ours / bare, verdict(ours <= bare * MAX_TIMES_BARE));
            }
            if let Some(bare) = cpu(BARE, *at_a_time) {
                println!("- {:.1} x (a) without the groups", ours / bare);
            }
            if let Some(classic) = cpu(CLASSIC, *at_a_time) {
                println!("- {:.1} x less than (b) by the crate ldap3", classic / ours);
            }
            if let Some(python) = cpu(CLASSIC_PYTHON_WITH_GROUPS, *at_a_time) {
                let reached = verdict(python >= ours * MIN_TIMES_BELOW_CLASSIC);
                println!("- {:.1} x less than (b) in Python, aim {MIN_TIMES_BELOW_CLASSIC}: {reached}", python / ours);
            }
            if let Some(python) = cpu(CLASSIC_PYTHON, *at_a_time) {
                println!("- {:.1} x less than (b) in Python without the groups", python / ours);
            }
        }
    }
}
