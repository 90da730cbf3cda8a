#![allow(clippy::unwrap_used)]

use super::super::fold::{FOLD_WINDOW, MAX_NETWORK_ROWS, MAX_ROWS_PER_HOLDER, MAX_STRANGER_ROWS};
use super::super::queue::QUEUE_CAPACITY;
use super::super::sqlite::SqliteAudit;
use super::super::{AuditCursor, AuditRecord, AuditSearch, AuditStore};
use std::sync::atomic::AtomicBool;

use tokio::sync::watch;

use super::*;
use crate::audit::log_capture::LogCapture;
use crate::config::AuditSettings;
use crate::domain::{
    Client, Credential, EndReason, ManualClock, Member, Person, PersonId, RootCredential, SessionId, TokenId, Visitor,
};
use crate::telemetry::Metrics;

const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);

/// A millisecond less than a window.
const ALMOST_A_WINDOW: Duration = Duration::from_millis(299_999);

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
        Self::within(trail, folder)
    }

    fn within(trail: AuditTrail, folder: tempfile::TempDir) -> Self {
        let (metrics, clock) = (Metrics::new().audit(), Arc::new(ManualClock::at(START)));
        let (audit, writer) = Audit::with_trail(trail.clone(), metrics.clone(), clock.clone());
        Self { audit, writer: Some(writer), trail, metrics, clock, folder }
    }

    async fn new() -> Self {
        Self::keeping(AuditSettings::default()).await
    }

    /// Somebody's wrong password.
    fn refuses(&self, name: &str) {
        self.refuses_from(name, "192.0.2.7");
    }

    fn refuses_from(&self, name: &str, address: &str) {
        let event = AuditEvent::SignInRefused { name, reason: "wrong-credentials", directory_code: None, retry_after: None };
        self.audit.record(&Client::new(address.parse().ok(), Some("Browser/1")), &event);
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
        fixture.says(&format!("page-{number}"));
    }
    fixture.ends().await;
    let told = fixture.told().await;
    assert_eq!(told.len(), 5_000);
    assert_eq!((told[0].as_str(), told[4_999].as_str()), ("page-4999", "page-0"), "newest first, and in order");
    assert_eq!(fixture.metrics.total_lost(), 0);
    let again = AuditTrail::open(&fixture.folder.path().join("audit.db"), &AuditSettings::default()).await.unwrap();
    assert_eq!(again.count().await.unwrap(), 5_000);
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
        fixture.refuses_from(&format!("eve-{number}"), &format!("10.{}.{}.1", number / 256, number % 256));
    }
    fixture.says("a member's");
    fixture.ends().await;
    let kept = fixture.kept().await;
    assert_eq!(kept[0].detail.as_deref(), Some("a member's"));
    assert_eq!(kept.len(), MAX_STRANGER_ROWS + MAX_NETWORK_ROWS + 2);
    assert_eq!(kept.iter().map(|record| record.count).sum::<i64>(), i64::try_from(QUEUE_CAPACITY * 2 + 1).unwrap());
    assert_eq!(fixture.metrics.total_lost(), 0);
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

/// A store that takes nothing while it is down, and tells how often it was asked to.
struct FalteringStore {
    store: SqliteAudit,
    is_down: AtomicBool,
    refusals: watch::Sender<usize>,
}

impl FalteringStore {
    /// An audit whose store is down.
    async fn fixture() -> (AuditFixture, Arc<Self>) {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteAudit::open(&folder.path().join("audit.db")).await.unwrap();
        let store = Arc::new(Self { store, is_down: AtomicBool::new(true), refusals: watch::Sender::default() });
        (AuditFixture::within(AuditTrail::new(store.clone(), &AuditSettings::default()), folder), store)
    }

    fn refuse_if_down(&self) -> Result<(), StoreError> {
        if !self.is_down.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.refusals.send_modify(|refusals| *refusals += 1);
        Err(StoreError::Hashing("it is down".to_owned()))
    }

    async fn has_refused(&self, times: usize) {
        let mut refusals = self.refusals.subscribe();
        tokio::time::timeout(Duration::from_secs(20), refusals.wait_for(|refusals| *refusals >= times)).await.unwrap().unwrap();
    }
}

