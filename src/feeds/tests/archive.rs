//! Feeds whose numbers are kept over restarts.

#![allow(clippy::float_cmp)]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use super::*;
use crate::config::HistorySettings;
use crate::domain::{History, LabelledNumber};
use crate::history::HistoryArchive;
use crate::nodes::Lease;

const WINDOW: Duration = Duration::from_mins(2);

/// A source that answers how many seconds there were since a test began, or nothing at all, and may know its past itself.
struct CountingSource {
    clock: Arc<ManualClock>,
    began: Timestamp,
    is_down: AtomicBool,
    tells_past: bool,
}

#[async_trait]
impl QueryExecutor for CountingSource {
    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(SourceError::Unreachable("away".to_owned()));
        }
        #[expect(clippy::cast_precision_loss, reason = "some seconds")]
        let value = self.clock.now().since(self.began).as_secs() as f64;
        Ok(match query.text.as_str() {
            "words" => Reading::Text("no number".to_owned()),
            "twice" => Reading::Numbers(vec![LabelledNumber { label: "a".to_owned(), value }; 2]),
            _ => Reading::Number(value),
        })
    }

    async fn execute_range(&self, _: &BoundQuery, _: TimeRange) -> Result<Option<Series>, SourceError> {
        Ok(self.tells_past.then(|| Series::new(Vec::new(), Vec::new(), None).unwrap()))
    }
}

/// A program that is killed and started again, with the same folder.
struct RestartedFeeds {
    folder: TempDir,
    source: Arc<CountingSource>,
    clock: Arc<ManualClock>,
}

impl RestartedFeeds {
    fn new(tells_past: bool) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
        let source = CountingSource { clock: clock.clone(), began: clock.now(), is_down: AtomicBool::new(false), tells_past };
        Self { folder: tempfile::tempdir().unwrap(), source: Arc::new(source), clock }
    }

    async fn starts(&self) -> (Feeds, HistoryArchive) {
        let path: &Path = &self.folder.path().join("history.db");
        let archive = HistoryArchive::open(path, &HistorySettings::default(), self.clock.clone()).await;
        let of_feeds = FeedsArchive { archive: archive.clone(), lease: Lease::always_held() };
        (Feeds::new(self.source.clone(), self.clock.clone()).with_archive(of_feeds), archive)
    }

    async fn seconds_pass(&self, seconds: u32) {
        for _ in 0..seconds {
            self.clock.advance(SECOND);
            settle().await;
        }
    }
}

fn key(query: &str) -> FeedKey {
    let query = BoundQuery { source: "shop".parse().unwrap(), text: query.to_owned(), bindings: Bindings::new() };
    FeedKey { query, every: SECOND }
}

fn chart(query: &str) -> (FeedKey, Past) {
    (key(query), Past { window: Some(WINDOW), readings: 1 })
}

/// Waits until the feed was answered so often, well or ill: it reads its past from a file first.
async fn answers(feed: &FeedSubscription, answered: &Notify) {
    while !feed.state().has_answer() {
        answered.notified().await;
    }
}

/// The values that a chart draws.
fn drawn(history: &History) -> Vec<f64> {
    let window = history.window(WINDOW).unwrap();
    window.points_until(window.cursor()).lines().next().map(|(_, values)| values.collect()).unwrap_or_default()
}

/// Keeps what a feed is answered for some seconds, and is killed.
async fn is_kept(feeds: &RestartedFeeds, query: &str, seconds: u32) {
    let (running, archive) = feeds.starts().await;
    let recorded = running.record([(key(query), Past::default(), Duration::from_hours(1))]);
    let answered = Arc::new(Notify::new());
    let feed = running.subscribe_all([(key(query), Past::default())], &answered, &Holder::Program).remove(0);
    answers(&feed, &answered).await;
    feeds.seconds_pass(seconds).await;
    archive.flush().await;
    drop((feed, recorded));
}

#[tokio::test]
async fn a_chart_has_its_past_with_its_first_reading_after_a_restart_and_a_gap_where_there_was_none() {
    let feeds = RestartedFeeds::new(false);
    is_kept(&feeds, "orders", 5).await;
    feeds.clock.advance(20 * SECOND);
    let (running, _archive) = feeds.starts().await;
    let answered = Arc::new(Notify::new());
    let feed = running.subscribe_all([chart("orders")], &answered, &Holder::Program).remove(0);
    answers(&feed, &answered).await;
    let values = drawn(feed.state().history());
    assert_eq!(
        values.iter().map(|value| value.is_nan()).collect::<Vec<_>>(),
        [vec![false; 6], vec![true], vec![false]].concat()
    );
    assert_eq!(values.into_iter().filter(|value| value.is_finite()).collect::<Vec<_>>(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 25.0]);

    let other = running.subscribe_all([chart("others")], &answered, &Holder::Program).remove(0);
    answers(&other, &answered).await;
    assert_eq!(drawn(other.state().history()), [25.0], "nobody has kept it");
}

#[tokio::test]
async fn a_chart_has_its_past_although_its_source_does_not_answer_after_a_restart() {
    let feeds = RestartedFeeds::new(false);
    is_kept(&feeds, "orders", 3).await;
    feeds.source.is_down.store(true, Ordering::Relaxed);
    let (running, _archive) = feeds.starts().await;
    let answered = Arc::new(Notify::new());
    let feed = running.subscribe_all([chart("orders")], &answered, &Holder::Program).remove(0);
    answers(&feed, &answered).await;
    assert!(feed.state().trouble().is_some());
    assert_eq!(drawn(feed.state().history()), [0.0, 1.0, 2.0, 3.0]);
}

