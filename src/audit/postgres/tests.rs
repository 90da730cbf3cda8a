#![allow(clippy::unwrap_used)]

use std::time::Duration;

use futures::future::join_all;

use super::super::store::tests::{START, refused, searches};
use super::*;

/// The store as two servers open it.
async fn two_servers() -> Option<[PostgresAudit; 2]> {
    let database = PostgresDatabase::of_test()?;
    Some([PostgresAudit::open(&database).await.unwrap(), PostgresAudit::open(&database).await.unwrap()])
}

#[tokio::test]
async fn repeats_are_added_to_the_row_of_their_own_server() {
    let Some([here, there]) = two_servers().await else { return };
    // Both number their rows alike, in the same millisecond.
    here.append(&[refused("alice", "192.0.2.1", 1)]).await.unwrap();
    there.append(&[refused("bob", "192.0.2.2", 1)]).await.unwrap();
    for (server, name, added) in [(&here, "alice", 6), (&there, "bob", 2)] {
        let last_at = START + Duration::from_secs(30);
        let repeats = Repeats { first: refused(name, "192.0.2.1", 1), added, count: added + 1, last_at };
        server.set_repeats(&[repeats]).await.unwrap();
    }
    let found = here.search(&AuditSearch::default(), None, 9).await.unwrap();
    let found: Vec<_> = found.iter().map(|record| (record.who.as_deref().unwrap(), record.count)).collect();
    assert_eq!(found, [("bob", 3), ("alice", 7)]);
}

#[tokio::test]
async fn what_was_appended_without_anybody_hearing_of_it_is_not_appended_twice() {
    let Some([here, _]) = two_servers().await else { return };
    let batch: Vec<_> = (1..4).map(|second| refused("eve", "192.0.2.1", second)).collect();
    here.append(&batch[..2]).await.unwrap();
    here.append(&batch).await.unwrap();
    assert_eq!((here.count().await.unwrap(), here.search(&AuditSearch::default(), None, 9).await.unwrap().len()), (3, 3));
}

#[tokio::test]
async fn what_is_appended_again_while_it_is_still_being_appended_is_there_once() {
    let Some([here, _]) = two_servers().await else { return };
    let batch: Vec<_> = (1..100).map(|second| refused("eve", "192.0.2.1", second)).collect();
    // As when an answer did not come in time, and the statement goes on in the server.
    for appended in join_all((0..8).map(|_| here.append(&batch))).await {
        appended.unwrap();
    }
    assert_eq!(here.count().await.unwrap(), 99);
    assert_eq!(here.search(&AuditSearch::default(), None, 200).await.unwrap().len(), 99);
}

#[tokio::test]
async fn a_text_that_postgresql_does_not_take_costs_no_event() {
    let Some([here, _]) = two_servers().await else { return };
    let mut entry = refused("eve", "192.0.2.1", 1);
    entry.user_agent = Some("Browser\0/1".to_owned());
    entry.fields.account = Some("\0".to_owned());
    here.append(&[entry]).await.unwrap();
    let found = here.search(&AuditSearch { event: Some("\0".to_owned()), ..AuditSearch::default() }, None, 9).await;
    assert_eq!(found.unwrap(), []);
    let found = here.search(&AuditSearch::default(), None, 9).await.unwrap();
    assert_eq!(found[0].user_agent.as_deref(), Some("Browser\u{fffd}/1"));
}

/// Servers that append, delete what is old and make room at the same time wait for nobody in a circle and delete nothing twice, and
/// the numbers stay true.
#[tokio::test]
async fn servers_that_write_and_sweep_at_once_are_in_nobody_s_way() {
    let Some(servers) = two_servers().await else { return };
    let row = |number: u64| refused(&format!("eve-{number}"), &format!("10.0.{}.1", number % 7), number);
    for round in 0..6 {
        let append = join_all(servers.iter().enumerate().map(async |(server, store)| {
            for batch in 0..4 {
                let mut rows: Vec<_> = (0..40).map(|number| row(1_000 * round + 100 * batch + number)).collect();
                if server == 1 {
                    rows.reverse();
                }
                store.append(&rows).await?;
            }
            Ok::<_, StoreError>(())
        }));
        let sweep = join_all(servers.iter().map(async |store| {
            store.delete_before(START + Duration::from_secs(1_000 * round), 50).await?;
            store.delete_surplus(300, 100).await
        }));
        let (appended, swept) = tokio::join!(append, sweep);
        assert!(appended.iter().all(Result::is_ok) && swept.iter().all(Result::is_ok), "{appended:?} {swept:?}");
    }
    let held = servers[0].count().await.unwrap();
    let rows = servers[0].search(&AuditSearch::default(), None, 10_000).await.unwrap().len();
    assert_eq!(held, u64::try_from(rows).unwrap());
    let swept = join_all(servers.iter().map(|store| store.delete_surplus(held - 50, 1_000))).await;
    assert_eq!(swept.into_iter().map(Result::unwrap).sum::<u64>(), 50);
}

/// Searching a million events is as quick as searching a hundred.
#[tokio::test]
async fn every_search_is_read_off_an_index_and_nothing_is_sorted() {
    let Some([store, _]) = two_servers().await else { return };
    for search in searches() {
        for after in [None, Some(AuditCursor { at: START, id: 7 })] {
            let mut transaction = store.store.begin().await.unwrap();
            // The table is too small for the planner to bother.
            for kind in ["seqscan", "bitmapscan"] {
                let off = format!("SET LOCAL enable_{kind} = off");
                transaction.execute(sqlx::query(sqlx::AssertSqlSafe(off))).await.unwrap();
            }
            let mut explain = QueryBuilder::new("EXPLAIN ");
            push_search(&mut explain, &search, after, 100);
            let plan: Vec<(String,)> = transaction.fetch_all(explain.build_query_as()).await.unwrap();
            let plan: String = plan.into_iter().map(|(step,)| step).collect();
            assert!(plan.contains("Index Scan") && !plan.contains("Sort"), "{search:?} {after:?}: {plan}");
            transaction.rollback().await.unwrap();
        }
    }
}
