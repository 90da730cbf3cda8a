//! The news of sessions from node to node, through PostgreSQL. The clock stands still: no check finds what was not told.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sqlx::AssertSqlSafe;
use sqlx::migrate::Migrator;
use tokio_util::task::AbortOnDropHandle;

use super::fixture::{ABSOLUTE, IDLE, START, hears_the_end, person};
use crate::config::SessionSettings;
use crate::domain::{Client, EndReason, ManualClock, Person, Revalidation};
use crate::sessions::{Reauthentication, Session, SessionOptions, SessionToken, Sessions};
use crate::store::{Fence, PostgresDatabase, PostgresNews, PostgresStore, RowEvent, StoreKind};

/// Long enough for any machine; only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server's sessions in a database that several share.
struct Node {
    sessions: Sessions,
    /// The database, for what no method does.
    raw: PostgresStore,
    _following: AbortOnDropHandle<()>,
}

impl Node {
    async fn on(database: PostgresDatabase) -> Self {
        let settings = SessionSettings { max_staleness: ABSOLUTE, ..SessionSettings::with_lifetimes(IDLE, ABSOLUTE) };
        let clock = Arc::new(ManualClock::at(START));
        let news = PostgresNews::open(&database).await.unwrap();
        let sessions = Sessions::open_postgres(&news, &settings, clock).await.unwrap();
        let (kind, migrations) = (StoreKind { name: "test store", if_recreated: "" }, Migrator::with_migrations(Vec::new()));
        let raw = PostgresStore::open(&database, kind, "test", migrations).await.unwrap();
        let following = AbortOnDropHandle::new(tokio::spawn(async move { news.follow().await }));
        Self { sessions, raw, _following: following }
    }

    async fn signs_in(&self, name: &str) -> (SessionToken, Session) {
        let options = SessionOptions::password_only(Revalidation::Refreshed);
        self.sessions.begin(&person(name), &Client::default(), options).await.unwrap()
    }

    async fn knows(&self, token: &SessionToken) -> bool {
        self.sessions.find(token).await.unwrap().valid().is_some()
    }
}

async fn two_nodes() -> Option<(Node, Node)> {
    let [here, there] = PostgresDatabase::nodes_of_test()?;
    Some((Node::on(here).await, Node::on(there).await))
}

async fn soon<T>(event: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, event).await.unwrap()
}

#[tokio::test]
async fn what_one_node_ends_or_changes_another_s_connections_and_cache_hear() {
    let Some((here, there)) = two_nodes().await else { return };
    let (token, session) = here.signs_in("alice").await;
    let mut tab = there.sessions.watch(session.id, &session.person);
    assert!(there.knows(&token).await, "and is in its cache");
    let renamed = Person { display_name: "Alice Other".into(), ..session.person.clone() };
    here.sessions.confirm(std::slice::from_ref(&renamed), START).await.unwrap();
    while soon(tab.next_event()).await != RowEvent::Changed(renamed.clone()) {}
    let again = here.sessions.reauthenticate(&token, &session.person.id, Reauthentication::Password).await.unwrap();
    let (fresh, _) = again.unwrap();
    here.sessions.end(session.id, EndReason::Revoked).await.unwrap();
    assert_eq!(soon(hears_the_end(&mut tab)).await, EndReason::Revoked);
    assert!(!there.knows(&token).await && !there.knows(&fresh).await);
}

#[tokio::test]
async fn what_is_committed_later_than_its_number_says_is_heard_too() {
    let Some((here, there)) = two_nodes().await else { return };
    let ((_, alice), (_, bob)) = (here.signs_in("alice").await, here.signs_in("bob").await);
    let (mut alices, mut bobs) = (there.sessions.watch(alice.id, &alice.person), there.sessions.watch(bob.id, &bob.person));
    let mut slow = here.raw.begin().await.unwrap();
    let end = sqlx::query("UPDATE sessions SET ended_at = 1, end_reason = 'revoked' WHERE id = $1");
    slow.execute(end.bind(alice.id)).await.unwrap();
    here.sessions.end(bob.id, EndReason::Revoked).await.unwrap();
    assert_eq!(soon(hears_the_end(&mut bobs)).await, EndReason::Revoked, "it does not wait for the other");
    slow.commit().await.unwrap();
    assert_eq!(soon(hears_the_end(&mut alices)).await, EndReason::Revoked);
}

#[tokio::test]
async fn a_cut_connection_loses_nothing() {
    let Some((here, there)) = two_nodes().await else { return };
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for round in 0..10 {
        let (_, session) = here.signs_in(&format!("person {round}")).await;
        let mut tab = there.sessions.watch(session.id, &session.person);
        let mut killing = here.raw.begin().await.unwrap();
        let end = sqlx::query("UPDATE sessions SET ended_at = 1, end_reason = 'revoked' WHERE id = $1");
        killing.execute(end.bind(session.id)).await.unwrap();
        killing.execute(sqlx::query(AssertSqlSafe(cut))).await.unwrap();
        killing.commit().await.unwrap();
        assert_eq!(soon(hears_the_end(&mut tab)).await, EndReason::Revoked, "{round}");
    }
}

#[tokio::test]
async fn that_a_session_was_used_or_confirmed_is_no_news() {
    let Some((here, _there)) = two_nodes().await else { return };
    let (_, session) = here.signs_in("alice").await;
    here.sessions.confirm(std::slice::from_ref(&session.person), START).await.unwrap();
    here.raw.execute(sqlx::query("UPDATE sessions SET last_seen_at = last_seen_at + 1")).await.unwrap();
    let (noted,): (i64,) = here.raw.fetch_one(sqlx::query_as("SELECT count(*) FROM changes")).await.unwrap();
    assert_eq!(noted, 0);
}

#[tokio::test]
async fn what_a_holder_of_before_still_writes_is_refused() {
    let Some((here, there)) = two_nodes().await else { return };
    let (_, session) = here.signs_in("alice").await;
    let insert = "INSERT INTO leases (name, holder, number, expires_at) VALUES ('work', gen_random_uuid(), 1, now())";
    here.raw.execute(sqlx::query(insert)).await.unwrap();
    let fence = |number| Some(Fence { lease: "work", number });
    let described = |name: &str| [Person { display_name: name.into(), ..session.person.clone() }];
    here.sessions.confirm_as_holder(&described("Known"), START, fence(1)).await.unwrap();
    there.raw.execute(sqlx::query("UPDATE leases SET number = 2")).await.unwrap();
    assert!(here.sessions.confirm_as_holder(&described("Outdated"), START, fence(1)).await.is_err());
    there.sessions.confirm_as_holder(&described("Newer"), START, fence(2)).await.unwrap();
    let [found] = here.sessions.of_person(&session.person.id).await.unwrap().try_into().unwrap();
    assert_eq!(found.person.display_name, "Newer");
}
