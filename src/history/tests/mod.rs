#![allow(clippy::unwrap_used, clippy::float_cmp, clippy::unchecked_time_subtraction)]

mod codec;
mod downsampler;
mod model;

use std::sync::Arc;
use std::time::Duration;

use super::chunk::NewChunk;
use super::postgres::PostgresHistory;
use super::samples::Samples;
use super::sqlite::SqliteHistory;
use super::store::HistoryStore;
use super::*;
use crate::config::HistorySettings;
use crate::domain::{Bindings, BoundQuery, Clock, LabelledNumber, ManualClock, Series, TimeRange, Timestamp};
use crate::store::tests::{TestEngine, on_both_engines};

const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

/// An archive that is opened again and again, as by a program that is killed.
struct ArchiveFixture {
    clock: Arc<ManualClock>,
    engine: TestEngine,
    settings: HistorySettings,
}

impl ArchiveFixture {
    #[allow(clippy::unused_async, reason = "the other rooms' fixtures open their stores here")]
    async fn new(engine: TestEngine) -> Self {
        Self { clock: Arc::new(ManualClock::at(START)), engine, settings: HistorySettings::default() }
    }

    async fn open(&self) -> HistoryArchive {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        match &self.engine {
            TestEngine::Embedded(_) => HistoryArchive::open(&self.engine.file("history.db"), &self.settings, clock).await,
            TestEngine::Postgres(database) => HistoryArchive::open_postgres(database, &self.settings, clock).await,
        }
    }

    /// The store beneath, for what no archive writes.
    async fn store(&self) -> Box<dyn HistoryStore> {
        match &self.engine {
            TestEngine::Embedded(_) => Box::new(SqliteHistory::open(&self.engine.file("history.db")).await.unwrap()),
            TestEngine::Postgres(database) => Box::new(PostgresHistory::open(database).await.unwrap()),
        }
    }

    /// Records so many samples, one each second, and has them written after each `at_once`.
    async fn records(&self, archive: &HistoryArchive, count: i32, at_once: i32) {
        for number in 1..=count {
            self.clock.advance(SECOND);
            archive.record(orders(), self.clock.now(), SECOND, &[one(f64::from(number))]);
            if number % at_once == 0 {
                archive.flush().await;
            }
        }
    }

    async fn last(&self, archive: &HistoryArchive, length: Duration) -> Option<Series> {
        archive.read(orders(), TimeRange::ending_at(self.clock.now(), length).with_step(SECOND)).await
    }
}

fn query(text: &str) -> BoundQuery {
    BoundQuery { source: "shop".parse().unwrap(), text: text.to_owned(), bindings: Bindings::new() }
}

fn orders() -> SeriesId {
    SeriesId::of(&query("orders"))
}

fn one(value: f64) -> LabelledNumber {
    LabelledNumber { label: String::new(), value }
}

fn values(series: &Series) -> Vec<f64> {
    series.lines()[0].values.clone()
}

on_both_engines! { super::ArchiveFixture::new:
    what_was_written_is_there_after_the_program_was_killed
    samples_that_are_not_written_yet_are_read_too
    what_was_being_written_when_the_program_stopped_is_written_at_its_end
    chunks_become_fewer_and_say_the_same
    what_is_older_than_it_is_kept_for_is_deleted
    beyond_the_largest_size_the_oldest_are_deleted_and_no_more
    chunks_of_another_version_are_left_for_it
    chunks_of_different_intervals_keep_their_gaps
    whole_chunks_are_read_beside_a_damaged_one_and_outlive_it
    what_two_processes_write_of_one_moment_is_one_point
    a_series_that_nobody_wants_any_more_is_forgotten_when_its_samples_are_gone
}

async fn what_was_written_is_there_after_the_program_was_killed(fixture: ArchiveFixture) {
    let archive = fixture.open().await;
    let _writer = archive.register(&query("orders"), SECOND, HOUR);
    fixture.records(&archive, 10, 10).await;
    fixture.records(&archive, 3, 10).await;
    drop(archive);
    let archive = fixture.open().await;
    let series = fixture.last(&archive, HOUR).await.unwrap();
    assert_eq!(values(&series), (1..=10).map(f64::from).collect::<Vec<_>>());
    assert_eq!(series.times().last(), Some(&(START + 10 * SECOND)));
    assert!(archive.read(SeriesId::of(&query("others")), TimeRange::ending_at(fixture.clock.now(), HOUR)).await.is_none());
}

