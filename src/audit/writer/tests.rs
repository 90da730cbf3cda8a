#![allow(clippy::unwrap_used)]

use super::super::{AuditRecord, AuditSearch};
use super::*;
use crate::audit::log_capture::LogCapture;
use crate::config::AuditSettings;
use crate::domain::{Client, ManualClock};
use crate::telemetry::Metrics;

const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);

struct AuditFixture {
    audit: Audit,
    writer: Option<AuditWriter>,
    store: AuditStore,
    metrics: AuditMetrics,
    clock: Arc<ManualClock>,
    folder: tempfile::TempDir,
}

impl AuditFixture {
    async fn keeping(settings: AuditSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = AuditStore::open(&folder.path().join("audit.db"), &settings).await.unwrap();
        let (metrics, clock) = (Metrics::new().audit(), Arc::new(ManualClock::at(START)));
        let (audit, writer) = Audit::with_store(store.clone(), metrics.clone(), clock.clone());
        Self { audit, writer: Some(writer), store, metrics, clock, folder }
    }

    async fn new() -> Self {
        Self::keeping(AuditSettings::default()).await
    }

    /// Somebody's wrong password.
    fn refuses(&self, name: &str) {
        let event =
            AuditEvent::SignInRefused { name, reason: "wrong-credentials", directory_code: None, retry_after: None };
        self.audit.record(&Client::new("192.0.2.7".parse().ok(), Some("Browser/1")), &event);
    }

    fn says(&self, what: &str) {
        self.audit.record(&Client::default(), &AuditEvent::PagesReloaded { what });
    }

    /// Has everything written.
    async fn ends(&mut self) {
        self.writer.take().unwrap().finish().await;
    }

    async fn kept(&self) -> Vec<AuditRecord> {
        self.store.search(&AuditSearch::default(), None, 1_000_000).await.unwrap()
    }

    async fn told(&self) -> Vec<String> {
        self.kept().await.into_iter().map(|record| record.who.or(record.detail).unwrap_or(record.event)).collect()
    }
}

#[tokio::test]
async fn an_event_is_kept_with_all_that_the_log_says_of_it() {
    let mut house = AuditFixture::new().await;
    let event = AuditEvent::SignInRefused {
        name: "ali\nce",
        reason: "locked",
        directory_code: Some("775"),
        retry_after: Some(Duration::from_mins(1)),
    };
    house.audit.record(&Client::new("192.0.2.7".parse().ok(), Some("Browser/1")), &event);
    house.ends().await;
    let kept = house.kept().await.remove(0);
    assert_eq!((kept.at, kept.event.as_str(), kept.result.as_str()), (START, "sign-in-refused", "refused"));
    let texts = [kept.who, kept.reason, kept.directory_code, kept.address, kept.user_agent, kept.detail];
    let expected = [r"ali\u{a}ce", "locked", "775", "192.0.2.7", "Browser/1", "next try in 60 s"];
    assert_eq!(texts.map(Option::unwrap), expected);
}

#[tokio::test]
async fn what_waits_when_the_program_stops_is_written_first() {
    let mut house = AuditFixture::new().await;
    for number in 0..5_000 {
        house.refuses(&format!("name-{number}"));
    }
    house.ends().await;
    let told = house.told().await;
    assert_eq!(told.len(), 5_000);
    assert_eq!((told[0].as_str(), told[4_999].as_str()), ("name-4999", "name-0"), "newest first, and in order");
    assert_eq!(house.metrics.total_lost(), 0);
    let again = AuditStore::open(&house.folder.path().join("audit.db"), &AuditSettings::default()).await.unwrap();
    assert_eq!(again.count(), 5_000);
}

#[tokio::test]
async fn what_is_too_much_at_once_is_in_the_log_and_counted_and_the_store_says_how_many() {
    let paper = LogCapture::new();
    let log = tracing_subscriber::fmt().with_writer(paper.clone()).with_ansi(false).finish();
    let _log = tracing::subscriber::set_default(log);
    let mut house = AuditFixture::new().await;
    // On this one thread the writer has no turn in between.
    for number in 0..QUEUE_CAPACITY + 3 {
        house.says(&format!("page-{number}"));
    }
    assert_eq!(house.metrics.total_lost(), 3);
    house.ends().await;
    assert_eq!(house.kept().await.len(), QUEUE_CAPACITY + 1);
    assert!(house.told().await.contains(&"3 could not be kept here; the log has them".to_owned()));
    let text = paper.text();
    assert!(text.contains(&format!("page-{}", QUEUE_CAPACITY + 2)), "the log has them");
    assert_eq!(text.matches("takes no events").count(), 1, "it is said once");
    assert!(text.contains("takes events again"));
}

