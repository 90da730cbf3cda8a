//! Feeds whose queries pick from one document.

use crate::sources::{DocumentRequest, DocumentSource, QueryError, SourceDocument};

use super::*;

/// A source of documents that count up. A query is `request pick`; `hold` keeps its requests from being answered.
struct DocumentCounter {
    asked: Mutex<Vec<String>>,
    picked: Mutex<Vec<Holder>>,
    hold: tokio::sync::Semaphore,
    is_held: Mutex<bool>,
    fails: Mutex<bool>,
    not_before: Mutex<Option<Timestamp>>,
    rate: Option<u32>,
}

impl Default for DocumentCounter {
    fn default() -> Self {
        Self {
            asked: Mutex::default(),
            picked: Mutex::default(),
            hold: tokio::sync::Semaphore::new(0),
            is_held: Mutex::default(),
            fails: Mutex::default(),
            not_before: Mutex::default(),
            rate: None,
        }
    }
}

#[async_trait]
impl DocumentSource for DocumentCounter {
    fn request(&self, query: &BoundQuery) -> Result<DocumentRequest, QueryError> {
        match query.text.split_once(' ') {
            Some((request, _)) => Ok(DocumentRequest::new(request)),
            None => Err(QueryError("{city} has no value".to_owned())),
        }
    }

    async fn fetch(&self, request: &DocumentRequest) -> Result<SourceDocument, SourceError> {
        let count = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(request.as_str().to_owned());
            asked.len()
        };
        if *self.is_held.lock().unwrap() {
            self.hold.acquire().await.unwrap().forget();
        }
        if *self.fails.lock().unwrap() {
            return Err(SourceError::Unreachable("shop.corp is away".to_owned()));
        }
        Ok(SourceDocument::new(count.to_string().into_bytes()))
    }

    async fn pick(&self, query: &BoundQuery, document: &SourceDocument, holder: &Holder) -> Result<Reading, SourceError> {
        self.picked.lock().unwrap().push(holder.clone());
        if query.text.ends_with(" broken") {
            return Err(SourceError::BadAnswer("the filter found nothing".to_owned()));
        }
        Ok(Reading::Number(std::str::from_utf8(document.text()).unwrap().parse().unwrap()))
    }

    fn not_before(&self) -> Option<Timestamp> {
        *self.not_before.lock().unwrap()
    }
}

#[async_trait]
impl QueryExecutor for DocumentCounter {
    async fn execute(&self, _: &BoundQuery) -> Result<Reading, SourceError> {
        unreachable!("it has documents")
    }

    fn documents(&self, _: &SourceName) -> Option<&dyn DocumentSource> {
        Some(self)
    }

    fn rate(&self, _: &SourceName) -> Option<u32> {
        self.rate
    }
}

impl DocumentCounter {
    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

struct Fixture {
    clock: Arc<ManualClock>,
    source: Arc<DocumentCounter>,
    feeds: Feeds,
}

impl Fixture {
    fn new(source: DocumentCounter) -> Self {
        let (clock, source) = (Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000))), Arc::new(source));
        let feeds = Feeds::new(source.clone(), clock.clone());
        Self { clock, source, feeds }
    }

    fn feed(&self, query: &str, every: u32, holder: &Holder) -> FeedSubscription {
        let query = BoundQuery { source: "shop".parse().unwrap(), text: query.to_owned(), bindings: Bindings::new() };
        self.feeds
            .subscribe_all([(FeedKey { query, every: every * SECOND }, Past::default())], &Arc::default(), holder)
            .remove(0)
    }

    /// Moves the clock on in steps of a tenth of a second.
    async fn passes(&self, length: Duration) {
        let until = self.clock.now() + length;
        while self.clock.now() < until {
            self.clock.advance(SECOND / 10);
            settle().await;
        }
    }
}