#[tokio::test]
async fn a_failure_is_a_gap_after_a_restart_too() {
    let feeds = RestartedFeeds::new(false);
    let (running, archive) = feeds.starts().await;
    let recorded = running.record([(key("orders"), Past::default(), Duration::from_hours(1))]);
    let answered = Arc::new(Notify::new());
    let feed = running.subscribe_all([(key("orders"), Past::default())], &answered, &Holder::Program).remove(0);
    answers(&feed, &answered).await;
    feeds.source.is_down.store(true, Ordering::Relaxed);
    feeds.seconds_pass(2).await;
    feeds.source.is_down.store(false, Ordering::Relaxed);
    feeds.seconds_pass(3).await;
    archive.flush().await;
    drop((feed, recorded, running));
    let (running, _archive) = feeds.starts().await;
    let feed = running.subscribe_all([chart("orders")], &answered, &Holder::Program).remove(0);
    feed_has_points(&feed, &answered).await;
    let values = drawn(feed.state().history());
    assert_eq!(values.iter().filter(|value| value.is_nan()).count(), 1, "{values:?}");
    assert!(values[0] == 0.0 && values[1].is_nan() && values.last().is_some_and(|last| *last == 5.0), "{values:?}");
}

async fn feed_has_points(feed: &FeedSubscription, answered: &Notify) {
    answers(feed, answered).await;
    assert!(feed.state().history().oldest().is_some());
}

#[test]
fn a_past_that_comes_late_goes_before_the_readings_with_a_gap_between() {
    use super::super::state::FeedState;
    use crate::domain::SeriesLine;

    let at = |second: i64| Timestamp::from_millis(1_800_000_000_000 + second * 1_000);
    let line = SeriesLine { label: String::new(), values: vec![1.0, 2.0] };
    let past = Series::new(vec![at(0), at(1)], vec![line], None).unwrap();
    for (first, expected) in [(2, 0), (30, 1)] {
        let (key, window) = chart("orders");
        let mut state = FeedState::new(at(first), History::new(SECOND), window);
        state.subscribe(Arc::default(), window, Holder::Program);
        state.record(&key, Ok(Reading::Number(3.0)), at(first));
        state.restore_history(&past, SECOND, at(first + 1));
        let values = drawn(state.history());
        assert_eq!(values.iter().filter(|value| value.is_nan()).count(), expected, "{values:?}");
        assert_eq!(values.into_iter().filter(|value| value.is_finite()).collect::<Vec<_>>(), [1.0, 2.0, 3.0]);
    }
}

#[tokio::test]
async fn what_a_source_can_tell_of_its_past_or_is_no_number_is_not_kept() {
    for (tells_past, query) in [(true, "orders"), (false, "words"), (false, "twice")] {
        let feeds = RestartedFeeds::new(tells_past);
        is_kept(&feeds, query, 5).await;
        let (_, archive) = feeds.starts().await;
        let range = TimeRange::ending_at(feeds.clock.now(), WINDOW);
        assert!(archive.read(crate::history::SeriesId::of(&key(query).query), range).await.is_none(), "{query}");
    }
}

#[tokio::test]
async fn what_nobody_says_to_keep_is_not_kept() {
    let feeds = RestartedFeeds::new(false);
    let (running, archive) = feeds.starts().await;
    let answered = Arc::new(Notify::new());
    let feed = running.subscribe_all([chart("orders")], &answered, &Holder::Program).remove(0);
    answers(&feed, &answered).await;
    feeds.seconds_pass(3).await;
    archive.flush().await;
    let range = TimeRange::ending_at(feeds.clock.now(), WINDOW);
    assert!(archive.read(crate::history::SeriesId::of(&key("orders").query), range).await.is_none());
}

#[tokio::test]
async fn of_several_nodes_one_keeps_what_they_are_answered() {
    use super::super::feed_archive::FeedArchive;
    use crate::bus::Role;
    use crate::nodes::LeaseState;

    // Who leads records whatever the lease is, and who follows never.
    for (lease, kept) in [(LeaseState::Held(None), 3), (LeaseState::Lapsed, 3), (LeaseState::NotHeld, 1)] {
        let feeds = RestartedFeeds::new(false);
        let (_, archive) = feeds.starts().await;
        let _writer = archive.register(&key("orders").query, SECOND, Duration::from_hours(1));
        let of_feeds = FeedsArchive { archive: archive.clone(), lease: Lease::in_state(lease) };
        let mut feed = FeedArchive::new(of_feeds, &key("orders"));
        for role in [Some(Role::Following), Some(Role::Leading(1)), Some(Role::Alone), None] {
            feeds.clock.advance(SECOND);
            feed.record(feeds.clock.now(), Ok(&Reading::Number(1.0)), role, false);
        }
        let range = TimeRange::ending_at(feeds.clock.now(), WINDOW).with_step(SECOND);
        let series = archive.read(crate::history::SeriesId::of(&key("orders").query), range).await.unwrap();
        assert_eq!(series.times().len(), kept, "{lease:?}");
    }
}