#[tokio::test]
async fn a_flood_of_what_is_refused_leaves_places_for_what_members_do() {
    let mut house = AuditFixture::new().await;
    for number in 0..QUEUE_CAPACITY * 2 {
        house.refuses(&format!("eve-{number}"));
    }
    house.says("a member's");
    house.ends().await;
    let told = house.told().await;
    assert!(told.contains(&"a member's".to_owned()) && told.len() <= QUEUE_CAPACITY, "{}", told.len());
    assert!(house.metrics.total_lost() >= u64::try_from(QUEUE_CAPACITY).unwrap());
}

#[tokio::test]
async fn a_store_that_fails_costs_the_log_nothing() {
    let paper = LogCapture::new();
    let log = tracing_subscriber::fmt().with_writer(paper.clone()).with_ansi(false).finish();
    let _log = tracing::subscriber::set_default(log);
    let mut house = AuditFixture::new().await;
    house.store.close().await;
    house.refuses("alice");
    house.refuses("bob");
    house.ends().await;
    assert_eq!(house.metrics.total_lost(), 2);
    let text = paper.text();
    assert!(text.contains("who=\"alice\"") && text.contains("who=\"bob\""), "{text}");
    assert_eq!(text.matches("takes no events").count(), 1, "{text}");
    house.refuses("carol");
    assert!(paper.text().contains("who=\"carol\""), "after the end, too");
}

#[tokio::test]
async fn what_is_older_than_the_setting_is_forgotten() {
    let house = AuditFixture::keeping(AuditSettings { keep: Duration::from_hours(48), most_rows: 100 }).await;
    house.says("old");
    until(&house, |told| told == ["old"]).await;
    house.clock.advance(Duration::from_hours(47));
    house.says("new");
    until(&house, |told| told == ["new", "old"]).await;
    house.clock.advance(Duration::from_hours(2));
    // The row goes before the count.
    until(&house, |told| told == ["new"] && house.store.count() == 1).await;
}

#[tokio::test]
async fn when_there_is_too_much_what_strangers_caused_goes_before_what_members_did() {
    let mut house = AuditFixture::keeping(AuditSettings { keep: Duration::from_hours(48), most_rows: 4 }).await;
    house.says("first");
    for number in 0..3 {
        house.refuses(&format!("eve-{number}"));
    }
    house.says("second");
    house.refuses("eve-3");
    house.ends().await;
    assert!(house.store.sweep(START).await.unwrap());
    assert_eq!(house.told().await, ["eve-3", "second", "eve-2", "first"]);
    // And when nothing that was refused is left, the oldest.
    house.store.append(&(0..5).map(|_| said("third")).collect::<Vec<_>>()).await.unwrap();
    assert!(house.store.sweep(START).await.unwrap());
    assert_eq!(house.told().await, ["third"; 4]);
    assert_eq!(house.store.count(), 4);
}

#[tokio::test]
async fn a_flood_does_not_make_the_store_larger_than_it_may_be() {
    let mut house = AuditFixture::keeping(AuditSettings { keep: Duration::from_hours(48), most_rows: 2_000 }).await;
    house.says("before");
    for round in 0..10 {
        for number in 0..1_000 {
            house.refuses(&format!("eve-{round}-{number}"));
        }
        // No time passes: the writer looks at the number by itself.
        until(&house, |told| told.first().is_some_and(|told| *told == format!("eve-{round}-999"))).await;
        assert!(house.store.count() < 2_000 + 2 * 1_000, "{}", house.store.count());
    }
    house.ends().await;
    assert!(house.told().await.contains(&"before".to_owned()));
}

fn said(what: &str) -> QueuedEvent {
    QueuedEvent {
        at: START,
        fields: AuditFields::from_event(&AuditEvent::PagesReloaded { what }),
        address: None,
        user_agent: None,
    }
}

/// Waits until what is kept is as it must become.
async fn until(house: &AuditFixture, right: impl Fn(&[String]) -> bool) {
    let patience = tokio::time::timeout(Duration::from_secs(20), async {
        while !right(&house.told().await) {
            tokio::task::yield_now().await;
        }
    });
    patience.await.expect("it comes to be so");
}
