//! The table, and what the figures in it are to each other.

use crate::common::report::{micros_each, number, verdict};
use crate::worker_options::{Done, Kind};

/// What the program promises: a page for a member at so much of the rate of the same page made public.
const OF_PUBLIC: f64 = 0.8;

#[derive(Default)]
pub(crate) struct Table {
    lines: Vec<(Kind, usize, f64)>,
}

impl Table {
    pub(crate) fn add(&mut self, kind: Kind, at_a_time: usize, done: &Done) {
        if self.lines.is_empty() {
            println!("\n| page | at a time | a second | CPU each | median | 99 % |");
            println!("|---|---:|---:|---:|---:|---:|");
        }
        let a_second = number(done.count) / done.elapsed.as_secs_f64();
        let cpu = micros_each(done.cpu, done.count);
        println!(
            "| {} | {at_a_time} | {a_second:.0} | {cpu:.0} µs | {:.2?} | {:.2?} |",
            kind.words(),
            done.median,
            done.slowest
        );
        self.lines.push((kind, at_a_time, cpu));
    }

    pub(crate) fn print(&self) {
        for (kind, at_a_time, cpu) in &self.lines {
            let of_public = self.lines.iter().find(|(kind, times, _)| *kind == Kind::Public && times == at_a_time);
            let Some((.., public)) = of_public.filter(|_| *kind != Kind::Public) else { continue };
            // By processor time: a machine that is busy with other things has less of it for both.
            let share = public / cpu;
            println!(
                "- {}, {at_a_time} at a time: {:+.0} µs, {:.0} % of the rate of the public page, aim {:.0} %: {}",
                kind.words(),
                cpu - public,
                share * 100.0,
                OF_PUBLIC * 100.0,
                verdict(share >= OF_PUBLIC)
            );
        }
    }
}
