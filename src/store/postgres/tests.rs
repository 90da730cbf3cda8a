#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::{PostgresDatabase, PostgresFailure, PostgresNews, PostgresStore};
use crate::config::{PostgresUrl, StoreSettings};
use crate::store::tests::free_port::free_port;
use crate::store::tests::pgbouncer;
use crate::store::tests::postgres::{self, CERTIFICATE_ROLE, PASSWORD_ROLE, PostgresServer};
use crate::store::{StoreError, StoreKind};

const KIND: StoreKind = StoreKind { name: "test store", if_recreated: "" };

fn settings(url: &str) -> StoreSettings {
    StoreSettings { url: Some(PostgresUrl::parse(url).unwrap()), ..StoreSettings::default() }
}

impl PostgresDatabase {
    /// An empty database of a test's own. `None`, said loudly, where there is no server.
    pub(crate) fn of_test() -> Option<Self> {
        Self::nodes_of_test().map(|[database]| database)
    }

    /// The address of an empty database, which several tests may share.
    pub(crate) fn url_of_test() -> Option<String> {
        let server = postgres::server()?;
        Some(server.url(&server.create_database()))
    }

    /// The database at this address, with a pool of its own: connections belong to the runtime that made them.
    pub(crate) fn at(url: &str) -> Self {
        Self::from_settings(&settings(url)).unwrap()
    }

    /// One empty database of a test's own, as so many nodes have it.
    pub(crate) fn nodes_of_test<const N: usize>() -> Option<[Self; N]> {
        let server = postgres::server()?;
        let settings = settings(&server.url(&server.create_database()));
        Some(std::array::from_fn(|_| Self::from_settings(&settings).unwrap()))
    }
}

/// A store with the table `numbers`, and its database.
async fn numbers(server: &PostgresServer, settings: impl FnOnce(StoreSettings) -> StoreSettings) -> (PostgresStore, String) {
    let name = server.create_database();
    let url = server.url(&name);
    server.query(&name, "CREATE TABLE numbers (number bigint PRIMARY KEY); GRANT ALL ON numbers TO belvedere").unwrap();
    let database = PostgresDatabase::from_settings(&settings(self::settings(&url))).unwrap();
    let none = sqlx::migrate::Migrator::with_migrations(Vec::new());
    (PostgresStore::open(&database, KIND, "numbers", none).await.unwrap(), name)
}

async fn insert(store: &PostgresStore, number: i64) -> Result<u64, StoreError> {
    store.execute(sqlx::query("INSERT INTO numbers VALUES ($1)").bind(number)).await
}

async fn all(store: &PostgresStore) -> Result<Vec<i64>, StoreError> {
    let rows: Vec<(i64,)> = store.fetch_all(sqlx::query_as("SELECT number FROM numbers ORDER BY number")).await?;
    Ok(rows.into_iter().map(|(number,)| number).collect())
}

fn failure<T: std::fmt::Debug>(result: Result<T, StoreError>) -> PostgresFailure {
    match result.unwrap_err() {
        StoreError::Postgres { failure, .. } => failure,
        other => panic!("{other}"),
    }
}

/// As behind PgBouncer in transaction mode: nothing of a session may be used.
fn pooled(settings: StoreSettings) -> StoreSettings {
    StoreSettings { direct_url: settings.url.clone(), ..settings }
}

#[tokio::test]
async fn a_transaction_that_is_not_committed_writes_nothing_and_its_connection_is_not_used_again() {
    let Some(server) = postgres::server() else { return };
    for mode in [|settings| settings, pooled] {
        let one = |settings| StoreSettings { connections: 1, ..mode(settings) };
        let (store, _) = numbers(server, one).await;
        let mut dropped = store.begin().await.unwrap();
        dropped.execute(sqlx::query("INSERT INTO numbers VALUES (1)")).await.unwrap();
        drop(dropped);
        // Were it done within what was begun, the next rollback would undo it.
        insert(&store, 5).await.unwrap();
        let mut rolled_back = store.begin().await.unwrap();
        rolled_back.execute(sqlx::query("INSERT INTO numbers VALUES (2)")).await.unwrap();
        rolled_back.rollback().await.unwrap();
        let mut failed = store.begin().await.unwrap();
        failed.execute(sqlx::query("INSERT INTO numbers VALUES (3)")).await.unwrap();
        assert!(failed.execute(sqlx::query("INSERT INTO numbers VALUES (3)")).await.is_err());
        assert!(failed.commit().await.is_err(), "what failed in the middle is not said to be written");
        let mut committed = store.begin().await.unwrap();
        committed.execute(sqlx::query("INSERT INTO numbers VALUES (4)")).await.unwrap();
        committed.commit().await.unwrap();
        assert_eq!(all(&store).await.unwrap(), [4, 5]);
    }
}