async fn samples_that_are_not_written_yet_are_read_too(fixture: ArchiveFixture) {
    let archive = fixture.open().await;
    let _writer = archive.register(&query("orders"), SECOND, HOUR);
    fixture.records(&archive, 13, 10).await;
    assert_eq!(values(&fixture.last(&archive, HOUR).await.unwrap()).len(), 13);
    assert_eq!(values(&fixture.last(&archive, 4 * SECOND).await.unwrap()), [9.0, 10.0, 11.0, 12.0, 13.0]);
    archive.close().await;
    assert_eq!(values(&fixture.last(&fixture.open().await, HOUR).await.unwrap()).len(), 13, "closed, not killed");
}

async fn what_was_being_written_when_the_program_stopped_is_written_at_its_end(fixture: ArchiveFixture) {
    let archive = fixture.open().await;
    let _writer = archive.register(&query("orders"), SECOND, HOUR);
    fixture.records(&archive, 5, 10).await;
    tokio::select! {
        biased;
        () = archive.flush() => (),
        () = std::future::ready(()) => (),
    }
    fixture.records(&archive, 1, 10).await;
    assert_eq!(values(&fixture.last(&archive, HOUR).await.unwrap()), [1.0, 2.0, 3.0, 4.0, 5.0, 1.0]);
    archive.close().await;
    assert_eq!(values(&fixture.last(&fixture.open().await, HOUR).await.unwrap()), [1.0, 2.0, 3.0, 4.0, 5.0, 1.0]);
}

async fn chunks_become_fewer_and_say_the_same(fixture: ArchiveFixture) {
    let archive = fixture.open().await;
    let _writer = archive.register(&query("orders"), SECOND, HOUR);
    fixture.records(&archive, 64 * 17, 1).await;
    let store = fixture.store().await;
    let before = fixture.last(&archive, HOUR).await.unwrap();
    let chunks = async || {
        let now = fixture.clock.now();
        let (mut count, mut cursor) = (0, None);
        loop {
            let page = store.chunks(orders(), START, now, cursor).await.unwrap();
            let Some(last) = page.last() else { return count };
            (count, cursor) = (count + page.len(), Some(last.cursor()));
        }
    };
    assert_eq!(chunks().await, 64 * 17);
    archive.tidy().await;
    assert_eq!(chunks().await, 1);
    assert_eq!(fixture.last(&archive, HOUR).await.unwrap(), before);
    assert_eq!(values(&before).len(), 64 * 17);
}

async fn what_is_older_than_it_is_kept_for_is_deleted(fixture: ArchiveFixture) {
    let archive = fixture.open().await;
    let writer = archive.register(&query("orders"), SECOND, HOUR);
    fixture.records(&archive, 10, 5).await;
    fixture.clock.advance(HOUR - 3 * SECOND);
    archive.tidy().await;
    let day = 24 * HOUR;
    assert_eq!(values(&fixture.last(&archive, day).await.unwrap()), [6.0, 7.0, 8.0, 9.0, 10.0]);
    // Another time to keep counts from then on.
    drop(writer);
    let _longer = archive.register(&query("orders"), SECOND, day);
    fixture.records(&archive, 1, 1).await;
    fixture.clock.advance(2 * HOUR);
    archive.tidy().await;
    assert_eq!(fixture.last(&archive, day).await.unwrap().times().len(), 7, "with a gap");
    fixture.clock.advance(day);
    archive.tidy().await;
    assert!(fixture.last(&archive, 10 * day).await.is_none());
}

async fn beyond_the_largest_size_the_oldest_are_deleted_and_no_more(fixture: ArchiveFixture) {
    let fixture = ArchiveFixture { settings: HistorySettings { max_size: 10_000 }, ..fixture };
    let archive = fixture.open().await;
    let _writer = archive.register(&query("orders"), SECOND, HOUR);
    fixture.records(&archive, 60, 1).await;
    archive.tidy().await;
    let bytes = fixture.store().await.bytes().await.unwrap();
    assert!((9_700..=10_000).contains(&bytes), "{bytes}");
    let left = values(&fixture.last(&archive, HOUR).await.unwrap());
    assert_eq!(left, (61 - i32::try_from(left.len()).unwrap()..=60).map(f64::from).collect::<Vec<_>>());
}

