//! The tables of results, and how they stand to each other.

use std::time::Duration;

use crate::common::report::{micros_each, number, verdict};
use crate::worker_options::LoadReport;

/// The aim: a gzipped page takes at most this share of the bytes of the plain one.
const MAX_SHARE_OF_BYTES: f64 = 0.2;

/// The aim: all but one in a hundred have their first paint after this time.
const MAX_FIRST_PAINT: Duration = Duration::from_millis(250);

/// The costs of opening pages, one line for each.
pub(crate) struct Table {
    /// Of `/healthz`, in microseconds; the first line.
    floor: Option<f64>,
    bytes: Vec<(&'static str, usize)>,
}

impl Table {
    pub(crate) fn new() -> Self {
        println!("\n| page | a second | CPU each | × `/healthz` | median | 99 % | bytes | aim |");
        println!("|---|---:|---:|---:|---:|---:|---:|---|");
        Self { floor: None, bytes: Vec::new() }
    }

    pub(crate) fn add(&mut self, what: &'static str, aim: Option<f64>, done: &LoadReport) {
        let cpu = micros_each(done.cpu, done.count);
        let a_second = number(done.count) / done.elapsed.as_secs_f64();
        let ratio = cpu / *self.floor.get_or_insert(cpu);
        let aim = aim.map_or_else(String::new, |aim| format!("{aim} µs: {}", verdict(cpu <= aim)));
        println!(
            "| {what} | {a_second:.0} | {cpu:.0} µs | {ratio:.1} | {:.2?} | {:.2?} | {} | {aim} |",
            done.median, done.slowest, done.bytes
        );
        self.bytes.push((what, done.bytes));
    }

    /// How many bytes the gzipped pages take of those before them in the table.
    pub(crate) fn print_bytes(&self) {
        for pair in self.bytes.windows(2) {
            let [(plain, of), (what, bytes)] = pair else { continue };
            if what.ends_with("gzipped") {
                let share = number(*bytes) / number(*of);
                let verdict = verdict(share <= MAX_SHARE_OF_BYTES);
                println!(
                    "- {plain}, gzipped: {:.1} % of the bytes, aim {:.0} %: {verdict}",
                    share * 100.0,
                    MAX_SHARE_OF_BYTES * 100.0
                );
            }
        }
    }
}

/// The times of a crowd that opens a board which nobody had open.
pub(crate) fn print_crowd(people: usize, done: &LoadReport) {
    println!(
        "\n{} of {people} people opened one board within {:.1?}, each over a connection of their own: median {:.2?}, 99 % {:.2?} (aim \
         {MAX_FIRST_PAINT:?}: {}), {:.0} µs CPU each",
        done.count,
        done.elapsed,
        done.median,
        done.slowest,
        verdict(done.count == people && done.slowest <= MAX_FIRST_PAINT),
        micros_each(done.cpu, done.count)
    );
}
