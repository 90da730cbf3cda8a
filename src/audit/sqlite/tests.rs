#![allow(clippy::unwrap_used)]

use super::super::event::AuditEvent;
use super::*;

const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);

async fn store() -> (SqliteAudit, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (SqliteAudit::open(&folder.path().join("audit.db")).await.unwrap(), folder)
}

fn refused(name: &str, address: &str, second: u64) -> AuditEntry {
    let event = AuditEvent::SignInRefused { name, reason: "locked", directory_code: None, retry_after: None };
    AuditEntry::for_test(START + Duration::from_secs(second), &event, Some(address), second)
}

fn reloaded(second: u64) -> AuditEntry {
    AuditEntry::for_test(START + Duration::from_secs(second), &AuditEvent::PagesReloaded { what: "added ops" }, None, second)
}

fn texts(search: &AuditSearch, records: &[AuditRecord]) -> Vec<String> {
    let text = |record: &AuditRecord| format!("{} {}", record.event, record.who.as_deref().unwrap_or("-"));
    assert!(records.iter().all(|record| search.from.is_none_or(|from| record.at >= from)));
    records.iter().map(text).collect()
}

#[tokio::test]
async fn each_field_finds_its_events_and_all_of_them_together() {
    let (store, _folder) = store().await;
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

#[tokio::test]
async fn pages_follow_each_other_without_gaps_even_within_one_moment() {
    let (store, _folder) = store().await;
    let all: Vec<_> = (0..25).map(|number| refused(&format!("name-{number}"), "192.0.2.1", number / 10)).collect();
    store.append(&all).await.unwrap();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.search(&AuditSearch::default(), after, 4).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.cursor());
        seen.extend(page.iter().map(|record| record.who.clone().unwrap()));
        // What happens meanwhile is newer, and moves nothing.
        store.append(&[refused("later", "192.0.2.9", 100)]).await.unwrap();
    }
    let expected: Vec<_> = (0..25).rev().map(|number| format!("name-{number}")).collect();
    assert_eq!(seen, expected);
}

/// Searching a million events is as quick as searching a hundred.
#[tokio::test]
async fn every_search_is_read_off_an_index_and_nothing_is_sorted() {
    let (store, _folder) = store().await;
    let text = || Some("x".to_owned());
    let searches = [
        AuditSearch::default(),
        AuditSearch { who: text(), ..AuditSearch::default() },
        AuditSearch { realm: text(), ..AuditSearch::default() },
        AuditSearch { event: text(), ..AuditSearch::default() },
        AuditSearch { result: text(), ..AuditSearch::default() },
        AuditSearch { address: "192.0.2.1".parse().ok(), ..AuditSearch::default() },
        AuditSearch { from: Some(START), until: Some(START), ..AuditSearch::default() },
        AuditSearch { who: text(), event: text(), result: text(), from: Some(START), ..AuditSearch::default() },
    ];
    for search in searches {
        for after in [None, Some(AuditCursor { at: START, id: 7 })] {
            let statement = statement(&search, after, 100);
            let explained = format!("EXPLAIN QUERY PLAN {}", statement.sql().as_str());
            let plan: Vec<(i64, i64, i64, String)> =
                sqlx::query_as(sqlx::AssertSqlSafe(explained)).fetch_all(store.store.pool()).await.unwrap();
            let plan: String = plan.into_iter().map(|(.., step)| step).collect();
            assert!(plan.contains("USING INDEX") && !plan.contains("TEMP B-TREE"), "{search:?} {after:?}: {plan}");
        }
    }
}

#[tokio::test]
async fn a_session_that_was_a_number_is_still_told() {
    let (store, _folder) = store().await;
    store.append(&[reloaded(1)]).await.unwrap();
    store.store.execute(sqlx::query("UPDATE events SET session = 7")).await.unwrap();
    let found = store.search(&AuditSearch::default(), None, 9).await.unwrap();
    assert_eq!(found[0].session.as_deref(), Some("7"));
}

