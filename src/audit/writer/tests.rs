#![allow(clippy::unwrap_used)]

use super::super::queue::QUEUE_CAPACITY;
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
    trail: AuditTrail,
    metrics: AuditMetrics,
    clock: Arc<ManualClock>,
    folder: tempfile::TempDir,
}

impl AuditFixture {
    async fn keeping(settings: AuditSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let trail = AuditTrail::open(&folder.path().join("audit.db"), &settings).await.unwrap();
        let (metrics, clock) = (Metrics::new().audit(), Arc::new(ManualClock::at(START)));
        let (audit, writer) = Audit::with_trail(trail.clone(), metrics.clone(), clock.clone());
        Self { audit, writer: Some(writer), trail, metrics, clock, folder }
    }

    async fn new() -> Self {
        Self::keeping(AuditSettings::default()).await
    }

    /// Somebody's wrong password.
    fn refuses(&self, name: &str) {
        let event = AuditEvent::SignInRefused { name, reason: "wrong-credentials", directory_code: None, retry_after: None };
        self.audit.record(&Client::new("192.0.2.7".parse().ok(), Some("Browser/1")), &event);
    }

    fn says(&self, what: &str) {
        self.audit.record(&Client::default(), &AuditEvent::PagesReloaded { what });
    }

    /// Writes everything, and ends the writer.
    async fn ends(&mut self) {
        self.writer.take().unwrap().finish().await;
    }

    async fn kept(&self) -> Vec<AuditRecord> {
        self.trail.search(&AuditSearch::default(), None, 1_000_000).await.unwrap()
    }

    async fn told(&self) -> Vec<String> {
        self.kept().await.into_iter().map(|record| record.who.or(record.detail).unwrap_or(record.event)).collect()
    }
}

#[tokio::test]
async fn an_event_is_kept_with_all_that_the_log_says_of_it() {
    let mut fixture = AuditFixture::new().await;
    let event = AuditEvent::SignInRefused {
        name: "ali\nce",
        reason: "locked",
        directory_code: Some("775"),
        retry_after: Some(Duration::from_mins(1)),
    };
    fixture.audit.record(&Client::new("192.0.2.7".parse().ok(), Some("Browser/1")), &event);
    fixture.ends().await;
    let kept = fixture.kept().await.remove(0);
    assert_eq!((kept.at, kept.event.as_str(), kept.result.as_str()), (START, "sign-in-refused", "refused"));
    let texts = [kept.who, kept.reason, kept.directory_code, kept.address, kept.user_agent, kept.detail];
    let expected = [r"ali\u{a}ce", "locked", "775", "192.0.2.7", "Browser/1", "next try in 60 s"];
    assert_eq!(texts.map(Option::unwrap), expected);
}

#[tokio::test]
async fn what_waits_when_the_program_stops_is_written_first() {
    let mut fixture = AuditFixture::new().await;
    for number in 0..5_000 {
        fixture.refuses(&format!("name-{number}"));
    }
    fixture.ends().await;
    let told = fixture.told().await;
    assert_eq!(told.len(), 5_000);
    assert_eq!((told[0].as_str(), told[4_999].as_str()), ("name-4999", "name-0"), "newest first, and in order");
    assert_eq!(fixture.metrics.total_lost(), 0);
    let again = AuditTrail::open(&fixture.folder.path().join("audit.db"), &AuditSettings::default()).await.unwrap();
    assert_eq!(again.count(), 5_000);
}

#[tokio::test]
async fn what_is_too_much_at_once_is_in_the_log_and_counted_and_the_store_says_how_many() {
    let capture = LogCapture::new();
    let log = tracing_subscriber::fmt().with_writer(capture.clone()).with_ansi(false).finish();
    let _log = tracing::subscriber::set_default(log);
    let mut fixture = AuditFixture::new().await;
    // On this one thread the writer has no turn in between.
    for number in 0..QUEUE_CAPACITY + 3 {
        fixture.says(&format!("page-{number}"));
    }
    assert_eq!(fixture.metrics.total_lost(), 3);
    fixture.ends().await;
    assert_eq!(fixture.kept().await.len(), QUEUE_CAPACITY + 1);
    assert!(fixture.told().await.contains(&"3 could not be kept here; the log has them".to_owned()));
    let text = capture.text();
    assert!(text.contains(&format!("page-{}", QUEUE_CAPACITY + 2)), "the log has them");
    assert_eq!(text.matches("takes no events").count(), 1, "it is said once");
    assert!(text.contains("takes events again"));
}

