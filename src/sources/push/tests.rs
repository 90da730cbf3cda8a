#![allow(clippy::unwrap_used)]

use futures::{FutureExt as _, StreamExt};
use sqlx::SqlitePool;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;

use super::postgres::PostgresPushes;
use super::store::{PushStore as _, PushedDocument};
use super::*;
use crate::config::Diagnostics;
use crate::domain::{Access, Audience, ManualClock, Member, Person, SessionId, SourceName, Timestamp, Visitor};
use crate::sources::filter_workers::tests::on_threads;
use crate::sources::settings::tests::read as read_sources;
use crate::sources::{NamedSources, SourceDocument, Sources, StreamedReading};
use crate::store::tests::{TestEngine, on_both_engines};
use crate::store::{PostgresDatabase, PostgresNews, PostgresStore, StoreKind};

const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);
const MINUTE: Duration = Duration::from_mins(1);

fn named(keys: &str) -> Result<NamedSources, Diagnostics> {
    read_sources(&format!("[default.sources.builds]\nkind = \"push\"\n{keys}\n"))
}

fn builds() -> SourceName {
    "builds".parse().unwrap()
}

fn query(filter: &str) -> BoundQuery {
    BoundQuery { source: builds(), text: filter.to_owned(), bindings: [("city".to_owned(), "NYC".to_owned())].into() }
}

/// A node: the source `builds`, on a store that others may share.
struct Node {
    sources: Sources,
    inbox: PushInbox,
    _following: tokio_util::task::AbortOnDropHandle<()>,
}

struct Fixture(TestEngine);

impl Fixture {
    #[allow(clippy::unused_async, reason = "the other rooms' fixtures open their stores here")]
    async fn new(engine: TestEngine) -> Self {
        Self(engine)
    }

    async fn node(&self, keys: &str, clock: &Arc<ManualClock>) -> Node {
        let of_sources = Arc::clone(clock) as Arc<dyn Clock>;
        let sources = Sources::open(&named(keys).unwrap(), &of_sources, &on_threads()).unwrap();
        let endpoints = sources.push_endpoints();
        let mut news = None;
        let inbox = match &self.0 {
            TestEngine::Embedded(_) => PushInbox::open(&self.0.file("pushed.db"), endpoints, of_sources).await,
            TestEngine::Postgres(database) => {
                let news = news.insert(PostgresNews::open(database).await.unwrap());
                PushInbox::open_postgres(news, endpoints, of_sources).await
            }
        }
        .unwrap();
        let following = inbox.clone();
        let following = async move {
            match news {
                Some(news) => drop(tokio::join!(news.follow(), following.follow())),
                None => following.follow().await,
            }
        };
        let following = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(following));
        Node { sources, inbox, _following: following }
    }

    /// The database without the last pushes, as after a failover to a replica that had not heard of them.
    async fn loses_pushes(&self) {
        let lose = "UPDATE pushed_documents SET version = 1";
        match &self.0 {
            TestEngine::Embedded(_) => {
                let file = SqliteConnectOptions::new().filename(self.0.file("pushed.db"));
                let pool = SqlitePool::connect_with(file).await.unwrap();
                sqlx::query(lose).execute(&pool).await.unwrap();
                pool.close().await;
            }
            TestEngine::Postgres(database) => {
                raw_store(database).await.execute(sqlx::query(lose)).await.unwrap();
            }
        }
    }
}

/// The database, for what no method does.
async fn raw_store(database: &PostgresDatabase) -> PostgresStore {
    let (kind, migrations) = (StoreKind { name: "test store", if_recreated: "" }, Migrator::with_migrations(Vec::new()));
    PostgresStore::open(database, kind, "test", migrations).await.unwrap()
}

impl Node {
    async fn push(&self, body: &str) -> Result<(), String> {
        self.push_as(None, body.as_bytes()).await
    }

    async fn push_as(&self, content_type: Option<&str>, body: &[u8]) -> Result<(), String> {
        let endpoint = self.inbox.endpoint(&builds()).unwrap();
        self.inbox.push(&builds(), endpoint, content_type, body).await.map_err(|error| error.to_string())
    }

    async fn picks(&self, filter: &str) -> Result<Reading, SourceError> {
        self.sources.execute(&query(filter)).await
    }

