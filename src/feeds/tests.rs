use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use tokio::sync::{Notify, mpsc};

use super::*;
use crate::domain::{Bindings, BoundQuery, Clock, ManualClock, Reading, Series, SeriesLine, TimeRange, Timestamp};
use crate::panels::Past;
use crate::sources::{ReadingStream, SourceError};

const SECOND: Duration = Duration::from_secs(1);

/// A source that pushes what a test sends, once for each receiver; then it waits to be asked. It knows its past.
#[derive(Default)]
struct PushingSource {
    receivers: Mutex<Vec<mpsc::Receiver<Result<Reading, SourceError>>>>,
    asked: Mutex<Vec<TimeRange>>,
}

#[async_trait]
impl QueryExecutor for PushingSource {
    async fn execute(&self, _: &BoundQuery) -> Result<Reading, SourceError> {
        Ok(Reading::Number(7.0))
    }

    async fn execute_range(&self, _: &BoundQuery, range: TimeRange) -> Result<Option<Series>, SourceError> {
        self.asked.lock().unwrap().push(range);
        let line = SeriesLine { label: String::new(), values: vec![1.0, 2.0] };
        Ok(Series::new(vec![range.from(), range.from() + SECOND], vec![line], None).ok())
    }

    fn subscribe(&self, _: &BoundQuery) -> Option<ReadingStream> {
        let receiver = self.receivers.lock().unwrap().pop()?;
        Some(futures::stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver))).boxed())
    }
}

async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_feed_listens_to_a_source_that_pushes_and_comes_back_when_the_stream_has_ended() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
    let source = Arc::new(PushingSource::default());
    let (sender, receiver) = mpsc::channel(4);
    source.receivers.lock().unwrap().push(receiver);
    let feeds = Feeds::new(source.clone(), clock.clone());
    let query = BoundQuery { source: "shop".parse().unwrap(), text: "orders".to_owned(), bindings: Bindings::new() };
    let past = Past { window: Some(60 * SECOND), readings: 1 };
    let answered = Arc::new(Notify::new());
    let feed = feeds.subscribe_all([(FeedKey { query, every: SECOND }, past)], &answered).remove(0);
    settle().await;
    let began = clock.now();
    assert_eq!(source.asked.lock().unwrap().as_slice(), [TimeRange::ending_at(began, 60 * SECOND).with_step(SECOND)]);

    for value in [3.0, 4.0] {
        clock.advance(5 * SECOND);
        sender.send(Ok(Reading::Number(value))).await.unwrap();
        answered.notified().await;
    }
    {
        let state = feed.state();
        assert!(state.trouble().is_none() && !state.is_pending(clock.now() + 60 * SECOND), "nobody asks it");
        let window = state.history().window(60 * SECOND).unwrap();
        let (_, values) = window.points_until(window.cursor()).lines().next().unwrap();
        assert_eq!(values.collect::<Vec<_>>(), [3.0, 4.0], "its past is older than a minute by now");
    }
    sender.send(Err(SourceError::Unreachable("shop.corp is away".to_owned()))).await.unwrap();
    answered.notified().await;
    assert_eq!(feed.state().trouble().unwrap().reason, "shop.corp is away");

    drop(sender);
    answered.notified().await;
    assert_eq!(feed.state().trouble().unwrap().reason, "the source has stopped sending");
    clock.advance(60 * SECOND);
    answered.notified().await;
    assert!(feed.state().trouble().is_none(), "it was asked again");
}

/// The values within a window of a feed's past.
fn values(feed: &FeedSubscription, window: Duration) -> Vec<f64> {
    let state = feed.state();
    let window = state.history().window(window).unwrap();
    window.points_until(window.cursor()).lines().next().unwrap().1.collect()
}

#[tokio::test]
async fn a_chart_begins_with_the_reading_of_a_feed_that_nobody_has_drawn_from() {
    let hour = 3600 * SECOND;
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
    let feeds = Feeds::new(Arc::<PushingSource>::default(), clock);
    let query = BoundQuery { source: "shop".parse().unwrap(), text: "orders".to_owned(), bindings: Bindings::new() };
    let key = FeedKey { query, every: hour };
    let _stat = feeds.subscribe_all([(key.clone(), Past::default())], &Arc::default());
    settle().await;
    let chart = feeds.subscribe_all([(key, Past { window: Some(24 * hour), readings: 1 })], &Arc::default()).remove(0);
    assert_eq!(values(&chart, 24 * hour), [7.0]);
}

/// A source whose subscription panics, then a stream of it, and then one that always has another reading.
#[derive(Default)]
struct BreakingSource(Mutex<u32>);

#[async_trait]
impl QueryExecutor for BreakingSource {
    async fn execute(&self, _: &BoundQuery) -> Result<Reading, SourceError> {
        unreachable!("it pushes")
    }

    fn subscribe(&self, _: &BoundQuery) -> Option<ReadingStream> {
        let times = {
            let mut times = self.0.lock().unwrap();
            *times += 1;
            *times
        };
        match times {
            1 => panic!("no subscription"),
            2 => Some(futures::stream::once(async { panic!("no reading") }).boxed()),
            _ => Some(futures::stream::repeat_with(|| Ok(Reading::Number(1.0))).boxed()),
        }
    }
}

#[tokio::test]
async fn a_feed_outlives_a_source_that_panics_and_lets_others_run_whatever_is_pushed() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
    let feeds = Feeds::new(Arc::<BreakingSource>::default(), clock.clone());
    let query = BoundQuery { source: "shop".parse().unwrap(), text: "orders".to_owned(), bindings: Bindings::new() };
    let feed = feeds.subscribe_all([(FeedKey { query, every: SECOND }, Past::default())], &Arc::default()).remove(0);
    for _ in 0..2 {
        settle().await;
        assert_eq!(
            feed.state().trouble().unwrap().reason,
            SourceError::Broken("the source broke while it was asked".to_owned()).to_string()
        );
        clock.advance(60 * SECOND);
    }
    settle().await;
    assert!(feed.state().trouble().is_none() && feed.state().reading_count() > 1);
}