#[async_trait::async_trait]
impl AuditStore for FalteringStore {
    async fn append(&self, batch: &[AuditEntry]) -> Result<(), StoreError> {
        self.refuse_if_down()?;
        self.store.append(batch).await
    }

    async fn set_repeats(&self, repeats: &[Repeats]) -> Result<(), StoreError> {
        self.refuse_if_down()?;
        self.store.set_repeats(repeats).await
    }

    async fn search(
        &self,
        search: &AuditSearch,
        after: Option<AuditCursor>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        self.store.search(search, after, limit).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.store.count().await
    }

    async fn delete_before(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.store.delete_before(before, limit).await
    }

    async fn delete_surplus(&self, most_rows: u64, limit: u64) -> Result<u64, StoreError> {
        self.store.delete_surplus(most_rows, limit).await
    }

    async fn close(&self) {
        self.store.close().await;
    }
}

#[tokio::test]
async fn a_store_that_is_down_for_a_while_has_everything_afterwards() {
    let (mut fixture, store) = FalteringStore::fixture().await;
    fixture.says("first");
    store.has_refused(1).await;
    for _ in 0..3 {
        fixture.refuses("eve");
    }
    for number in 0..QUEUE_CAPACITY - 1 {
        fixture.says(&format!("page-{number}"));
    }
    fixture.clock.advance(RETRY_INTERVAL);
    store.has_refused(2).await;
    store.is_down.store(false, Ordering::SeqCst);
    fixture.clock.advance(RETRY_INTERVAL);
    until(&fixture, |told| told.len() == QUEUE_CAPACITY + 1).await;
    // Repeats of what was written meanwhile wait likewise.
    store.is_down.store(true, Ordering::SeqCst);
    fixture.refuses("eve");
    fixture.clock.advance(REPEATS_INTERVAL);
    store.has_refused(3).await;
    store.is_down.store(false, Ordering::SeqCst);
    fixture.ends().await;
    let kept = fixture.kept().await;
    assert_eq!(kept.iter().find(|record| record.who.as_deref() == Some("eve")).map(|record| record.count), Some(4));
    assert_eq!((kept.len(), fixture.metrics.total_lost()), (QUEUE_CAPACITY + 1, 0));
}

#[tokio::test]
async fn what_a_store_does_not_take_for_long_is_lost_to_it_and_it_says_how_much() {
    let (mut fixture, store) = FalteringStore::fixture().await;
    fixture.says("first");
    store.has_refused(1).await;
    fixture.clock.advance(RETRY_TIME);
    store.has_refused(2).await;
    store.is_down.store(false, Ordering::SeqCst);
    fixture.says("second");
    until(&fixture, |told| told.contains(&"1 could not be kept here; the log has them".to_owned())).await;
    assert_eq!(fixture.metrics.total_lost(), 1);
    fixture.ends().await;
    assert!(fixture.told().await.contains(&"second".to_owned()));
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
    until(&fixture, |told| told == ["new"]).await;
    assert_eq!(fixture.trail.count().await.unwrap(), 1);
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
    assert_eq!(fixture.trail.count().await.unwrap(), 4);
}

#[tokio::test]
async fn a_flood_does_not_make_the_store_larger_than_it_may_be() {
    let mut fixture = AuditFixture::keeping(AuditSettings { keep: Duration::from_hours(48), most_rows: 1_000 }).await;
    fixture.says("before");
    for round in 0..10 {
        fixture.clock.advance(FOLD_WINDOW);
        for number in 0..500 {
            fixture.refuses_from(&format!("eve-{round}-{number}"), &format!("10.{round}.{}.{}", number / 250, number % 250));
        }
        until(&fixture, |told| told.first().is_some_and(|told| *told == format!("eve-{round}-499"))).await;
        let count = fixture.trail.count().await.unwrap();
        assert!(count < 1_000 + 2 * 500, "{count}");
    }
    fixture.ends().await;
    assert!(fixture.told().await.contains(&"before".to_owned()));
}

fn person(name: &str) -> Person {
    Person { id: PersonId::new(format!("id:{name}")), ..Person::named(name) }
}