    /// What a feed of the filter is told.
    fn readings(&self, filter: &str) -> ReadingStream {
        self.sources.subscribe(&query(filter), &watch::channel(Holder::Program).1).unwrap()
    }
}

fn number(taken_at: Timestamp, number: f64) -> StreamedReading {
    StreamedReading { taken_at, result: Ok(Reading::Number(number)) }
}

fn silence(streamed: Option<StreamedReading>) -> String {
    match streamed {
        Some(StreamedReading { result: Err(SourceError::Silent(why)), .. }) => why,
        other => panic!("{other:?}"),
    }
}

on_both_engines! { super::Fixture::new:
    what_is_pushed_is_told_at_once_and_again_after_a_restart_with_its_age
    what_cannot_be_written_down_is_not_shown
    of_many_pushes_at_once_all_nodes_show_the_same_one
    what_is_pushed_after_a_failover_that_lost_pushes_is_shown
    who_knows_a_push_does_not_read_it_again
}

async fn what_is_pushed_is_told_at_once_and_again_after_a_restart_with_its_age(fixture: Fixture) {
    let clock = Arc::new(ManualClock::at(START));
    let node = fixture.node("stale_after = \"5m\"", &clock).await;
    assert!(matches!(node.picks(".").await, Err(SourceError::Silent(why)) if why.contains("POST it to /api/v1/push/builds")));
    let mut readings = node.readings(".count");
    assert!(silence(readings.next().await).contains("nothing has been pushed yet"));
    clock.advance(MINUTE);
    node.push("{\"count\": 3}").await.unwrap();
    assert_eq!(readings.next().await.unwrap(), number(START + MINUTE, 3.0));
    clock.advance(MINUTE);
    node.push("{\"count\": 4}").await.unwrap();
    assert_eq!(readings.next().await.unwrap(), number(START + 2 * MINUTE, 4.0));
    assert_eq!(node.push("{\"count\": ").await.unwrap_err(), "what was pushed is JSON without its end (line 1, column 10)");
    clock.advance(5 * MINUTE);
    assert_eq!(silence(readings.next().await), "nothing has been pushed for 5m (stale_after)");
    node.push("{\"count\": 5}").await.unwrap();
    assert_eq!(readings.next().await.unwrap(), number(START + 7 * MINUTE, 5.0));
    node.inbox.close().await;
    drop((readings, node));

    clock.advance(60 * MINUTE);
    let node = fixture.node("stale_after = \"5m\"", &clock).await;
    assert_eq!(node.picks(".count, $city").await.map(|reading| matches!(reading, Reading::Table(_))), Ok(true));
    let mut readings = node.readings(".count");
    assert_eq!(readings.next().await.unwrap(), number(START + 7 * MINUTE, 5.0), "as old as it is");
    assert!(silence(readings.next().await).contains("for 5m"));
}

async fn what_cannot_be_written_down_is_not_shown(fixture: Fixture) {
    let node = fixture.node("", &Arc::new(ManualClock::at(START))).await;
    node.push("1").await.unwrap();
    node.inbox.close().await;
    assert!(node.push("2").await.is_err());
    assert_eq!(node.picks(".").await, Ok(Reading::Number(1.0)));
}

async fn of_many_pushes_at_once_all_nodes_show_the_same_one(fixture: Fixture) {
    if matches!(fixture.0, TestEngine::Embedded(_)) {
        return;
    }
    // Their clocks differ, and do not count.
    let one = fixture.node("", &Arc::new(ManualClock::at(START + 5 * MINUTE))).await;
    let other = fixture.node("", &Arc::new(ManualClock::at(START))).await;
    let pushes = (0..20).map(|at| {
        let node = if at % 2 == 0 { &one } else { &other };
        async move { node.push(&at.to_string()).await.unwrap() }
    });
    futures::future::join_all(pushes).await;
    other.push("\"the last\"").await.unwrap();
    let mut readings = one.readings(".");
    let last = async { while readings.next().await.unwrap().result != Ok(Reading::Text("the last".to_owned())) {} };
    tokio::time::timeout(Duration::from_secs(30), last).await.unwrap();
    assert_eq!(other.picks(".").await, one.picks(".").await);
    let late = fixture.node("", &Arc::new(ManualClock::at(START))).await;
    assert_eq!(late.picks(".").await, other.picks(".").await);
}

