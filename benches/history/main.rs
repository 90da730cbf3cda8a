//! The cost of the archive of charts' past: `cargo bench --bench history`, optionally with `-- --only write` or `-- --only read`,
//! and with `-- --days 7` for a shorter past.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on should stop here")]

#[path = "../common/arguments.rs"]
#[allow(dead_code, reason = "what the others measure as well")]
mod arguments;
mod metrics;
#[path = "../common/usage.rs"]
#[allow(dead_code, reason = "what the others measure as well")]
mod usage;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use belvedere::config::HistorySettings;
use belvedere::domain::{Bindings, BoundQuery, Clock as _, LabelledNumber, ManualClock, TimeRange, Timestamp};
use belvedere::history::{FLUSH_INTERVAL, HistoryArchive, SeriesId, SeriesWriter};

use crate::arguments::Arguments;
use crate::metrics::Metric;

/// The allocator, as in the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: u32 = 3_600;
const MONTH: Duration = Duration::from_hours(24 * 30);

/// The series that are written at once, each second.
const SERIES: usize = 1_000;

fn main() {
    let arguments = Arguments::of_this_process();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if arguments.wants("write") {
        runtime.block_on(write());
    }
    if arguments.wants("read") {
        runtime.block_on(read(arguments.number("--days").unwrap_or(30)));
    }
}

/// An archive in a folder of its own, and its clock.
struct BenchArchive {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    archive: HistoryArchive,
}

impl BenchArchive {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_309_126_976)));
        let archive = Self::open(folder.path(), &clock).await;
        Self { folder, clock, archive }
    }

    async fn open(folder: &Path, clock: &Arc<ManualClock>) -> HistoryArchive {
        HistoryArchive::open(&folder.join("history.db"), &HistorySettings::default(), clock.clone()).await
    }

    fn bytes(&self) -> u64 {
        std::fs::metadata(self.folder.path().join("history.db")).unwrap().len()
    }
}

fn query(number: usize) -> BoundQuery {
    BoundQuery { source: "host".parse().unwrap(), text: number.to_string(), bindings: Bindings::new() }
}

fn register(archive: &HistoryArchive, count: usize) -> Vec<SeriesWriter> {
    (0..count).map(|number| archive.register(&query(number), SECOND, MONTH)).collect()
}

/// A thousand series each second for three hours, a seventh of each kind, and then of each kind alone.
async fn write() {
    let bench = BenchArchive::new().await;
    let _writers = register(&bench.archive, SERIES);
    let mut metrics: Vec<_> = (0..SERIES).map(|number| Metric::of(number % Metric::KINDS.len(), number)).collect();
    let ids: Vec<_> = (0..SERIES).map(|number| SeriesId::of(&query(number))).collect();
    let (began, before) = (Instant::now(), usage::cpu());
    let mut generating = Duration::ZERO;
    for second in 1..=3 * HOUR {
        bench.clock.advance(SECOND);
        let before = usage::cpu();
        let samples: Vec<_> = metrics.iter_mut().map(Metric::sample).collect();
        generating += usage::cpu().saturating_sub(before);
        for (id, (late, value)) in ids.iter().zip(samples) {
            let at = bench.clock.now() + late;
            bench.archive.record(*id, at, SECOND, &[LabelledNumber { label: String::new(), value }]);
        }
        if u64::from(second) % FLUSH_INTERVAL.as_secs() == 0 {
            bench.archive.flush().await;
        }
        if second % 60 == 0 {
            bench.archive.tidy().await;
        }
    }
    let cpu = usage::cpu().saturating_sub(before).saturating_sub(generating).as_secs_f64();
    let seconds = f64::from(3 * HOUR);
    bench.archive.close().await;
    let samples = seconds * f64::from(u32::try_from(SERIES).unwrap());
    println!("\n{SERIES} series each second for three hours, in {:.0} s:\n", began.elapsed().as_secs_f64());
    println!("| what | | aim |\n|---|---:|---:|");
    println!("| bytes a sample, of the whole file | {:.2} | 2 |", bytes(bench.bytes()) / samples);
    println!("| processor time | {:.2} % of a core | 2 % |", 100.0 * cpu / seconds);
    println!("\n| of these alone | bytes a sample |\n|---|---:|");
    for (kind, name) in Metric::KINDS.iter().enumerate() {
        println!("| {name} | {:.2} |", bytes_of_kind(kind).await);
    }
}

/// The bytes a sample of one kind of metric.
async fn bytes_of_kind(kind: usize) -> f64 {
    let bench = BenchArchive::new().await;
    let _writers = register(&bench.archive, 20);
    let mut metrics: Vec<_> = (0..20).map(|number| Metric::of(kind, number)).collect();
    for second in 1..=3 * HOUR {
        bench.clock.advance(SECOND);
        for (number, metric) in metrics.iter_mut().enumerate() {
            let (late, value) = metric.sample();
            let sample = LabelledNumber { label: String::new(), value };
            bench.archive.record(SeriesId::of(&query(number)), bench.clock.now() + late, SECOND, &[sample]);
        }
        if second % 5 == 0 {
            bench.archive.flush().await;
        }
        if second % 60 == 0 {
            bench.archive.tidy().await;
        }
    }
    bench.archive.close().await;
    bytes(bench.bytes()) / f64::from(3 * HOUR * 20)
}

/// One series each second for so many days, read as a chart of all of it.
async fn read(days: u32) {
    let bench = BenchArchive::new().await;
    let _writers = register(&bench.archive, 1);
    let (id, mut metric) = (SeriesId::of(&query(0)), Metric::of(0, 0));
    for second in 1..=days * 24 * HOUR {
        bench.clock.advance(SECOND);
        let (late, value) = metric.sample();
        let value = if second == 12_345 { 100.0 } else { value.min(99.0) };
        bench.archive.record(id, bench.clock.now() + late, SECOND, &[LabelledNumber { label: String::new(), value }]);
        if second % 5 == 0 {
            bench.archive.flush().await;
        }
        if second % (2 * HOUR) == 0 {
            bench.archive.tidy().await;
        }
    }
    bench.archive.close().await;
    let archive = BenchArchive::open(bench.folder.path(), &bench.clock).await;
    let range = TimeRange::ending_at(bench.clock.now(), SECOND * (days * 24 * HOUR)).with_step(SECOND);
    let mut times = Vec::new();
    let mut points = 0;
    for _ in 0..20 {
        let began = Instant::now();
        let series = archive.read(id, range).await.unwrap();
        times.push(began.elapsed());
        points = series.times().len();
        assert!(series.lines()[0].values.contains(&100.0), "the peak is kept");
    }
    times.sort_unstable();
    println!(
        "\n{days} days of one series, {} bytes, read as {points} points: {:.1?} (median), aim 50 ms",
        bench.bytes(),
        times[10]
    );
}

#[expect(clippy::cast_precision_loss, reason = "some hundred megabytes")]
fn bytes(bytes: u64) -> f64 {
    bytes as f64
}