#[tokio::test]
async fn what_is_done_again_and_again_is_one_row_and_two_lines_with_a_count() {
    let capture = LogCapture::new();
    let log = tracing_subscriber::fmt().with_writer(capture.clone()).with_ansi(false).finish();
    let _log = tracing::subscriber::set_default(log);
    let mut fixture = AuditFixture::new().await;
    let member = Member::signed_in(SessionId::new(7), person("alice"));
    let credential = Credential { root: RootCredential::Token(TokenId::new(3)), ..member.credential };
    let script = Member { credential, ..member };
    fixture.says("what an admin did");
    for _ in 0..2_141 {
        fixture.audit.record(&Client::new("192.0.2.7".parse().ok(), None), &AuditEvent::SignedTokenMade { member: &script });
    }
    let kept = fixture.kept().await;
    assert_eq!(kept.iter().map(|record| record.count).collect::<Vec<_>>(), [2_141, 1], "counted while it goes on");
    assert_eq!(capture.text().matches("signed-token-made").count(), 1);
    fixture.clock.advance(ALMOST_A_WINDOW);
    fixture.audit.record(&Client::new("192.0.2.7".parse().ok(), None), &AuditEvent::SignedTokenMade { member: &script });
    fixture.clock.advance(Duration::from_millis(1));
    fixture.audit.record(&Client::new("192.0.2.7".parse().ok(), None), &AuditEvent::SignedTokenMade { member: &script });
    fixture.ends().await;
    let kept = fixture.kept().await;
    assert_eq!(kept.iter().map(|record| record.count).collect::<Vec<_>>(), [1, 2_142, 1], "another window, another row");
    assert_eq!((kept[1].at, kept[1].last_at()), (START, START + ALMOST_A_WINDOW));
    let text = capture.text();
    assert_eq!(text.matches("signed-token-made").count(), 3, "{text}");
    assert!(text.contains("count=2142 first_at=\"2026-11-22T00:58:46.976Z\" last_at=\"2026-11-22T01:03:46.975Z\""), "{text}");
    fixture.audit.record(&Client::new("192.0.2.7".parse().ok(), None), &AuditEvent::SignedTokenMade { member: &script });
    assert_eq!(capture.text().matches("signed-token-made").count(), 4, "after the end every event is a line");
}

/// All events that a stranger, or whoever has one password or token, can cause as often as they like, the `number`-th of each.
fn floods(number: u64, eve: &Person) -> Vec<AuditEvent<'static>> {
    let name: &'static str = Box::leak(format!("name-{number}").into_boxed_str());
    let page: &'static crate::domain::PageSlug = Box::leak(Box::new(name.parse().unwrap()));
    let eve: &'static Person = Box::leak(Box::new(eve.clone()));
    let session = SessionId::new(number.into());
    let member: &'static Member = Box::leak(Box::new(Member::signed_in(session, eve.clone())));
    let visitor: &'static Visitor = Box::leak(Box::new(Visitor::from(member.clone())));
    let token = TokenId::new(i64::try_from(number).unwrap());
    let (reason, directory_code, retry_after) = ("throttled", None, Some(Duration::from_secs(number)));
    vec![
        AuditEvent::SignInRefused { name, reason, directory_code, retry_after },
        AuditEvent::PasswordChangeRefused { name, reason, directory_code, retry_after },
        AuditEvent::ProofRefused { name, reason, directory_code, retry_after },
        AuditEvent::AuthorizationRefused { reason },
        AuditEvent::InvitationRefused { reason },
        AuditEvent::PageRefused { visitor: &Visitor::Anonymous, page },
        AuditEvent::ForgeryRefused { visitor: &Visitor::Anonymous, reason },
        AuditEvent::SignedIn { person: eve, session },
        AuditEvent::SignedOut { person: eve, session },
        AuditEvent::SessionEnded { person: eve, session, reason: EndReason::Revoked },
        AuditEvent::SessionEndedBy { person: eve, session, by: member },
        AuditEvent::ProvedAgain { person: eve, session },
        AuditEvent::PasswordChanged { name, person: &eve.id },
        AuditEvent::PasswordAccepted { person: eve },
        AuditEvent::TokenMade { person: eve, token },
        AuditEvent::TokenUsed { person: eve, token },
        AuditEvent::TokenEnded { person: eve, token, reason: EndReason::Revoked },
        AuditEvent::SignedTokenMade { member },
        AuditEvent::PageRefused { visitor, page },
        AuditEvent::ForgeryRefused { visitor, reason },
        AuditEvent::SecondFactorAsked { person: eve },
        AuditEvent::SecondFactorShown { person: eve, factor: "app" },
        AuditEvent::SecondFactorRefused { person: eve, reason, retry_after },
        AuditEvent::FactorAdded { person: eve, factor: "app" },
        AuditEvent::FactorRemoved { person: eve, factor: "app" },
        AuditEvent::RecoveryCodesMade { person: eve },
    ]
}