async fn chunks_of_another_version_are_left_for_it(fixture: ArchiveFixture) {
    let (archive, store) = (fixture.open().await, fixture.store().await);
    let _writer = archive.register(&query("orders"), SECOND, HOUR);
    fixture.records(&archive, 70, 1).await;
    let mut samples = Samples::new(SECOND);
    samples.push(START + 71 * SECOND, &[one(1e9)]);
    let mut newer = NewChunk::of(orders(), 0, &samples).unwrap().unwrap();
    newer.data[0] += 1;
    store.append(&[], &[newer], fixture.clock.now()).await.unwrap();
    archive.tidy().await;
    assert_eq!(store.chunks_of_level(orders(), 0).await.unwrap().len(), 71, "none was merged, and none deleted");
    assert_eq!(values(&fixture.last(&archive, HOUR).await.unwrap()), (1..=70).map(f64::from).collect::<Vec<_>>());
}

async fn chunks_of_different_intervals_keep_their_gaps(fixture: ArchiveFixture) {
    let archive = fixture.open().await;
    let _writer = archive.register(&query("orders"), SECOND, HOUR);
    for number in 0..70 {
        let interval = if number < 5 { 60 * SECOND } else { SECOND };
        // One is missing for less than an interval of the sparse ones.
        fixture.clock.advance(if number == 50 { 40 * SECOND } else { interval });
        archive.record(orders(), fixture.clock.now(), interval, &[one(f64::from(number))]);
        archive.flush().await;
    }
    let before = fixture.last(&archive, HOUR).await.unwrap();
    archive.tidy().await;
    assert!(fixture.store().await.chunks_of_level(orders(), 0).await.unwrap().is_empty());
    let after = fixture.last(&archive, HOUR).await.unwrap();
    assert_eq!(after.times(), before.times());
    let gaps = values(&after).iter().filter(|value| value.is_nan()).count();
    assert_eq!((gaps, values(&after).len()), (1, 71));
}

async fn whole_chunks_are_read_beside_a_damaged_one_and_outlive_it(fixture: ArchiveFixture) {
    let (archive, store) = (fixture.open().await, fixture.store().await);
    let _writer = archive.register(&query("orders"), SECOND, HOUR);
    fixture.records(&archive, 70, 1).await;
    let mut samples = Samples::new(SECOND);
    samples.push(START + 30 * SECOND, &[one(1e9)]);
    let mut damaged = NewChunk::of(orders(), 0, &samples).unwrap().unwrap();
    damaged.data.pop();
    // Of the same moments as a whole one, but for one that differs.
    damaged.first = START + 29 * SECOND;
    store.append(&[], &[damaged], fixture.clock.now()).await.unwrap();
    let all = (1..=70).map(f64::from).collect::<Vec<_>>();
    assert_eq!(values(&fixture.last(&archive, HOUR).await.unwrap()), all);
    archive.tidy().await;
    assert_eq!(values(&fixture.last(&archive, HOUR).await.unwrap()), all, "merged without it");
    assert!(archive.trouble().is_none(), "the others are usable");
}

