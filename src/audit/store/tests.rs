#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::super::event::AuditEvent;
use super::super::postgres::PostgresAudit;
use super::super::sqlite::SqliteAudit;
use super::*;
use crate::store::tests::{TestEngine, on_both_engines};

pub(in crate::audit) const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);

struct AuditStoreFixture {
    store: Box<dyn AuditStore>,
    /// The store, as another process opens it.
    beside: Box<dyn AuditStore>,
    _engine: TestEngine,
}

impl AuditStoreFixture {
    async fn new(engine: TestEngine) -> Self {
        let (store, beside) = (open(&engine).await, open(&engine).await);
        Self { store, beside, _engine: engine }
    }
}

async fn open(engine: &TestEngine) -> Box<dyn AuditStore> {
    match engine {
        TestEngine::Embedded(_) => Box::new(SqliteAudit::open(&engine.file("audit.db")).await.unwrap()),
        TestEngine::Postgres(database) => Box::new(PostgresAudit::open(database).await.unwrap()),
    }
}

on_both_engines! { super::AuditStoreFixture::new:
    each_field_finds_its_events_and_all_of_them_together
    pages_follow_each_other_without_gaps_even_within_one_moment
    repeats_are_added_to_their_row_and_found_by_the_last_of_them
    repeats_of_a_row_that_is_gone_bring_it_back
    nobody_s_events_push_out_another_s
    what_others_write_counts
}

pub(in crate::audit) fn refused(name: &str, address: &str, second: u64) -> AuditEntry {
    let event = AuditEvent::SignInRefused { name, reason: "locked", directory_code: None, retry_after: None };
    AuditEntry::for_test(START + Duration::from_secs(second), &event, Some(address), second)
}

pub(in crate::audit) fn reloaded(second: u64) -> AuditEntry {
    AuditEntry::for_test(START + Duration::from_secs(second), &AuditEvent::PagesReloaded { what: "added ops" }, None, second)
}

fn texts(search: &AuditSearch, records: &[AuditRecord]) -> Vec<String> {
    let text = |record: &AuditRecord| format!("{} {}", record.event, record.who.as_deref().unwrap_or("-"));
    assert!(records.iter().all(|record| search.from.is_none_or(|from| record.at >= from)));
    records.iter().map(text).collect()
}

/// Searches by each field, and by several.
pub(in crate::audit) fn searches() -> Vec<AuditSearch> {
    let text = || Some("x".to_owned());
    vec![
        AuditSearch::default(),
        AuditSearch { who: text(), ..AuditSearch::default() },
        AuditSearch { realm: text(), ..AuditSearch::default() },
        AuditSearch { event: text(), ..AuditSearch::default() },
        AuditSearch { result: text(), ..AuditSearch::default() },
        AuditSearch { address: "192.0.2.1".parse().ok(), ..AuditSearch::default() },
        AuditSearch { from: Some(START), until: Some(START), ..AuditSearch::default() },
        AuditSearch { who: text(), event: text(), result: text(), from: Some(START), ..AuditSearch::default() },
    ]
}

async fn each_field_finds_its_events_and_all_of_them_together(fixture: AuditStoreFixture) {
    let store = fixture.store;
    let all = [
        refused("Alice", "192.0.2.1", 1),
        refused("bob", "192.0.2.2", 2),
        reloaded(3),
        refused("alice", "192.0.2.2", 4),
        refused("ev\ne", "2001:db8::1", 5),
    ];
    store.append(&all).await.unwrap();
    let at = |second| Some(START + Duration::from_secs(second));
    let address = |text: &str| text.parse().ok();
    let text = |text: &str| Some(text.to_owned());
    for (search, expected) in [
        (AuditSearch { who: text("ALICE"), ..AuditSearch::default() }, vec!["sign-in-refused alice", "sign-in-refused Alice"]),
        (AuditSearch { who: text("ali"), ..AuditSearch::default() }, vec![]),
        (AuditSearch { who: text("ev\ne"), ..AuditSearch::default() }, vec![r"sign-in-refused ev\u{a}e"]),
        (AuditSearch { who: text("' OR 1=1 --"), ..AuditSearch::default() }, vec![]),
        (AuditSearch { event: text("pages-reloaded"), ..AuditSearch::default() }, vec!["pages-reloaded -"]),
        (AuditSearch { result: text("ok"), ..AuditSearch::default() }, vec!["pages-reloaded -"]),
        (
            AuditSearch { address: address("::ffff:192.0.2.2"), ..AuditSearch::default() },
            vec!["sign-in-refused alice", "sign-in-refused bob"],
        ),
        (
            AuditSearch { from: at(3), until: at(5), ..AuditSearch::default() },
            vec!["sign-in-refused alice", "pages-reloaded -"],
        ),
        (
            AuditSearch {
                who: text("alice"),
                event: text("sign-in-refused"),
                result: text("refused"),
                address: address("192.0.2.1"),
                from: at(0),
                until: at(2),
                realm: None,
            },
            vec!["sign-in-refused Alice"],
        ),
    ] {
        let found = store.search(&search, None, 100).await.unwrap();
        assert_eq!(texts(&search, &found), expected, "{search:?}");
    }
}

/// The entries with numbers of their own, as their writer gives them.
fn numbered(mut entries: Vec<AuditEntry>) -> Vec<AuditEntry> {
    for (entry, number) in entries.iter_mut().zip(1..) {
        entry.sequence = number;
    }
    entries
}

