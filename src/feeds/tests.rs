mod archive;
mod documents;
mod nodes;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use tokio::sync::{Notify, mpsc, watch};

use super::*;
use crate::domain::{
    Bindings, BoundQuery, Clock, Holder, ManualClock, Network, PersonId, Reading, Series, SeriesLine, SourceName, TimeRange,
    Timestamp,
};
use crate::panels::Past;
use crate::sources::{ReadingStream, SourceError, StreamedReading};

const SECOND: Duration = Duration::from_secs(1);

/// A source that pushes what a test sends, once for each receiver; then it waits to be asked. It knows its past.
#[derive(Default)]
struct PushingSource {
    receivers: Mutex<Vec<mpsc::Receiver<StreamedReading>>>,
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

    fn subscribe(&self, _: &BoundQuery, _: &watch::Receiver<Holder>) -> Option<ReadingStream> {
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
    let feed = feeds.subscribe_all([(FeedKey { query, every: SECOND }, past)], &answered, &Holder::Program).remove(0);
    settle().await;
    let began = clock.now();
    assert_eq!(source.asked.lock().unwrap().as_slice(), [TimeRange::ending_at(began, 60 * SECOND).with_step(SECOND)]);

    // Each was taken a second before it is told.
    let tell = async |result| sender.send(StreamedReading { taken_at: clock.now() - SECOND, result }).await.unwrap();
    for value in [3.0, 4.0] {
        clock.advance(5 * SECOND);
        tell(Ok(Reading::Number(value))).await;
        answered.notified().await;
    }
    {
        let state = feed.state();
        assert_eq!(state.last_ok(), Some(clock.now() - SECOND));
        assert!(state.trouble().is_none() && !state.is_pending(clock.now() + 60 * SECOND), "nobody asks it");
        let window = state.history().window(60 * SECOND).unwrap();
        let (_, values) = window.points_until(window.cursor()).lines().next().unwrap();
        assert_eq!(values.collect::<Vec<_>>(), [3.0, 4.0], "its past is older than a minute by now");
    }
    tell(Err(SourceError::Unreachable("shop.corp is away".to_owned()))).await;
    answered.notified().await;
    assert_eq!(cause(&feed), "shop.corp is away");

    drop(sender);
    answered.notified().await;
    assert_eq!(cause(&feed), "the source has stopped sending");
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
    let _stat = feeds.subscribe_all([(key.clone(), Past::default())], &Arc::default(), &Holder::Program);
    settle().await;
    let chart = feeds
        .subscribe_all([(key, Past { window: Some(24 * hour), readings: 1 })], &Arc::default(), &Holder::Program)
        .remove(0);
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

    fn subscribe(&self, _: &BoundQuery, _: &watch::Receiver<Holder>) -> Option<ReadingStream> {
        let times = {
            let mut times = self.0.lock().unwrap();
            *times += 1;
            *times
        };
        match times {
            1 => panic!("no subscription"),
            2 => Some(futures::stream::once(async { panic!("no reading") }).boxed()),
            _ => {
                let one = || StreamedReading { taken_at: Timestamp::from_millis(0), result: Ok(Reading::Number(1.0)) };
                Some(futures::stream::repeat_with(one).boxed())
            }
        }
    }
}

/// The cause of a feed's trouble, which administrators see.
fn cause(feed: &FeedSubscription) -> String {
    let state = feed.state();
    state.trouble().unwrap().for_admins().split(" (reference ").next().unwrap().to_owned()
}

#[tokio::test]
async fn whoever_looks_is_told_the_kind_of_a_failure_and_administrators_its_cause_under_the_same_reference() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
    let key = FeedKey {
        query: BoundQuery { source: "shop".parse().unwrap(), text: "orders".to_owned(), bindings: Bindings::new() },
        every: SECOND,
    };
    let inner = "10.0.0.7:9090 answered 503 and sends to https://inner.corp/";
    for cause in [
        SourceError::Unreachable,
        SourceError::TimedOut,
        SourceError::Refused,
        SourceError::BadAnswer,
        SourceError::BadQuery,
        SourceError::TooLarge,
        SourceError::OverLimits,
        SourceError::Broken,
        SourceError::AskedToWait,
        SourceError::Silent,
    ] {
        let trouble = FeedTrouble::new(&key, cause(inner.to_owned()), clock.now(), clock.now());
        let (said, known) = (trouble.for_visitors().reason, trouble.for_admins());
        assert!(
            said.starts_with("shop ") && !said.contains("10.0") && !said.contains("503") && !said.contains("corp"),
            "{said}"
        );
        assert!(known.starts_with(inner), "{known}");
        assert_eq!(said.split(" (reference ").nth(1), known.split(" (reference ").nth(1));
    }
}