async fn what_two_processes_write_of_one_moment_is_one_point(fixture: ArchiveFixture) {
    let (one_node, other) = (fixture.open().await, fixture.open().await);
    let _writers = [&one_node, &other].map(|archive| archive.register(&query("orders"), SECOND, HOUR));
    for number in 1..=6 {
        fixture.clock.advance(SECOND);
        for archive in [&one_node, &other] {
            archive.record(orders(), fixture.clock.now(), SECOND, &[one(f64::from(number))]);
        }
    }
    one_node.flush().await;
    other.flush().await;
    assert_eq!(values(&fixture.last(&other, HOUR).await.unwrap()), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let rows = fixture.store().await.chunks(orders(), START, fixture.clock.now(), None).await.unwrap();
    assert_eq!(rows.len(), 1, "and one chunk");
}

async fn a_series_that_nobody_wants_any_more_is_forgotten_when_its_samples_are_gone(fixture: ArchiveFixture) {
    let archive = fixture.open().await;
    let writer = archive.register(&query("orders"), SECOND, HOUR);
    fixture.records(&archive, 1, 1).await;
    drop(writer);
    assert!(!archive.takes(orders(), SECOND));
    fixture.clock.advance(72 * HOUR);
    archive.tidy().await;
    // Nothing is known of it: what came now would be kept for as long as somebody else says.
    let _writer = archive.register(&query("orders"), SECOND, 24 * HOUR);
    fixture.records(&archive, 1, 1).await;
    assert_eq!(values(&fixture.last(&archive, 100 * HOUR).await.unwrap()), [1.0]);
}

#[tokio::test]
async fn of_several_intervals_of_one_series_the_shortest_is_kept() {
    let fixture = ArchiveFixture::new(TestEngine::embedded()).await;
    let archive = fixture.open().await;
    assert!(!archive.takes(orders(), SECOND), "nobody wants it kept");
    let slow = archive.register(&query("orders"), 5 * SECOND, HOUR);
    let fast = archive.register(&query("orders"), SECOND, HOUR);
    assert!(archive.takes(orders(), SECOND) && !archive.takes(orders(), 5 * SECOND));
    drop(fast);
    assert!(!archive.takes(orders(), SECOND) && archive.takes(orders(), 5 * SECOND));
    drop(slow);
    assert!(!archive.takes(orders(), 5 * SECOND));
}

#[tokio::test]
async fn a_file_that_is_no_archive_costs_the_past_and_nothing_else() {
    let fixture = ArchiveFixture::new(TestEngine::embedded()).await;
    std::fs::write(fixture.engine.file("history.db"), "this is no SQLite file, and it is long enough to be taken for one")
        .unwrap();
    let archive = fixture.open().await;
    assert!(archive.trouble().unwrap().to_string().contains("history.db is damaged"), "{:?}", archive.trouble());
    let _writer = archive.register(&query("orders"), SECOND, HOUR);
    assert!(!archive.takes(orders(), SECOND), "nothing waits to be written");
    archive.flush().await;
    assert!(fixture.last(&archive, HOUR).await.is_none());
    assert!(archive.trouble().is_some(), "until the next start");
    archive.close().await;
}

#[tokio::test]
async fn while_the_store_is_away_samples_wait_bounded_and_are_written_when_it_is_back() {
    let Some(engine) = TestEngine::postgres() else { return };
    let fixture = ArchiveFixture::new(engine).await;
    let archive = fixture.open().await;
    let _writer = archive.register(&query("orders"), SECOND, HOUR);
    fixture.records(&archive, 3, 1).await;
    let TestEngine::Postgres(database) = &fixture.engine else { return };
    let hide = crate::store::PostgresStore::open(
        database,
        super::store::KIND,
        "history",
        sqlx::migrate!("src/history/migrations_postgres"),
    )
    .await
    .unwrap();
    hide.execute(sqlx::query("ALTER TABLE history_chunks RENAME TO hidden")).await.unwrap();
    fixture.records(&archive, 3, 1).await;
    assert!(archive.trouble().is_some());
    assert!(fixture.last(&archive, HOUR).await.is_none(), "it cannot be read, and nobody waits");
    hide.execute(sqlx::query("ALTER TABLE hidden RENAME TO history_chunks")).await.unwrap();
    fixture.records(&archive, 1, 1).await;
    assert!(archive.trouble().is_none());
    assert_eq!(values(&fixture.last(&archive, HOUR).await.unwrap()), [1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0]);
}

#[test]
fn more_samples_than_may_wait_cost_the_oldest() {
    let mut buffer = super::buffer::SampleBuffer::default();
    let mut dropped = 0;
    for number in 0..1_300_000 {
        let at = START + Duration::from_millis(number);
        dropped += u32::from(buffer.push(orders(), at, Duration::from_millis(1), &[one(0.0)]));
    }
    let samples = buffer.of(orders()).remove(0);
    assert_eq!(dropped, 1);
    assert!((600_000..1_200_000).contains(&samples.times.len()));
    assert_eq!(samples.times.last(), Some(&(START + Duration::from_millis(1_299_999))));
    assert_eq!(samples.times.len(), samples.lines[0].values.len());
}

#[test]
fn a_series_whose_names_always_change_takes_no_more_memory_than_others_and_costs_them_nothing() {
    let mut buffer = super::buffer::SampleBuffer::default();
    let others = SeriesId::of(&query("others"));
    for number in 0..2_000 {
        let at = START + Duration::from_millis(number);
        let numbers: Vec<_> =
            (0..20).map(|place| LabelledNumber { label: format!("pod {number} {place}"), value: 1.0 }).collect();
        buffer.push(orders(), at, Duration::from_millis(1), &numbers);
        buffer.push(others, at, Duration::from_millis(1), &[one(0.0)]);
    }
    let held: usize = buffer.of(orders()).iter().flat_map(|samples| &samples.lines).map(|line| line.values.len()).sum();
    assert!(held <= 1_200_000, "{held}");
    assert_eq!(buffer.of(others)[0].times.len(), 2_000);
}
