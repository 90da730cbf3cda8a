//! The cost of turning a reading into a batch: feed, panel, view, batch, with no viewer. In this process, on one
//! thread, by a clock that is moved.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use belvedere::domain::{BoundQuery, DataTable, Holder, ManualClock, Reading, TableCell, TableColumn, Timestamp, Visitor};
use belvedere::feeds::{Feeds, QueryExecutor};
use belvedere::live::Hub;
use belvedere::pages::PageStore;
use belvedere::sources::{self, SourceError, Sources};
use belvedere::telemetry::Metrics;
use rustix::time::{ClockId, clock_gettime};

use crate::common::report::{micros_each, verdict};
use crate::common::running_server;

/// The interval of readings: the shortest that a page may have.
const EVERY: Duration = Duration::from_millis(100);

/// The readings before anything counts: sparklines are as long as they get.
const WARM_UP: u64 = 1_000;

const READINGS: u64 = 10_000;

/// How often woken tasks are let run after each reading: feed, channel, and some to spare.
const TURNS: usize = 8;

const ROWS: usize = 50;

/// The kinds of panel, each with the aim for its cost in microseconds.
const CASES: [(&str, &str, f64); 3] = [
    ("a stat", "kind = \"stat\"\nunit = \"percent\"\nthresholds = [{ at = 80, state = \"warn\" }]", 20.0),
    ("a stat with its line of 100 s", "kind = \"stat\"\nsparkline = true\nwindow = \"100s\"", 20.0),
    ("a table of 50 rows, all of them new", "kind = \"table\"\nrows = 50", 100.0),
];

/// A source that never answers the same twice.
struct Changing {
    answers: AtomicU32,
    is_table: bool,
}

#[async_trait]
impl QueryExecutor for Changing {
    async fn execute(&self, _query: &BoundQuery) -> Result<Reading, SourceError> {
        let n = f64::from(self.answers.fetch_add(1, Ordering::Relaxed));
        let number = (n * 7.31) % 100.0;
        Ok(if self.is_table { Reading::Table(table(number)) } else { Reading::Number(number) })
    }
}

/// Processes, as the host has them: a name, a number, two shares and a size.
fn table(number: f64) -> DataTable {
    let column = |name: &str, unit: Option<&str>| TableColumn { name: name.to_owned(), unit: unit.map(str::to_owned) };
    let row = |n: usize| {
        let own = number + f64::from(u32::try_from(n).unwrap_or(0));
        let word = TableCell::Text(format!("process-{n}"));
        vec![
            word,
            TableCell::Number(own),
            TableCell::Number(own / 3.0),
            TableCell::Number(own / 7.0),
            TableCell::Number(own * 1e6),
        ]
    };
    DataTable {
        columns: vec![
            column("name", None),
            column("id", None),
            column("cpu", Some("percent")),
            column("memory", Some("percent")),
            column("size", Some("bytes")),
        ],
        rows: (0..ROWS).map(row).collect(),
    }
}

pub(crate) fn measure() {
    println!("\n| from reading to batch | CPU each |");
    println!("|---|---:|");
    for (what, panel, at_most) in CASES {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let each = runtime.block_on(one(panel));
        println!("| {what} | {each:.1} µs, aim {at_most}: {} |", verdict(each <= at_most));
    }
}

/// Microseconds of processor time for each reading.
async fn one(panel: &str) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("pages");
    fs::create_dir(&pages).unwrap();
    let asking = "title = \"It\"\nsource = \"clock\"\nquery = \"day\"\nevery = \"100ms\"";
    let text = format!("title = \"Board\"\naccess = \"public\"\n[[panel]]\n{asking}\n{panel}\n");
    fs::write(pages.join("board.toml"), text).unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
    let settings = running_server::settings(folder.path()).merge(("directory.url", "ldap://127.0.0.1:9"));
    let (settings, named_sources) = sources::read_settings(&settings).unwrap();
    let sources =
        Arc::new(Sources::open(&named_sources, &(Arc::clone(&clock) as _), &Arc::new(running_server::filters())).unwrap());
    let page_store = PageStore::load(&pages, Arc::clone(&sources)).unwrap();
    assert_eq!(page_store.count(), 1, "{}", page_store.diagnostics());
    let answers = Arc::new(Changing { answers: AtomicU32::new(0), is_table: panel.contains("table") });
    let feeds = Feeds::new(answers, Arc::clone(&clock) as _);
    let hub = Hub::new(sources, feeds, settings.live, Arc::clone(&clock) as _, Metrics::new().live());
    let page = page_store.authorize("board", &Visitor::Anonymous).unwrap();
    let subscription = hub.subscribe(&page, &page.choose(BTreeMap::<&str, &str>::new()).unwrap(), &Holder::Program).unwrap();
    readings(&clock, WARM_UP).await;
    let (seq_before, cpu_before) = (subscription.initial_state().position.seq, cpu_of_this_thread());
    readings(&clock, READINGS).await;
    let (told, cpu) = (subscription.initial_state().position.seq - seq_before, cpu_of_this_thread().saturating_sub(cpu_before));
    assert_eq!(told, READINGS, "every reading is told in a batch of its own");
    micros_each(cpu, usize::try_from(told).unwrap())
}

async fn readings(clock: &ManualClock, count: u64) {
    for _ in 0..count {
        clock.advance(EVERY);
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
    }
}

fn cpu_of_this_thread() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}
