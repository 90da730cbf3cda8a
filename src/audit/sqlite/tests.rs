#![allow(clippy::unwrap_used)]

use super::super::store::tests::{START, reloaded, searches};
use super::*;

async fn store() -> (SqliteAudit, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (SqliteAudit::open(&folder.path().join("audit.db")).await.unwrap(), folder)
}

/// Searching a million events is as quick as searching a hundred.
#[tokio::test]
async fn every_search_is_read_off_an_index_and_nothing_is_sorted() {
    let (store, _folder) = store().await;
    for search in searches() {
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
        store.delete_surplus(store.count().await.unwrap() - 1, 9).await.unwrap();
        let found = store.search(&AuditSearch::default(), None, 9).await.unwrap();
        assert_eq!(found.iter().map(|record| record.event.as_str()).collect::<Vec<_>>(), expected);
    }
}