#[tokio::test]
async fn no_kind_of_event_can_be_caused_without_bound_however_it_varies() {
    let mut fixture = AuditFixture::new().await;
    let eve = person("eve");
    let kinds = floods(0, &eve).len();
    for number in 0..1_000 {
        for event in floods(number, &eve) {
            // From as many links of one site as there are tries.
            let client = Client::new(format!("2001:db8:0:{number:x}::1").parse().ok(), Some(&format!("Browser/{number}")));
            fixture.audit.record(&client, &event);
        }
        tokio::task::yield_now().await;
    }
    fixture.ends().await;
    let kept = fixture.kept().await;
    let mut rows = std::collections::HashMap::new();
    for record in &kept {
        *rows.entry((record.event.clone(), record.person.is_some())).or_insert(0) += 1;
    }
    for ((event, is_person), rows) in rows {
        let bound = if is_person { MAX_ROWS_PER_HOLDER + 1 } else { 4 * MAX_ROWS_PER_HOLDER + 1 };
        assert!(rows <= bound, "{event}: {rows} rows");
    }
    let counted: i64 = kept.iter().map(|record| record.count).sum();
    assert_eq!(counted + i64::try_from(fixture.metrics.total_lost()).unwrap(), i64::try_from(kinds * 1_000).unwrap());
    assert_eq!(fixture.metrics.total_lost(), 0);
}

#[tokio::test]
async fn what_may_have_been_a_guess_is_in_the_log_whatever_flood_hides_its_row() {
    let capture = LogCapture::new();
    let log = tracing_subscriber::fmt().with_writer(capture.clone()).with_ansi(false).finish();
    let _log = tracing::subscriber::set_default(log);
    let mut fixture = AuditFixture::new().await;
    let refused = |name: &str, address: String, reason| {
        let event = AuditEvent::SignInRefused { name, reason, directory_code: None, retry_after: None };
        fixture.audit.record(&Client::new(address.parse().ok(), None), &event);
    };
    let address = |number: usize| format!("10.{}.{}.1", number / 256, number % 256);
    for number in 0..4_000 {
        refused("", address(number), "password-empty");
    }
    refused("alice", "192.0.2.7".to_owned(), "wrong-credentials");
    for number in 0..4_000 {
        refused(&format!("eve-{number}"), address(number), "wrong-credentials");
    }
    refused("bob", "192.0.2.8".to_owned(), "wrong-credentials");
    fixture.ends().await;
    let kept = fixture.kept().await;
    let alice = kept.iter().find(|record| record.who.as_deref() == Some("alice"));
    assert_eq!(alice.unwrap().address.as_deref(), Some("192.0.2.7"), "empty passwords take no rows of wrong ones");
    assert!(kept.len() < 2 * (MAX_STRANGER_ROWS + MAX_NETWORK_ROWS + 1) + 1, "{}", kept.len());
    let text = capture.text();
    for who in ["alice", "eve-3999", "bob"] {
        assert_eq!(text.matches(&format!("who=\"{who}\"")).count(), 1, "{who}");
    }
    assert!(text.contains("address=\"192.0.2.8\""));
}

fn reloaded(what: &str) -> AuditEntry {
    AuditEntry::for_test(START, &AuditEvent::PagesReloaded { what }, None, 0)
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