/// The number that a feed shows, and when it was taken.
fn shown(feed: &FeedSubscription) -> (f64, Timestamp) {
    let state = feed.state();
    let (at, reading) = state.readings_after(state.reading_count() - 1).next().unwrap();
    let Reading::Number(value) = reading else { panic!("{reading:?}") };
    (*value, at)
}

#[tokio::test]
async fn filters_of_one_document_share_its_request_and_show_one_answer() {
    let fixture = Fixture::new(DocumentCounter::default());
    let feeds: Vec<_> = (0..8).map(|pick| fixture.feed(&format!("stock {pick}"), 5, &Holder::Program)).collect();
    settle().await;
    assert_eq!(fixture.source.asked(), 1);
    fixture.passes(2 * SECOND).await;
    let late = fixture.feed("stock late", 5, &stranger(1));
    settle().await;
    assert_eq!((fixture.source.asked(), shown(&late).0), (1, 1.0), "another page begins with the answer there is");
    for beat in 2..6 {
        fixture.passes(5 * SECOND).await;
        assert_eq!(fixture.source.asked(), beat);
        assert!(feeds.iter().chain([&late]).all(|feed| shown(feed) == shown(&late)), "they agree, also on when");
    }
    let _other = fixture.feed("prices 0", 5, &Holder::Program);
    settle().await;
    assert_eq!(fixture.source.asked(), 6, "another request is another's");
}

#[tokio::test]
async fn a_document_is_asked_as_often_as_the_most_frequent_wants_it() {
    let fixture = Fixture::new(DocumentCounter::default());
    let (often, seldom) = (fixture.feed("stock 1", 2, &Holder::Program), fixture.feed("stock 2", 5, &Holder::Program));
    settle().await;
    fixture.passes(20 * SECOND).await;
    assert_eq!(fixture.source.asked(), 11);
    assert!(shown(&often).0 >= 11.0 && shown(&seldom).0 >= 9.0 && seldom.state().reading_count() <= 5);
}

#[tokio::test]
async fn an_answer_that_takes_longer_than_the_interval_is_still_one_for_all() {
    let fixture = Fixture::new(DocumentCounter { is_held: Mutex::new(true), ..DocumentCounter::default() });
    let feeds: Vec<_> = (0..4).map(|pick| fixture.feed(&format!("stock {pick}"), 1, &Holder::Program)).collect();
    settle().await;
    fixture.passes(3 * SECOND).await;
    assert_eq!(fixture.source.asked(), 1);
    fixture.source.hold.add_permits(1);
    settle().await;
    assert!(feeds.iter().all(|feed| shown(feed).0.total_cmp(&1.0).is_eq()));
    assert_eq!(fixture.source.asked(), 2, "the next is due at once, and is one too");
}

#[tokio::test]
async fn a_request_outlives_the_page_that_had_it_sent_where_others_wait_for_it() {
    let fixture = Fixture::new(DocumentCounter { is_held: Mutex::new(true), ..DocumentCounter::default() });
    let first = fixture.feed("stock 1", 5, &Holder::Program);
    settle().await;
    let second = fixture.feed("stock 2", 5, &Holder::Program);
    settle().await;
    drop(first);
    settle().await;
    fixture.source.hold.add_permits(1);
    settle().await;
    assert_eq!((shown(&second).0, fixture.source.asked()), (1.0, 1));
    drop(second);
    settle().await;
    let back = fixture.feed("stock 3", 5, &Holder::Program);
    settle().await;
    assert_eq!((shown(&back).0, fixture.source.asked()), (1.0, 1), "a choice that nobody made before needs no request");
}