async fn what_is_pushed_after_a_failover_that_lost_pushes_is_shown(fixture: Fixture) {
    let node = fixture.node("", &Arc::new(ManualClock::at(START))).await;
    for count in 1..=3 {
        node.push(&count.to_string()).await.unwrap();
    }
    fixture.loses_pushes().await;
    node.push("4").await.unwrap();
    assert_eq!(node.picks(".").await, Ok(Reading::Number(4.0)));
}

async fn who_knows_a_push_does_not_read_it_again(fixture: Fixture) {
    let TestEngine::Postgres(database) = &fixture.0 else { return };
    let node = fixture.node("", &Arc::new(ManualClock::at(START))).await;
    node.push("1").await.unwrap();
    let store = PostgresPushes(raw_store(database).await);
    let row = store.replace(&builds(), &SourceDocument::new(*b"2"), START).await.unwrap();
    for (known, read) in [(0, Some(2)), (1, Some(2)), (2, None)] {
        let pushed = store.by_row(row.id, known).await.unwrap();
        assert_eq!(pushed.map(|(_, pushed)| pushed.version), read, "{known}");
    }
}

#[tokio::test]
async fn of_an_old_push_that_a_query_makes_nothing_of_it_is_told_once_that_it_is_old() {
    let clock = Arc::new(ManualClock::at(START));
    let fixture = Fixture::new(TestEngine::embedded()).await;
    let node = fixture.node("stale_after = \"30s\"", &clock).await;
    node.push("\"text\"").await.unwrap();
    let mut readings = node.readings(".count");
    let fails = |told: Option<StreamedReading>| !matches!(told.unwrap().result, Ok(_) | Err(SourceError::Silent(_)));
    assert!(fails(readings.next().await));
    clock.advance(MINUTE / 2);
    assert!(silence(readings.next().await).contains("for 30s"));
    for _ in 0..3 {
        clock.advance(MINUTE);
        assert!(fails(readings.next().await), "it is tried again");
        assert!(readings.next().now_or_never().is_none());
    }
}

#[test]
fn a_late_news_of_an_older_push_changes_nothing_and_no_push_is_of_the_time_to_come() {
    let endpoint = PushEndpoint::new(&settings(Access::SignedIn));
    let pushed = |version, at| PushedDocument { version, at, document: SourceDocument::new(*b"1") };
    let latest = || endpoint.subscribe().borrow().clone().map(|latest| (latest.version, latest.at));
    endpoint.publish(pushed(2, START), None, START);
    endpoint.publish(pushed(1, START), None, START);
    assert_eq!(latest(), Some((2, START)));
    endpoint.publish(pushed(3, START + 5 * MINUTE), None, START + MINUTE);
    assert_eq!(latest(), Some((3, START + MINUTE)), "of a node whose clock is ahead");
    endpoint.publish(pushed(4, START - 5 * MINUTE), None, START + 2 * MINUTE);
    assert_eq!(latest(), Some((4, START + MINUTE)), "of one whose clock is behind");
}

#[test]
fn a_store_that_lost_pushes_knows_better_than_who_has_heard_nothing_since() {
    let endpoint = PushEndpoint::new(&settings(Access::SignedIn));
    let pushed = |version, text: &[u8]| PushedDocument { version, at: START, document: SourceDocument::new(text) };
    let latest = || endpoint.subscribe().borrow().clone().map(|latest| latest.document.text().to_vec());
    endpoint.publish(pushed(5, b"1"), None, START);
    endpoint.publish(pushed(3, b"2"), Some(4), START);
    assert_eq!(latest(), Some(b"1".to_vec()), "it was pushed while the store was asked");
    endpoint.publish(pushed(3, b"2"), Some(5), START);
    assert_eq!(latest(), Some(b"2".to_vec()));
    endpoint.publish(pushed(3, b"3"), Some(3), START);
    assert_eq!(latest(), Some(b"3".to_vec()), "another of the same version");
    let again = PushedDocument { at: START + MINUTE, ..pushed(3, b"3") };
    endpoint.publish(again, Some(3), START + MINUTE);
    assert_eq!(endpoint.subscribe().borrow().as_ref().map(|latest| latest.at), Some(START + MINUTE), "and it is newer");
}

fn settings(access: Access) -> PushSettings {
    PushSettings { access, max_bytes: 1024, rate: 10, stale_after: None }
}