#[tokio::test]
async fn rows_from_before_there_were_repeats_are_read_and_make_room() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.db");
    let before = Migrator { migrations: MIGRATIONS.migrations[..2].to_vec().into(), ..Migrator::DEFAULT };
    let old = SqliteStore::open(&path, KIND, &before).await.unwrap();
    let rows = "INSERT INTO events (at, event, result, who, person, address) VALUES
        (1, 'sign-in-refused', 'refused', 'eve', NULL, '192.0.2.1'), (2, 'signed-in', 'ok', 'alice', 'id:1', '192.0.2.2'),
        (3, 'admin-acted', 'ok', 'grace', 'id:2', NULL), (4, 'started', 'ok', NULL, NULL, NULL)";
    old.execute(sqlx::query(rows)).await.unwrap();
    old.close().await;
    let store = SqliteAudit::open(&path).await.unwrap();
    let found = store.search(&AuditSearch::default(), None, 9).await.unwrap();
    assert!(found.iter().all(|record| record.count == 1 && record.last_at() == record.at), "{found:?}");
    for expected in [vec!["started", "admin-acted", "sign-in-refused"], vec!["started", "admin-acted"]] {
        store.delete_surplus(1).await.unwrap();
        let found = store.search(&AuditSearch::default(), None, 9).await.unwrap();
        assert_eq!(found.iter().map(|record| record.event.as_str()).collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn repeats_are_added_to_their_row_and_found_by_the_last_of_them() {
    let (store, _folder) = store().await;
    store.append(&[refused("alice", "192.0.2.1", 1), refused("bob", "192.0.2.1", 2)]).await.unwrap();
    let (at, last_at) = (START + Duration::from_secs(2), START + Duration::from_mins(1));
    let bob = refused("bob", "192.0.2.1", 2);
    store.set_repeats(&[Repeats { first: bob, added: 6, count: 7, last_at }]).await.unwrap();
    let late = AuditSearch { from: Some(START + Duration::from_secs(30)), ..AuditSearch::default() };
    let found = store.search(&late, None, 9).await.unwrap();
    assert_eq!(texts(&AuditSearch::default(), &found), ["sign-in-refused bob"]);
    assert_eq!((found[0].count, found[0].at, found[0].last_at()), (7, at, last_at));
}

#[tokio::test]
async fn repeats_of_a_row_that_is_gone_bring_it_back() {
    let (store, _folder) = store().await;
    let repeats = |name: &str, second| {
        let (first, last_at) = (refused(name, "192.0.2.1", second), START + Duration::from_mins(1));
        Repeats { first, added: 6, count: 7, last_at }
    };
    // Alice's made room for others, and those after it never reached the store.
    store.append(&[refused("alice", "192.0.2.1", 1)]).await.unwrap();
    assert_eq!(store.delete_surplus(1).await.unwrap(), 1);
    let mut all = vec![repeats("alice", 1)];
    all.extend((2..1_100).map(|second| repeats("bob", second)));
    store.set_repeats(&all).await.unwrap();
    let found = store.search(&AuditSearch::default(), None, 2_000).await.unwrap();
    assert_eq!((found.len(), store.count()), (1_099, 1_099));
    assert!(found.iter().all(|record| record.count == 7 && record.last_at() == START + Duration::from_mins(1)));
    let alice = found.last().unwrap();
    assert_eq!((alice.who.as_deref(), alice.at), (Some("alice"), START + Duration::from_secs(1)));
}

#[tokio::test]
async fn nobody_s_events_push_out_another_s() {
    let (store, _folder) = store().await;
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
    store.append(&batch).await.unwrap();
    while store.count() > 12 {
        store.delete_surplus(1).await.unwrap();
        let left = store.search(&AuditSearch::default(), None, 100).await.unwrap();
        let has = |event: &str, who: Option<&str>| left.iter().any(|row| row.event == event && row.who.as_deref() == who);
        assert!(has("password-accepted", Some("alice")) && has("pages-reloaded", None), "{left:?}");
        assert!(left.iter().any(|row| row.address.as_deref() == Some("192.0.2.1")), "another network's: {left:?}");
        let strangers = left.iter().filter(|row| row.event == "sign-in-refused").count();
        assert!(strangers >= left.len() / 4, "the traces of strangers: {strangers} of {}", left.len());
    }
}