#[tokio::test]
async fn a_flood_of_what_is_refused_leaves_places_for_what_members_do() {
    let mut fixture = AuditFixture::new().await;
    for number in 0..QUEUE_CAPACITY * 2 {
        fixture.refuses(&format!("eve-{number}"));
    }
    fixture.says("a member's");
    fixture.ends().await;
    let told = fixture.told().await;
    assert!(told.contains(&"a member's".to_owned()) && told.len() <= QUEUE_CAPACITY, "{}", told.len());
    assert!(fixture.metrics.total_lost() >= u64::try_from(QUEUE_CAPACITY).unwrap());
}

#[tokio::test]
async fn a_store_that_fails_costs_the_log_nothing() {
    let capture = LogCapture::new();
    let log = tracing_subscriber::fmt().with_writer(capture.clone()).with_ansi(false).finish();
    let _log = tracing::subscriber::set_default(log);
    let mut fixture = AuditFixture::new().await;
    fixture.trail.close().await;
    fixture.refuses("alice");
    fixture.refuses("bob");
    fixture.ends().await;
    assert_eq!(fixture.metrics.total_lost(), 2);
    let text = capture.text();
    assert!(text.contains("who=\"alice\"") && text.contains("who=\"bob\""), "{text}");
    assert_eq!(text.matches("takes no events").count(), 1, "{text}");
    fixture.refuses("carol");
    assert!(capture.text().contains("who=\"carol\""), "after the end, too");
}

#[tokio::test]
async fn what_is_older_than_the_setting_is_forgotten() {
    let fixture = AuditFixture::keeping(AuditSettings { keep: Duration::from_hours(48), most_rows: 100 }).await;
    fixture.says("old");
    until(&fixture, |told| told == ["old"]).await;
    fixture.clock.advance(Duration::from_hours(47));
    fixture.says("new");
    until(&fixture, |told| told == ["new", "old"]).await;
    fixture.clock.advance(Duration::from_hours(2));
    // The row goes before the count.
    until(&fixture, |told| told == ["new"] && fixture.trail.count() == 1).await;
}

#[tokio::test]
async fn when_there_is_too_much_what_strangers_caused_goes_before_what_members_did() {
    let mut fixture = AuditFixture::keeping(AuditSettings { keep: Duration::from_hours(48), most_rows: 4 }).await;
    fixture.says("first");
    for number in 0..3 {
        fixture.refuses(&format!("eve-{number}"));
    }
    fixture.says("second");
    fixture.refuses("eve-3");
    fixture.ends().await;
    assert!(fixture.trail.sweep(START).await.unwrap());
    assert_eq!(fixture.told().await, ["eve-3", "second", "eve-2", "first"]);
    // And when nothing that was refused is left, the oldest.
    fixture.trail.store().append(&(0..5).map(|_| reloaded("third")).collect::<Vec<_>>()).await.unwrap();
    assert!(fixture.trail.sweep(START).await.unwrap());
    assert_eq!(fixture.told().await, ["third"; 4]);
    assert_eq!(fixture.trail.count(), 4);
}

#[tokio::test]
async fn a_flood_does_not_make_the_store_larger_than_it_may_be() {
    let mut fixture = AuditFixture::keeping(AuditSettings { keep: Duration::from_hours(48), most_rows: 2_000 }).await;
    fixture.says("before");
    for round in 0..10 {
        for number in 0..1_000 {
            fixture.refuses(&format!("eve-{round}-{number}"));
        }
        // No time passes: the writer looks at the number by itself.
        until(&fixture, |told| told.first().is_some_and(|told| *told == format!("eve-{round}-999"))).await;
        assert!(fixture.trail.count() < 2_000 + 2 * 1_000, "{}", fixture.trail.count());
    }
    fixture.ends().await;
    assert!(fixture.told().await.contains(&"before".to_owned()));
}

fn reloaded(what: &str) -> AuditEntry {
    AuditEntry {
        at: START,
        fields: AuditFields::from_event(&AuditEvent::PagesReloaded { what }),
        address: None,
        user_agent: None,
    }
}

/// Waits until the store's events are `right`.
async fn until(fixture: &AuditFixture, right: impl Fn(&[String]) -> bool) {
    let waiting = tokio::time::timeout(Duration::from_secs(20), async {
        while !right(&fixture.told().await) {
            tokio::task::yield_now().await;
        }
    });
    waiting.await.expect("it comes to be so");
}