#[test]
fn bodies_are_json_or_line_protocol_by_their_type_and_what_is_wrong_is_told_without_it() {
    let parse = |content_type: Option<&str>, text: &str| {
        let document = body::parse(content_type, text.as_bytes(), START, 256).map_err(|error| error.to_string())?;
        Ok::<_, String>(String::from_utf8(document.text().to_vec()).unwrap())
    };
    for json in [None, Some("application/json; charset=utf-8"), Some("application/x-www-form-urlencoded")] {
        assert_eq!(parse(json, "\u{feff}[1, 12345678901234567890]").unwrap(), "[1, 12345678901234567890]");
        for wrong in ["hunter2", "{\"hunter2\": 1} x", "{'hunter2': 1}", "NaN", "{\"hunter2\"", "", "  "] {
            let error = parse(json, wrong).unwrap_err();
            assert!(!error.contains("hunter2") && error.contains("pushed"), "{error}");
        }
        assert!(parse(json, &"[".repeat(100_000)).is_err(), "and no deep one ends the program");
    }
    let lines = "# of two machines\ncpu,host=a\\ b,zone=eu usage=3.5,cores=8i,up=true,what=\"x \\\"y\\\"\" 1795309126976000001\n\nmem free=7u\n";
    let expected = format!(
        "[{{\"measurement\":\"cpu\",\"tags\":{{\"host\":\"a b\",\"zone\":\"eu\"}},\"fields\":{{\"usage\":3.5,\"cores\":8,\
         \"up\":true,\"what\":\"x \\\"y\\\"\"}},\"time\":1795309126976}},\
         {{\"measurement\":\"mem\",\"tags\":{{}},\"fields\":{{\"free\":7}},\"time\":{}}}]",
        START.as_millis()
    );
    for influx in ["text/plain; charset=utf-8", "application/vnd.influx.line-protocol"] {
        assert_eq!(parse(Some(influx), lines).unwrap(), expected);
        for wrong in ["hunter2", "cpu hunter2=", "cpu x=1 hunter2", ""] {
            assert!(!parse(Some(influx), wrong).unwrap_err().contains("hunter2"), "{wrong}");
        }
    }
    assert_eq!(parse(Some("text/csv"), "name;waits\na;3\n").unwrap(), "[{\"name\":\"a\",\"waits\":3}]");
    assert!(!parse(Some("text/csv"), "a,b\nhunter2\n").unwrap_err().contains("hunter2"));
    assert!(body::parse(None, b"\"\xff\"", START, 256).unwrap_err().to_string().contains("UTF-8"));
    let long_name = format!("{}\n{}", "n".repeat(200), "1\n".repeat(10));
    for (content_type, small) in [("text/plain", "a b=1\n".repeat(100)), ("text/csv", long_name)] {
        let error = parse(Some(content_type), &small).unwrap_err();
        assert!(error.contains("more than four times 256 bytes"), "{error}");
    }
}

#[test]
fn who_may_push_is_said_by_the_settings_and_nobody_does_without_an_account() {
    let alice = Visitor::from(Member::signed_in(SessionId::new(1), Person::named("alice")));
    let only = |name: &str| {
        let audience = Audience { users: vec![name.parse().unwrap()], groups: Vec::new() };
        PushEndpoint::new(&settings(Access::Only(audience))).admits(&alice)
    };
    assert!(PushEndpoint::new(&settings(Access::SignedIn)).admits(&alice) && only("alice") && !only("bob"));
    assert!(!PushEndpoint::new(&settings(Access::SignedIn)).admits(&Visitor::Anonymous));
    let mistake = |keys: &str| named(keys).unwrap_err().render(false);
    for (keys, message) in [
        ("access = \"public\"", "nobody pushes without an account"),
        ("access = {}", "names nobody"),
        ("access = { group = [\"a\"] }", "no key `group`"),
        ("max_bytes = \"1GiB\"", "more than 16MiB"),
        ("rate = 0", "less than 1"),
        ("stale_after = 5", "5s"),
        ("url = \"http://h/\"", "no key `url`"),
    ] {
        assert!(mistake(keys).contains(message), "{}", mistake(keys));
    }
    assert!(named("access = { users = [\"alice\"] }\nstale_after = \"5m\"").is_ok());
}