#[tokio::test]
async fn a_feed_outlives_a_source_that_panics_and_lets_others_run_whatever_is_pushed() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
    let feeds = Feeds::new(Arc::<BreakingSource>::default(), clock.clone());
    let query = BoundQuery { source: "shop".parse().unwrap(), text: "orders".to_owned(), bindings: Bindings::new() };
    let feed =
        feeds.subscribe_all([(FeedKey { query, every: SECOND }, Past::default())], &Arc::default(), &Holder::Program).remove(0);
    for _ in 0..2 {
        settle().await;
        assert_eq!(cause(&feed), SourceError::Broken("the source broke while it was asked".to_owned()).to_string());
        clock.advance(60 * SECOND);
    }
    settle().await;
    assert!(feed.state().trouble().is_none() && feed.state().reading_count() > 1);
}

/// A source that may be asked a hundred times a second, and notes what it was asked.
#[derive(Default)]
struct RatedSource(Mutex<Vec<String>>);

impl RatedSource {
    fn asked(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn was_asked(&self, query: &str) -> bool {
        self.times_asked(query) > 0
    }

    fn times_asked(&self, query: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|asked| *asked == query).count()
    }
}

#[async_trait]
impl QueryExecutor for RatedSource {
    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        self.0.lock().unwrap().push(query.text.clone());
        if query.text.starts_with("slow") {
            std::future::pending::<()>().await;
        }
        if query.text == "failing" { Err(SourceError::BadAnswer("no".to_owned())) } else { Ok(Reading::Number(7.0)) }
    }

    fn rate(&self, _: &SourceName) -> Option<u32> {
        Some(100)
    }
}

fn hourly(query: &str) -> (FeedKey, Past) {
    let query = BoundQuery { source: "shop".parse().unwrap(), text: query.to_owned(), bindings: Bindings::new() };
    (FeedKey { query, every: 3600 * SECOND }, Past::default())
}

fn stranger(site: u16) -> Holder {
    on_link(site, 0)
}

fn on_link(site: u16, link: u16) -> Holder {
    let address = std::net::Ipv6Addr::from([0x2001, 0xdb8, site, link, 0, 0, 0, 1]);
    Holder::Stranger(Network::narrowest_of(Some(address.into())))
}

#[tokio::test]
async fn a_choice_that_comes_back_within_its_interval_is_not_asked_again() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
    let source = Arc::new(RatedSource::default());
    let feeds = Feeds::new(source.clone(), clock.clone());
    for minutes in 0..50 {
        let feed = feeds.subscribe_all([hourly("orders")], &Arc::default(), &stranger(1)).remove(0);
        settle().await;
        assert_eq!((source.asked(), feed.state().last_ok()), (1, Some(clock.now() - 60 * SECOND * minutes)));
        drop(feed);
        clock.advance(60 * SECOND);
    }
    let feed = feeds.subscribe_all([hourly("orders")], &Arc::default(), &stranger(1)).remove(0);
    settle().await;
    for asked in 1..3 {
        assert_eq!(source.asked(), asked);
        clock.advance(600 * SECOND);
        settle().await;
    }
    drop(feed);

    let failing = || feeds.subscribe_all([hourly("failing")], &Arc::default(), &stranger(1)).remove(0);
    for _ in 0..10 {
        let feed = failing();
        settle().await;
        assert!(feed.state().trouble().is_some() && source.asked() == 3, "its failure is remembered too");
    }
}