#[tokio::test]
async fn a_source_that_fails_is_asked_once_for_all_and_less_and_less() {
    let fixture = Fixture::new(DocumentCounter { fails: Mutex::new(true), ..DocumentCounter::default() });
    let feeds: Vec<_> = (0..8).map(|pick| fixture.feed(&format!("stock {pick}"), 1, &Holder::Program)).collect();
    settle().await;
    assert_eq!((fixture.source.asked(), cause(&feeds[7])), (1, "shop.corp is away".to_owned()));
    fixture.passes(60 * SECOND).await;
    let asked = fixture.source.asked();
    assert!((5..=7).contains(&asked), "after 2, 4, 8, 16, 32 s, not {asked} times");
    let _newcomer = fixture.feed("stock new", 1, &Holder::Program);
    settle().await;
    assert_eq!(fixture.source.asked(), asked, "who comes then hears of the failure that there was");
    *fixture.source.fails.lock().unwrap() = false;
    fixture.passes(61 * SECOND).await;
    assert!(feeds.iter().all(|feed| feed.state().trouble().is_none()));
}

#[tokio::test]
async fn a_filter_that_fails_costs_no_request_and_no_other_panel() {
    let fixture = Fixture::new(DocumentCounter::default());
    let (good, broken) = (fixture.feed("stock 1", 1, &Holder::Program), fixture.feed("stock broken", 1, &Holder::Program));
    let unbound = fixture.feed("nothing", 1, &Holder::Program);
    settle().await;
    fixture.passes(10 * SECOND).await;
    assert_eq!((fixture.source.asked(), shown(&good).0), (11, 11.0));
    assert_eq!((cause(&broken), cause(&unbound)), ("the filter found nothing".to_owned(), "{city} has no value".to_owned()));
}

#[tokio::test]
async fn a_source_that_asks_to_wait_is_left_alone_until_then() {
    let fixture = Fixture::new(DocumentCounter { fails: Mutex::new(true), ..DocumentCounter::default() });
    let until = fixture.clock.now() + 300 * SECOND;
    *fixture.source.not_before.lock().unwrap() = Some(until);
    let feeds: Vec<_> = (0..3).map(|pick| fixture.feed(&format!("stock {pick}"), 1, &Holder::Program)).collect();
    settle().await;
    assert!(feeds.iter().all(|feed| feed.state().trouble().unwrap().retry_at == until), "which people are told");
    fixture.passes(299 * SECOND).await;
    assert_eq!(fixture.source.asked(), 1);
    (*fixture.source.not_before.lock().unwrap(), *fixture.source.fails.lock().unwrap()) = (None, false);
    fixture.passes(SECOND).await;
    assert_eq!(fixture.source.asked(), 2);
    assert!(feeds.iter().all(|feed| feed.state().trouble().is_none()));
}

#[tokio::test]
async fn a_request_waits_its_turn_once_and_a_member_does_not_wait_where_a_stranger_does() {
    let fixture = Fixture::new(DocumentCounter { rate: Some(100), ..DocumentCounter::default() });
    // Fifty at once, and then five a second.
    let walk: Vec<_> = (0..60).map(|number| fixture.feed(&format!("{number} pick"), 3600, &stranger(1))).collect();
    settle().await;
    assert_eq!(fixture.source.asked(), 50);
    let same: Vec<_> = (0..40).map(|pick| fixture.feed(&format!("0 {pick}"), 3600, &stranger(1))).collect();
    settle().await;
    assert!(same.iter().all(|feed| shown(feed).0.total_cmp(&1.0).is_eq()), "what there is costs no turn");
    let alice = Holder::Person(PersonId::new("alice"));
    let hers = fixture.feed("59 hers", 3600, &alice);
    settle().await;
    assert_eq!((fixture.source.asked(), shown(&hers).0, shown(&walk[59]).0), (51, 51.0, 51.0), "the stranger has it from her");
    assert!(fixture.source.picked.lock().unwrap().contains(&alice), "each filter is its own holder's");
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_keep_an_old_answer_fresh() {
    let fixture = Fixture::new(DocumentCounter::default());
    let feed = fixture.feed("stock 1", 1, &Holder::Program);
    settle().await;
    fixture.clock.set_back(86_400 * SECOND);
    fixture.passes(3 * SECOND).await;
    assert!(shown(&feed).0 >= 3.0);
}
