#![allow(clippy::unwrap_used)]

use super::super::event::Event;
use super::super::keeper::Noted;
use super::super::line::Line;
use super::*;
use crate::config::AuditSettings;

const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);

async fn store() -> (AuditStore, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (AuditStore::open(&folder.path().join("audit.db"), &AuditSettings::default()).await.unwrap(), folder)
}

fn refused(name: &str, address: &str, second: u64) -> Noted {
    let event = Event::SignInRefused { name, reason: "locked", directory_code: None, retry_after: None };
    let at = START + Duration::from_secs(second);
    Noted { at, line: Line::of(&event), address: Some(address.to_owned()), user_agent: None }
}

fn reloaded(second: u64) -> Noted {
    let at = START + Duration::from_secs(second);
    Noted { at, line: Line::of(&Event::PagesReloaded { what: "added ops" }), address: None, user_agent: None }
}

fn texts(search: &Search, records: &[Record]) -> Vec<String> {
    let text = |record: &Record| format!("{} {}", record.event, record.who.as_deref().unwrap_or("-"));
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
        (Search { who: text("ALICE"), ..Search::default() }, vec!["sign-in-refused alice", "sign-in-refused Alice"]),
        (Search { who: text("ali"), ..Search::default() }, vec![]),
        (Search { who: text("ev\ne"), ..Search::default() }, vec![r"sign-in-refused ev\u{a}e"]),
        (Search { who: text("' OR 1=1 --"), ..Search::default() }, vec![]),
        (Search { event: text("pages-reloaded"), ..Search::default() }, vec!["pages-reloaded -"]),
        (Search { result: text("ok"), ..Search::default() }, vec!["pages-reloaded -"]),
        (
            Search { address: address("::ffff:192.0.2.2"), ..Search::default() },
            vec!["sign-in-refused alice", "sign-in-refused bob"],
        ),
        (Search { from: at(3), until: at(5), ..Search::default() }, vec!["sign-in-refused alice", "pages-reloaded -"]),
        (
            Search {
                who: text("alice"),
                event: text("sign-in-refused"),
                result: text("refused"),
                address: address("192.0.2.1"),
                from: at(0),
                until: at(2),
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
        let page = store.search(&Search::default(), after, 4).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.position());
        seen.extend(page.iter().map(|record| record.who.clone().unwrap()));
        // What happens meanwhile is newer, and moves nothing.
        store.append(&[refused("later", "192.0.2.9", 100)]).await.unwrap();
    }
    let expected: Vec<_> = (0..25).rev().map(|number| format!("name-{number}")).collect();
    assert_eq!(seen, expected);
}

/// What makes a search of a million events as quick as one of a hundred.
#[tokio::test]
async fn every_search_is_read_off_an_index_and_nothing_is_sorted() {
    let (store, _folder) = store().await;
    let text = || Some("x".to_owned());
    let searches = [
        Search::default(),
        Search { who: text(), ..Search::default() },
        Search { event: text(), ..Search::default() },
        Search { result: text(), ..Search::default() },
        Search { address: "192.0.2.1".parse().ok(), ..Search::default() },
        Search { from: Some(START), until: Some(START), ..Search::default() },
        Search { who: text(), event: text(), result: text(), from: Some(START), ..Search::default() },
    ];
    for search in searches {
        for after in [None, Some(Position { at: START, id: 7 })] {
            let statement = search.statement(after, 100);
            let explained = format!("EXPLAIN QUERY PLAN {}", statement.sql().as_str());
            let plan: Vec<(i64, i64, i64, String)> =
                sqlx::query_as(sqlx::AssertSqlSafe(explained)).fetch_all(store.pool()).await.unwrap();
            let plan: String = plan.into_iter().map(|(.., step)| step).collect();
            assert!(plan.contains("USING INDEX") && !plan.contains("TEMP B-TREE"), "{search:?} {after:?}: {plan}");
        }
    }
}
