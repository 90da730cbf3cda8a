//! The table of results, and their relation to each other.

use crate::common::report::{micros_each, number, verdict};
use crate::worker_options::{WorkerReport, Workload};

/// The aim: a page for a member at this share of the rate of the same page made public.
const MIN_SHARE_OF_PUBLIC: f64 = 0.8;

#[derive(Default)]
pub(crate) struct Table {
    lines: Vec<(Workload, usize, f64)>,
}

impl Table {
    pub(crate) fn add(&mut self, kind: Workload, at_a_time: usize, done: &WorkerReport) {
        if self.lines.is_empty() {
            println!("\n| page | at a time | a second | CPU each | median | 99 % |");
            println!("|---|---:|---:|---:|---:|---:|");
        }
        let a_second = number(done.count) / done.elapsed.as_secs_f64();
        let cpu = micros_each(done.cpu, done.count);
        println!(
            "| {} | {at_a_time} | {a_second:.0} | {cpu:.0} µs | {:.2?} | {:.2?} |",
            kind.label(),
            done.median,
            done.slowest
        );
        self.lines.push((kind, at_a_time, cpu));
    }

    pub(crate) fn print(&self) {
        for (kind, at_a_time, cpu) in &self.lines {
            let of_public = self.lines.iter().find(|(kind, times, _)| *kind == Workload::Public && times == at_a_time);
            let Some((.., public)) = of_public.filter(|_| *kind != Workload::Public) else { continue };
            // By processor time: a machine that is busy with other things has less of it for both.
            let share = public / cpu;
            println!(
                "- {}, {at_a_time} at a time: {:+.0} µs, {:.0} % of the rate of the public page, aim {:.0} %: {}",
                kind.label(),
                cpu - public,
                share * 100.0,
                MIN_SHARE_OF_PUBLIC * 100.0,
                verdict(share >= MIN_SHARE_OF_PUBLIC)
            );
        }
    }
}
