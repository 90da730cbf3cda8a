use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::fixture::{hears_the_end, person};
use crate::config::SessionSettings;
use crate::domain::{Client, EndReason, ManualClock, Person, PersonEpoch, Revalidation, SessionId, Timestamp};
use crate::sessions::session::SessionLifetimes;
use crate::sessions::{
    NewSession, Reauthentication, SessionFilter, SessionOptions, SessionRecord, SessionStore, SessionToken, Sessions,
};
use crate::store::tests::contract::{Subject, credential_contract};
use crate::store::{
    LocalNotifier, PostgresCredentials, PostgresDatabase, PostgresNews, PostgresStore, SqliteCredentials, SqliteStore,
    StoreKind,
};

/// The SQLite store, and the folder of its file.
async fn sqlite() -> (Arc<SqliteCredentials<SessionRecord>>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let kind = StoreKind { name: "session store", if_recreated: "" };
    let file = SqliteStore::open(&folder.path().join("sessions.db"), kind, &sqlx::migrate!("src/sessions/migrations")).await;
    (Arc::new(SqliteCredentials::new(file.unwrap())), folder)
}

/// Begins a session in a store, at that time.
async fn begins(store: Arc<dyn SessionStore>, person: Person, at: Timestamp) -> (SessionToken, SessionId) {
    let settings = SessionSettings::with_lifetimes(Duration::from_hours(1), Duration::from_hours(1));
    let sessions = Sessions::new(store, &settings, Arc::new(ManualClock::at(at)), Arc::new(LocalNotifier::default()));
    let options = SessionOptions::password_only(Revalidation::Refreshed);
    let (token, session) = sessions.begin(&person, &Client::default(), options).await.unwrap();
    (token, session.id)
}

/// A store of a new database. `None` where there is no server.
async fn postgres() -> Option<Arc<PostgresCredentials<SessionRecord>>> {
    let database = PostgresDatabase::of_test()?;
    PostgresNews::open(&database).await.unwrap();
    let kind = StoreKind { name: "session store", if_recreated: "" };
    let store =
        PostgresStore::open(&database, kind, "sessions", sqlx::migrate!("src/sessions/migrations_postgres")).await.unwrap();
    Some(Arc::new(PostgresCredentials::new(store)))
}

/// A store of each kind, with what has to be kept meanwhile.
async fn all_stores() -> Vec<(Arc<dyn SessionStore>, Box<dyn Any>)> {
    let (store, folder) = sqlite().await;
    let mut stores: Vec<(Arc<dyn SessionStore>, Box<dyn Any>)> = vec![(store, Box::new(folder))];
    if let Some(store) = postgres().await {
        stores.push((store, Box::new(())));
    }
    stores
}

mod sqlite_contract {
    use super::*;

    async fn subject() -> Option<Subject<SessionRecord>> {
        let (store, folder) = sqlite().await;
        Some(subject_of(store, folder))
    }

    credential_contract!(subject);
}

mod postgres_contract {
    use super::*;

    async fn subject() -> Option<Subject<SessionRecord>> {
        Some(subject_of(postgres().await?, ()))
    }

    credential_contract!(subject);
}

fn subject_of<S: SessionStore + 'static>(store: Arc<S>, kept: impl Any) -> Subject<SessionRecord> {
    let two_hours = SessionSettings::with_lifetimes(Duration::from_hours(2), Duration::from_hours(2));
    let inserted = Arc::clone(&store);
    Subject {
        store,
        lifetimes: SessionLifetimes::new(&two_hours),
        insert: Box::new(move |person, at| {
            let store = Arc::clone(&inserted);
            Box::pin(async move { begins(store, person, at).await.1 })
        }),
        _kept: Box::new(kept),
    }
}

#[tokio::test]
async fn of_two_who_replace_a_token_one_does() {
    for (store, _kept) in all_stores().await {
        let now = Timestamp::from_millis(1_795_309_126_976);
        let (token, id) = begins(Arc::clone(&store), person("alice"), now).await;
        let (alice, old) = (person("alice").id, token.hash());
        let replace = |fresh: [u8; 32]| {
            let (store, alice) = (Arc::clone(&store), alice.clone());
            async move { store.replace_token(&old, &fresh, &alice, Reauthentication::Both, now).await.unwrap() }
        };
        let (one, other) = tokio::join!(replace([1; 32]), replace([2; 32]));
        assert_ne!(one.is_some(), other.is_some());
        assert!(store.by_token(&old).await.unwrap().is_none());
        let fresh = if one.is_some() { [1; 32] } else { [2; 32] };
        assert_eq!(store.by_token(&fresh).await.unwrap().unwrap().id, id);
    }
}

#[tokio::test]
async fn of_sessions_that_are_inserted_together_all_are_or_none() {
    for (store, _kept) in all_stores().await {
        let now = Timestamp::from_millis(1_795_309_126_976);
        let (token, _) = begins(Arc::clone(&store), person("alice"), now).await;
        let listed = async || store.list(&SessionFilter::default(), None, 9).await.unwrap().len();
        let settings = SessionSettings::with_lifetimes(Duration::from_hours(1), Duration::from_hours(1));
        let session = store.by_token(&token.hash()).await.unwrap().unwrap();
        let session = crate::store::CredentialRecord::decode(session, SessionLifetimes::new(&settings)).unwrap();
        let new = |id| {
            let session = crate::sessions::Session { id: SessionId::new(id), ..session.clone() };
            NewSession { token_hash: [u8::try_from(id).unwrap(); 32], session, epoch: PersonEpoch::default() }
        };
        assert!(store.insert(&[new(1), new(1)]).await.is_err(), "an id is nobody else's");
        assert_eq!(listed().await, 1);
        store.insert(&[new(1), new(2)]).await.unwrap();
        assert_eq!((listed().await, store.count().await.unwrap()), (3, 3));
    }
}

#[tokio::test]
async fn what_one_server_ends_another_s_connections_and_cache_hear_at_once() {
    for (store, _kept) in all_stores().await {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_309_126_976)));
        let notifier = Arc::new(LocalNotifier::default());
        let settings = SessionSettings::with_lifetimes(Duration::from_hours(1), Duration::from_hours(1));
        let server = || Sessions::new(Arc::clone(&store), &settings, clock.clone(), Arc::clone(&notifier) as _);
        let (here, there) = (server(), server());
        let options = SessionOptions::password_only(Revalidation::Refreshed);
        let (token, session) = here.begin(&person("alice"), &Client::default(), options).await.unwrap();
        let mut tab = there.watch(session.id, &session.person);
        assert!(there.find(&token).await.unwrap().valid().is_some(), "and is in its cache");
        let (fresh, _) = here.reauthenticate(&token, &session.person.id, Reauthentication::Password).await.unwrap().unwrap();
        assert!(there.find(&token).await.unwrap().valid().is_none(), "the old token is dead there too");
        assert!(there.find(&fresh).await.unwrap().valid().is_some());
        assert!(here.end(session.id, EndReason::Revoked).await.unwrap());
        assert!(there.find(&fresh).await.unwrap().valid().is_none());
        assert_eq!(hears_the_end(&mut tab).await, EndReason::Revoked);
    }
}