#[tokio::test]
async fn a_strangers_walk_is_slowed_down_and_delays_no_members_first_answer() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
    let source = Arc::new(RatedSource::default());
    let feeds = Feeds::new(source.clone(), clock.clone());
    let walk = |site: u16, count: usize| {
        let queries = (0..count).map(|number| hourly(&format!("{site}/{number}")));
        feeds.subscribe_all(queries.collect::<Vec<_>>(), &Arc::default(), &stranger(site))
    };
    let walked = walk(1, 400);
    settle().await;
    assert_eq!(source.asked(), 50, "ten seconds' worth of a twentieth of the rate");
    for second in 1..=10 {
        for _ in 0..10 {
            clock.advance(SECOND / 10);
            settle().await;
        }
        assert_eq!(source.asked(), 50 + 5 * second);
    }
    let other = walk(2, 1);
    settle().await;
    assert!(source.was_asked("2/0"), "another stranger waits for no walk");

    let alice = Holder::Person(PersonId::new("alice"));
    let joined = feeds.subscribe_all([hourly("1/399"), hourly("hers")], &Arc::default(), &alice);
    settle().await;
    assert!(source.was_asked("hers"), "a member's first answer comes at once");
    assert!(source.was_asked("1/399"), "also where a stranger waits for it");
    drop((walked, other, joined));
}

#[tokio::test]
async fn what_a_channel_shows_is_refreshed_in_time_however_many_choices_are_walked_through_beside_it() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
    let source = Arc::new(RatedSource::default());
    let feeds = Feeds::new(source.clone(), clock.clone());
    let every_second = |query: &str| {
        let (key, past) = hourly(query);
        (FeedKey { every: SECOND, ..key }, past)
    };
    let alice = Holder::Person(PersonId::new("alice"));
    let watch = |query: &str, holder: &Holder| feeds.subscribe_all([every_second(query)], &Arc::default(), holder);
    let walk = |name: &str, holder: &Holder| {
        let queries = (0..400).map(|number| hourly(&format!("{name}/{number}")));
        feeds.subscribe_all(queries.collect::<Vec<_>>(), &Arc::default(), holder)
    };
    let watched = [watch("own", &stranger(1)), watch("neighbour", &on_link(1, 1)), watch("alice", &alice)];
    settle().await;
    let walked = [walk("walk", &stranger(1)), walk("hers", &alice)];
    settle().await;
    for second in 1..=3 {
        for _ in 0..10 {
            clock.advance(SECOND / 10);
            settle().await;
        }
        for query in ["own", "neighbour", "alice"] {
            assert!(source.times_asked(query) > second, "{query} in second {second}");
        }
    }
    drop((watched, walked));
}

#[tokio::test]
async fn slow_queries_of_one_network_keep_out_no_others() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
    let source = Arc::new(RatedSource::default());
    let feeds = Feeds::new(source.clone(), clock.clone());
    let slow = |holder: &Holder| {
        let queries = (0..90).map(|number| hourly(&format!("slow/{holder:?}/{number}"))).collect::<Vec<_>>();
        feeds.subscribe_all(queries, &Arc::default(), holder)
    };
    let of_network = slow(&stranger(1));
    settle().await;
    let of_other = feeds.subscribe_all([hourly("other")], &Arc::default(), &stranger(2));
    settle().await;
    assert_eq!((source.asked(), source.was_asked("other")), (5, true));
    let of_alice = slow(&Holder::Person(PersonId::new("alice")));
    settle().await;
    assert_eq!(source.asked(), 5 + 32, "a member has only so many either");
    drop((of_network, of_other, of_alice));
}