#[tokio::test]
async fn a_statement_takes_no_longer_than_it_may_and_the_next_one_works() {
    let Some(server) = postgres::server() else { return };
    for mode in [|settings| settings, pooled] {
        let quick =
            |settings| StoreSettings { statement_timeout: Duration::from_millis(300), connections: 1, ..mode(settings) };
        let (store, _) = numbers(server, quick).await;
        let slow = store.execute(sqlx::query("SELECT pg_sleep(60)")).await;
        assert_eq!(failure(slow), PostgresFailure::StatementTimedOut(Duration::from_millis(300)));
        insert(&store, 1).await.unwrap();
        assert!(matches!(failure(insert(&store, 1).await), PostgresFailure::Constraint(_)));
        assert_eq!(all(&store).await.unwrap(), [1], "one connection served them all");
        let held = store.begin().await.unwrap();
        assert_eq!(failure(insert(&store, 2).await), PostgresFailure::PoolExhausted(1));
        held.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn connections_that_died_are_replaced_before_anybody_sees_it() {
    let Some(server) = postgres::server() else { return };
    for mode in [|settings| settings, pooled] {
        let (store, name) = numbers(server, mode).await;
        let (one, other) = tokio::join!(insert(&store, 1), insert(&store, 2));
        assert!(one.is_ok() && other.is_ok());
        let kill = format!("SELECT count(pg_terminate_backend(pid)) > 0 FROM pg_stat_activity WHERE datname = '{name}'");
        assert_eq!(server.query("postgres", &kill).unwrap(), "t");
        insert(&store, 3).await.unwrap();
        assert_eq!(all(&store).await.unwrap(), [1, 2, 3]);
    }
}

#[tokio::test]
async fn whatever_is_wrong_is_said_with_its_remedy_and_without_a_password() {
    let Some(server) = postgres::server() else { return };
    let (port, name) = (server.port, server.create_database());
    let (role, _) = PASSWORD_ROLE;
    let nobody = free_port().unwrap();
    for (url, words) in [
        (format!("postgres://belvedere:hunter2@127.0.0.1:{nobody}/x"), "no server answers"),
        (format!("postgres://{role}:hunter2@127.0.0.1:{port}/{name}"), "refuses the user or the password"),
        (format!("postgres://belvedere:hunter2@127.0.0.1:{port}/no_such_database"), "no such database"),
        (format!("postgres://belvedere:hunter2@127.0.0.1:{port}/{name}?sslmode=verify-full"), "TLS is not possible"),
    ] {
        let database = PostgresDatabase::from_settings(&settings(&url)).unwrap();
        let said = database.ping().await.unwrap_err().to_string();
        assert!(said.contains(words) && !said.contains("hunter2"), "{said}");
    }
    let encoded = "s3cret%2Fof%3Athe%40store";
    let url = format!("postgres://{role}:{encoded}@127.0.0.1:{nobody},127.0.0.1:{port}/{name}");
    let database = PostgresDatabase::from_settings(&settings(&url)).unwrap();
    database.ping().await.unwrap();
    server.query("postgres", &format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).unwrap();
    let database = PostgresDatabase::from_settings(&settings(&url)).unwrap();
    assert_eq!(failure(database.ping().await), PostgresFailure::ReadOnly, "and not that the first host does not answer");
    database.close();
    assert_eq!(failure(database.ping().await), PostgresFailure::Closed);
}

#[tokio::test]
async fn servers_that_start_together_migrate_once_and_one_of_another_version_says_so() {
    let Some(database) = PostgresDatabase::of_test() else { return };
    PostgresNews::open(&database).await.unwrap();
    let migrations = || sqlx::migrate!("src/sessions/migrations_postgres");
    let opened =
        futures::future::join_all((0..6).map(|_| PostgresStore::open(&database, KIND, "sessions", migrations()))).await;
    assert!(opened.iter().all(Result::is_ok), "{opened:?}");
    let other = sqlx::migrate!("src/tokens/migrations_postgres");
    PostgresStore::open(&database, KIND, "tokens", other).await.unwrap();
    let other = sqlx::migrate!("src/tokens/migrations_postgres");
    assert!(matches!(failure(PostgresStore::open(&database, KIND, "sessions", other).await), PostgresFailure::OtherVersion(_)));
    let store = PostgresStore::open(&database, KIND, "sessions", migrations()).await.unwrap();
    store.close();
    assert_eq!(failure(store.fetch_all::<(i32,)>(sqlx::query_as("SELECT 1")).await), PostgresFailure::Closed);
    database.ping().await.unwrap();
}

#[tokio::test]
async fn behind_pgbouncer_in_transaction_mode_statements_of_many_do_not_mix() {
    let Some(server) = postgres::server() else { return };
    let Some(pooler) = pgbouncer::before(server) else { return };
    let name = server.create_database();
    let url = |port| Some(PostgresUrl::parse(&PostgresServer::url_at(port, &name)).unwrap());
    let settings = StoreSettings {
        url: url(pooler),
        direct_url: url(server.port),
        statement_timeout: Duration::from_secs(20),
        ..StoreSettings::default()
    };
    let database = PostgresDatabase::from_settings(&settings).unwrap();
    let none = sqlx::migrate::Migrator::with_migrations(Vec::new());
    let store = PostgresStore::open(&database, KIND, "numbers", none).await.unwrap();
    let echo = |number: i64| {
        let store = store.clone();
        async move {
            let (alone,): (i64,) = store.fetch_one(sqlx::query_as("SELECT $1::bigint").bind(number)).await.unwrap();
            let mut transaction = store.begin().await.unwrap();
            let (text,): (String,) = transaction.fetch_one(sqlx::query_as("SELECT $1").bind(number.to_string())).await.unwrap();
            let locked = sqlx::query_as("SELECT $1::bigint, pg_advisory_xact_lock(7)::text").bind(number);
            let (again, _): (i64, String) = transaction.fetch_one(locked).await.unwrap();
            transaction.commit().await.unwrap();
            (alone, text.parse::<i64>().unwrap(), again)
        }
    };
    let told = futures::future::join_all((0..200).map(echo)).await;
    assert!(told.into_iter().zip(0..).all(|(told, number)| told == (number, number, number)));
    let kill = format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'");
    assert!(server.query("postgres", &kill).unwrap() != "0", "the pooler's connections are cut");
    assert_eq!(echo(201).await, (201, 201, 201));
    database.ping_directly().await.unwrap();

    let forgotten = StoreSettings { direct_url: None, ..settings };
    let said = PostgresDatabase::from_settings(&forgotten).unwrap().ping().await.unwrap_err().to_string();
    assert!(said.contains("`direct_url`"), "{said}");
}

#[tokio::test]
async fn with_tls_a_server_is_who_its_certificate_says_by_an_authority_that_is_trusted() {
    let Some(server) = postgres::server() else { return };
    let (port, name) = (server.port, server.create_database());
    let ca_file = Some(server.ca_file.clone());
    let asked = async |host: &str, ca_file| {
        let url = format!("postgres://belvedere@{host}:{port}/{name}?sslmode=verify-full");
        PostgresDatabase::from_settings(&StoreSettings { ca_file, ..settings(&url) }).unwrap().ping().await
    };
    asked("localhost", ca_file.clone()).await.unwrap();
    for (host, ca_file) in [("localhost", None), ("127.0.0.1", ca_file)] {
        let said = asked(host, ca_file).await.unwrap_err().to_string();
        assert!(said.contains("TLS is not possible") && said.contains("`ca_file`"), "{said}");
    }
}

#[tokio::test]
async fn when_the_primary_dies_its_replica_is_used_once_it_is_promoted() {
    if postgres::server().is_none() {
        return;
    }
    let primary = PostgresServer::start().unwrap();
    let replica = primary.replica().unwrap();
    let name = primary.create_database();
    let table = "CREATE TABLE numbers (number bigint PRIMARY KEY); GRANT ALL ON numbers TO belvedere";
    primary.query(&name, table).unwrap();
    // The replica comes first: it is passed over for as long as it is one.
    let url = format!("postgres://belvedere@127.0.0.1:{},127.0.0.1:{}/{name}", replica.port, primary.port);
    let database = PostgresDatabase::from_settings(&settings(&url)).unwrap();
    let none = sqlx::migrate::Migrator::with_migrations(Vec::new());
    let store = PostgresStore::open(&database, KIND, "numbers", none).await.unwrap();
    insert(&store, 1).await.unwrap();
    // Not only what is in its files: it does not wait for them.
    let written = primary.query("postgres", "SELECT pg_current_wal_insert_lsn()").unwrap();
    let followed = format!("SELECT pg_last_wal_replay_lsn() >= '{written}'");
    until(async || replica.query("postgres", &followed).is_ok_and(|followed| followed == "t")).await;
    primary.kill();
    assert!(failure(insert(&store, 2).await).is_outage());
    replica.promote();
    until(async || insert(&store, 3).await.is_ok()).await;
    assert_eq!(all(&store).await.unwrap(), [1, 3]);
}

/// Waits until it is so.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_mins(1);
    while !is_so().await {
        assert!(std::time::Instant::now() < deadline, "it does not come to be");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A proxy that can fall silent: what is sent to it is taken, and never answered.
struct SilenceableProxy {
    port: u16,
    silent: tokio::sync::watch::Sender<bool>,
}

impl SilenceableProxy {
    async fn before(server: &PostgresServer) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (port, target) = (listener.local_addr().unwrap().port(), server.port);
        let (silent, is_silent) = tokio::sync::watch::channel(false);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut is_silent = is_silent.clone();
                tokio::spawn(async move {
                    let mut server = tokio::net::TcpStream::connect(("127.0.0.1", target)).await.unwrap();
                    let silence = async { drop(is_silent.wait_for(|silent| *silent).await.map(drop)) };
                    tokio::select! {
                        biased;
                        // Nothing more is carried, and nothing is closed.
                        () = silence => std::future::pending().await,
                        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                    }
                });
            }
        });
        Self { port, silent }
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_costs_nobody_more_than_the_timeouts_and_is_used_again() {
    let Some(server) = postgres::server() else { return };
    let proxy = SilenceableProxy::before(server).await;
    for mode in [|settings| settings, pooled] {
        let quick = |settings: StoreSettings| {
            let url = settings.url.map(|url| PostgresUrl::parse(&PostgresServer::url_at(proxy.port, &url.database)).unwrap());
            let limit = Duration::from_millis(500);
            mode(StoreSettings { url, connect_timeout: limit, statement_timeout: limit, ..settings })
        };
        let (store, _) = numbers(server, quick).await;
        let in_the_middle = store.begin().await.unwrap();
        insert(&store, 1).await.unwrap();
        proxy.silent.send_replace(true);
        let asked_at = std::time::Instant::now();
        let failures = futures::future::join_all((2..40).map(|number| insert(&store, number))).await;
        assert!(failures.into_iter().all(|failed| failure(failed).is_outage()));
        assert!(in_the_middle.commit().await.is_err());
        assert!(asked_at.elapsed() < Duration::from_secs(20), "{:?}", asked_at.elapsed());
        proxy.silent.send_replace(false);
        until(async || insert(&store, 40).await.is_ok()).await;
        assert_eq!(all(&store).await.unwrap(), [1, 40]);
    }
}

#[tokio::test]
async fn of_many_idle_connections_that_are_dead_one_costs_a_wait() {
    let Some(server) = postgres::server() else { return };
    let proxy = SilenceableProxy::before(server).await;
    let (store, _) = numbers(server, |settings| {
        let url = settings.url.map(|url| PostgresUrl::parse(&PostgresServer::url_at(proxy.port, &url.database)).unwrap());
        StoreSettings { url, connect_timeout: Duration::from_millis(500), ..settings }
    })
    .await;
    let mut idle = Vec::new();
    for _ in 0..10 {
        idle.push(store.begin().await.unwrap());
    }
    for transaction in idle {
        transaction.rollback().await.unwrap();
    }
    proxy.silent.send_replace(true);
    let asked_at = std::time::Instant::now();
    assert!(failure(insert(&store, 1).await).is_outage());
    assert!(asked_at.elapsed() < Duration::from_secs(6), "{:?}", asked_at.elapsed());
}

#[tokio::test]
async fn several_hosts_that_do_not_answer_cost_no_more_than_one_and_the_primary_behind_them_is_found() {
    let Some(server) = postgres::server() else { return };
    // What connects is never answered.
    let listeners: Vec<_> = (0..4).map(|_| std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap()).collect();
    let silent: Vec<_> = listeners.iter().map(|host| format!("127.0.0.1:{}", host.local_addr().unwrap().port())).collect();
    let name = server.create_database();
    let limit = Duration::from_secs(4);
    let ping = async |hosts: String| {
        let settings = settings(&format!("postgres://belvedere@{hosts}/{name}"));
        PostgresDatabase::from_settings(&StoreSettings { connect_timeout: limit, ..settings }).unwrap().ping().await
    };
    let asked_at = std::time::Instant::now();
    assert_eq!(failure(ping(silent.join(",")).await), PostgresFailure::ConnectTimedOut(limit));
    assert!(asked_at.elapsed() < 2 * limit, "{:?}", asked_at.elapsed());
    ping(format!("{},127.0.0.1:{}", silent.join(","), server.port)).await.unwrap();
}

#[tokio::test]
async fn a_server_that_demands_a_certificate_is_shown_one() {
    let Some(server) = postgres::server() else { return };
    let name = server.create_database();
    let url = format!("postgres://{CERTIFICATE_ROLE}@localhost:{}/{name}?sslmode=verify-full", server.port);
    let ping = async |files: [Option<&str>; 2]| {
        let [client_certificate_file, client_key_file] = files.map(|name| Some(server.ca_file.with_file_name(name?)));
        let ca_file = Some(server.ca_file.clone());
        let settings = StoreSettings { ca_file, client_certificate_file, client_key_file, ..settings(&url) };
        PostgresDatabase::from_settings(&settings).unwrap().ping().await
    };
    assert!(ping([None, None]).await.is_err());
    ping([Some("cert.pem"), Some("key.pem")]).await.unwrap();
}