async fn pages_follow_each_other_without_gaps_even_within_one_moment(fixture: AuditStoreFixture) {
    let store = fixture.store;
    let all: Vec<_> = (0..25).map(|number| refused(&format!("name-{number}"), "192.0.2.1", number / 10)).collect();
    store.append(&numbered(all)).await.unwrap();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.search(&AuditSearch::default(), after, 4).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.cursor());
        seen.extend(page.iter().map(|record| record.who.clone().unwrap()));
        // What happens meanwhile is newer, and moves nothing.
        let second = 100 + u64::try_from(seen.len()).unwrap();
        store.append(&[refused("later", "192.0.2.9", second)]).await.unwrap();
    }
    let expected: Vec<_> = (0..25).rev().map(|number| format!("name-{number}")).collect();
    assert_eq!(seen, expected);
}

async fn repeats_are_added_to_their_row_and_found_by_the_last_of_them(fixture: AuditStoreFixture) {
    let store = fixture.store;
    store.append(&[refused("alice", "192.0.2.1", 1), refused("bob", "192.0.2.1", 2)]).await.unwrap();
    let (at, last_at) = (START + Duration::from_secs(2), START + Duration::from_mins(1));
    let bob = refused("bob", "192.0.2.1", 2);
    store.set_repeats(&[Repeats { first: bob, added: 6, count: 7, last_at }]).await.unwrap();
    let late = AuditSearch { from: Some(START + Duration::from_secs(30)), ..AuditSearch::default() };
    let found = store.search(&late, None, 9).await.unwrap();
    assert_eq!(texts(&AuditSearch::default(), &found), ["sign-in-refused bob"]);
    assert_eq!((found[0].count, found[0].at, found[0].last_at()), (7, at, last_at));
}

async fn repeats_of_a_row_that_is_gone_bring_it_back(fixture: AuditStoreFixture) {
    let store = fixture.store;
    let repeats = |name: &str, second| {
        let (first, last_at) = (refused(name, "192.0.2.1", second), START + Duration::from_mins(1));
        Repeats { first, added: 6, count: 7, last_at }
    };
    // Alice's made room for others, and those after it never reached the store.
    store.append(&[refused("alice", "192.0.2.1", 1)]).await.unwrap();
    assert_eq!(store.delete_surplus(0, 1).await.unwrap(), 1);
    let mut all = vec![repeats("alice", 1)];
    all.extend((2..1_100).map(|second| repeats("bob", second)));
    store.set_repeats(&all).await.unwrap();
    let found = store.search(&AuditSearch::default(), None, 2_000).await.unwrap();
    assert_eq!((found.len(), store.count().await.unwrap()), (1_099, 1_099));
    assert!(found.iter().all(|record| record.count == 7 && record.last_at() == START + Duration::from_mins(1)));
    let alice = found.last().unwrap();
    assert_eq!((alice.who.as_deref(), alice.at), (Some("alice"), START + Duration::from_secs(1)));
}

async fn nobody_s_events_push_out_another_s(fixture: AuditStoreFixture) {
    let store = fixture.store;
    let person = |name: &str| crate::domain::Person {
        id: crate::domain::PersonId::new(format!("id:{name}")),
        ..crate::domain::Person::named(name)
    };
    let (alice, eve) = (person("alice"), person("eve"));
    let accepted = |person, second| {
        AuditEntry::for_test(START + Duration::from_secs(second), &AuditEvent::PasswordAccepted { person }, None, second)
    };
    let mut batch = vec![accepted(&alice, 0), reloaded(0), refused("alice", "192.0.2.1", 0), refused("x", "2001:db8::1", 1)];
    batch.extend((1..40).map(|second| accepted(&eve, second)));
    // From many links of one site.
    batch.extend((1..40).map(|second| refused("y", &format!("2001:db8:0:{second:x}::1"), second)));
    store.append(&numbered(batch)).await.unwrap();
    while store.count().await.unwrap() > 12 {
        assert_eq!(store.delete_surplus(12, 1).await.unwrap(), 1);
        let left = store.search(&AuditSearch::default(), None, 100).await.unwrap();
        let has = |event: &str, who: Option<&str>| left.iter().any(|row| row.event == event && row.who.as_deref() == who);
        assert!(has("password-accepted", Some("alice")) && has("pages-reloaded", None), "{left:?}");
        assert!(left.iter().any(|row| row.address.as_deref() == Some("192.0.2.1")), "another network's: {left:?}");
        let strangers = left.iter().filter(|row| row.event == "sign-in-refused").count();
        assert!(strangers >= left.len() / 4, "the traces of strangers: {strangers} of {}", left.len());
    }
}

async fn what_others_write_counts(AuditStoreFixture { store, beside, _engine }: AuditStoreFixture) {
    let rows = |of: &str| (0..200).map(|second| refused(&format!("{of}-{second}"), "192.0.2.1", second)).collect::<Vec<_>>();
    let (one, other) = (rows("one"), rows("other"));
    let (first, second) = tokio::join!(store.append(&one), beside.append(&other));
    assert!(first.is_ok() && second.is_ok());
    assert_eq!((store.count().await.unwrap(), beside.count().await.unwrap()), (400, 400));
    let (old, older) = (START + Duration::from_secs(50), START);
    let (deleted, nothing) = tokio::join!(store.delete_before(old, 10), beside.delete_before(older, 10));
    assert_eq!((deleted.unwrap(), nothing.unwrap(), beside.count().await.unwrap()), (10, 0, 390));
    assert_eq!(beside.delete_surplus(300, 1_000).await.unwrap(), 90);
    assert_eq!(store.delete_surplus(300, 1_000).await.unwrap(), 0, "whoever comes second finds nothing that is too much");
}
