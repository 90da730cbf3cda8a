//! Several servers on one database: one account, one budget.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt as _;
use proptest::prelude::*;

use super::account_key::{AccountKey, NameKeys};
use super::store::{AccountScope, Decision};
use super::tests_on_postgres::postgres::wait_for;
use super::tests_on_postgres::{DirectoryCount, from, person, policy, random_secret, typed, username};
use super::throttle_file::KIND;
use super::{
    AttemptDenial, AttemptFailure, AttemptPermit, DeviceProof, PAUSES, PostgresThrottleStore, Release, Throttle,
    ThrottleReason, ThrottleStore,
};
use crate::auth::Keys;
use crate::directory::{BindCandidate, CLOCK_TOLERANCE, LockoutInfo};
use crate::domain::{Client, Clock as _, ManualClock, Realm, Timestamp};
use crate::store::{PostgresDatabase, PostgresStore, StoreError};

const MINUTE: Duration = Duration::from_mins(1);

/// The state of a server's connection to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    Up = 0,
    /// Nothing reaches the store.
    Cut = 1,
    /// It writes, and the answers are lost.
    Mute = 2,
}

/// A connection to the shared store that can be cut.
struct CuttableStore {
    store: PostgresThrottleStore,
    connection: AtomicU8,
    /// The steps that the store was asked for.
    steps: AtomicUsize,
}

impl CuttableStore {
    fn set(&self, connection: Connection) {
        self.connection.store(connection as u8, Ordering::Relaxed);
    }

    fn fail_if(&self, connection: Connection) -> Result<(), StoreError> {
        let is_so = self.connection.load(Ordering::Relaxed) == connection as u8;
        if is_so { Err(StoreError::Hashing("the connection is cut".to_owned())) } else { Ok(()) }
    }
}

#[async_trait]
impl ThrottleStore for CuttableStore {
    async fn step(&self, scope: &AccountScope, decide: Decision<'_>) -> Result<(), StoreError> {
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.fail_if(Connection::Cut)?;
        self.store.step(scope, decide).await?;
        self.fail_if(Connection::Mute)
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn flush(&self, all: bool) {
        self.store.flush(all).await;
    }

    async fn release(&self, name: NameKeys) -> Result<Release, StoreError> {
        self.store.release(name).await
    }

    async fn take_releases(&self) -> Result<Vec<AccountKey>, StoreError> {
        self.store.take_releases().await
    }

    async fn sweep(&self) -> Result<(), StoreError> {
        self.store.sweep().await
    }

    async fn close(&self) {
        self.store.close().await;
    }
}

/// Servers that share a database, the secret, and nothing else, in front of a directory that counts.
struct Cluster {
    /// The database's clock.
    clock: Arc<ManualClock>,
    servers: Vec<ClusterServer>,
    lockout: LockoutInfo,
}

#[derive(Clone, Copy)]
struct ClusterServer {
    clock: &'static ManualClock,
    throttle: &'static Throttle,
    store: &'static CuttableStore,
}

impl Cluster {
    /// So many servers, whose clocks differ from the database's by as much as is borne. `None` where there is no database.
    fn new(servers: usize, threshold: u32, identifies_before_bind: bool) -> Option<Self> {
        static SHARED: OnceLock<Option<String>> = OnceLock::new();
        let database = &PostgresDatabase::at(SHARED.get_or_init(PostgresDatabase::url_of_test).as_ref()?);
        let now = Timestamp::from_millis(1_795_309_126_976);
        let clock = Arc::new(ManualClock::at(now));
        let keys = Arc::new(Keys::from_secret(&random_secret()));
        let clocks = [now, now + CLOCK_TOLERANCE / 2, now - CLOCK_TOLERANCE / 2];
        let open = |number: usize| {
            let store = wait_for(PostgresThrottleStore::open(database)).unwrap().with_clock(&clock);
            let store = Arc::new(CuttableStore { store, connection: AtomicU8::new(0), steps: AtomicUsize::new(0) });
            let own_clock = Arc::new(ManualClock::at(clocks[number % clocks.len()]));
            // They are as many as tests, and permits of dead servers are for ever.
            let throttle = Throttle::new(Arc::clone(&own_clock) as _, Arc::clone(&keys), Arc::clone(&store) as _);
            ClusterServer {
                clock: Box::leak(Box::new(own_clock)),
                throttle: Box::leak(Box::new(throttle)),
                store: Box::leak(Box::new(store)),
            }
        };
        let lockout = LockoutInfo::new(Some(policy(threshold)), identifies_before_bind);
        Some(Self { servers: (0..servers).map(open).collect(), clock, lockout })
    }

    /// Time passes, on all clocks.
    fn pass(&self, duration: Duration) {
        self.clock.advance(duration);
        for server in &self.servers {
            server.clock.advance(duration);
        }
    }

    /// The browser in which John has signed in, on the first server.
    fn own_browser(&self) -> Client {
        let names = ["jdoe"].map(username);
        let cookie =
            self.servers[0].throttle.issue_device_cookie(&names, &Realm::Default, &john().id, DeviceProof::Password).unwrap();
        from("198.51.100.77").with_device_cookie(Some(&cookie.reveal()))
    }

    async fn admit(
        &self,
        server: usize,
        name: &str,
        password: &str,
        client: &Client,
    ) -> Result<AttemptPermit<'static>, AttemptDenial> {
        let throttle = self.servers[server].throttle;
        throttle.flush().await;
        let (name, password) = (username(name), typed(password));
        let permit = throttle.try_admit((&name, &Realm::Default), Some(&password), client, self.lockout).await?;
        if self.lockout.identifies_before_bind
            && let Err(denial) = permit.identify_at_once(&self.told()).await
        {
            permit.deny(&denial);
            throttle.flush().await;
            return Err(denial);
        }
        Ok(permit)
    }

    async fn fails(&self, server: usize, name: &str, password: &str, client: &Client) -> Result<(), AttemptDenial> {
        let permit = self.admit(server, name, password, client).await?;
        permit.fail(AttemptFailure::Wrong);
        self.servers[server].throttle.flush().await;
        Ok(())
    }

    /// What the directory tells of John: not its count.
    fn told(&self) -> BindCandidate {
        BindCandidate { policy: self.lockout.policy, ..john() }
    }

    async fn john_signs_in(&self) {
        let permit = self.admit(0, "jdoe", "right", &from("198.51.100.9")).await.unwrap();
        permit.succeed(&john().id, &["jdoe", "john.doe"].map(username));
        self.servers[0].throttle.flush().await;
    }
}

impl Drop for Cluster {
    /// Closes the connections: there are many clusters, and one database.
    fn drop(&mut self) {
        for server in &self.servers {
            server.store.store.close().now_or_never();
        }
    }
}

fn john() -> BindCandidate {
    BindCandidate::new(person("john"), None)
}

fn reason<T>(tried: Result<T, AttemptDenial>) -> Result<T, ThrottleReason> {
    tried.map_err(|denial| match denial {
        AttemptDenial::Throttled(reason) => reason,
        AttemptDenial::Store(error) => panic!("{error}"),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tries_on_two_servers_in_turn_are_as_many_as_on_one() {
    for identifies_before_bind in [true, false] {
        for threshold in [3, 4, 5] {
            let mut heard = Vec::new();
            for servers in [1, 2] {
                let Some(cluster) = Cluster::new(servers, threshold, identifies_before_bind) else { return };
                cluster.john_signs_in().await;
                let own = cluster.own_browser();
                let mut row = Vec::new();
                for client in [from("192.0.2.1"), from("198.51.100.9"), own.clone(), from("192.0.2.1"), own] {
                    let mut count = 0;
                    for number in 0..12 {
                        // Each password twice, on both servers.
                        let typed = format!("wrong {}", row.len() * 12 + number / 2);
                        let tried = cluster.fails(number % servers, "jdoe", &typed, &client).await;
                        count += usize::from(reason(tried).is_ok());
                        cluster.pass(Duration::from_secs(2));
                    }
                    row.push(count);
                    if row.len() == 3 {
                        cluster.pass(31 * MINUTE);
                    }
                }
                heard.push(row);
            }
            assert_eq!(heard[0], heard[1], "{threshold} {identifies_before_bind}");
            assert!(heard[0].iter().take(3).sum::<usize>() < threshold as usize, "{heard:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_tries_on_all_servers_at_once_no_more_are_let_through_than_may_fail() {
    for identifies_before_bind in [true, false] {
        let Some(cluster) = Cluster::new(3, 5, identifies_before_bind) else { return };
        cluster.john_signs_in().await;
        let own = cluster.own_browser();
        let cluster = &cluster;
        let tries = (0..30).map(|number| {
            let own = own.clone();
            async move { cluster.admit(number % 3, "jdoe", &format!("wrong {number}"), &own).await }
        });
        let permits: Vec<_> = futures::future::join_all(tries).await.into_iter().filter_map(Result::ok).collect();
        assert_eq!(permits.len(), 4, "{identifies_before_bind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_try_on_another_server_is_heard_once_it_has_ended() {
    let Some(cluster) = Cluster::new(2, 5, false) else { return };
    let client = from("192.0.2.1");
    let mut permits = Vec::new();
    for number in 0..2 {
        permits.push(cluster.admit(0, "alice", &format!("wrong {number}"), &client).await.unwrap());
    }
    let (name, password) = (username("alice"), typed("another"));
    let (here, ClusterServer { throttle: there, clock, .. }) = (cluster.servers[0].throttle, cluster.servers[1]);
    let waiting = tokio::spawn(async move {
        there.admit((&name, &Realm::Default), Some(&password), &client, cluster.lockout).await.map(AttemptPermit::cancel)
    });
    // Its patience, and its pause.
    while clock.sleepers() < 2 {
        tokio::task::yield_now().await;
    }
    permits.pop().unwrap().succeed(&person("alice"), &[]);
    here.flush().await;
    assert!(!waiting.is_finished(), "no news comes from there");
    clock.advance(PAUSES.0);
    assert!(waiting.await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_try_whose_server_died_counts_as_failed_after_its_time_out_and_blocks_nobody_for_ever() {
    for identifies_before_bind in [true, false] {
        let Some(cluster) = Cluster::new(2, 3, identifies_before_bind) else { return };
        cluster.john_signs_in().await;
        let own = cluster.own_browser();
        std::mem::forget(cluster.admit(0, "jdoe", "wrong", &own).await.unwrap());
        let other = cluster.admit(1, "jdoe", "another", &own).await.unwrap();
        let third = cluster.admit(1, "jdoe", "third", &own).await.map(drop);
        assert_eq!(reason(third), Err(ThrottleReason::Pending), "both may fail");
        other.cancel();
        cluster.servers[1].throttle.flush().await;
        cluster.pass(2 * MINUTE);
        cluster.fails(1, "jdoe", "another", &own).await.unwrap();
        let denied = reason(cluster.admit(1, "jdoe", "third", &own).await.map(drop));
        assert!(matches!(denied, Err(ThrottleReason::Exhausted(_))), "the dead one's counts: {denied:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_count_for_as_long_as_a_try_that_may_have_been_counted_on_top_of_them() {
    // The directory's count is over half an hour after a failure, and ours a minute later. The last of four is sent shortly before.
    for (sent_after, ended_after) in [(29, 2), (30, 1), (30, 2), (30, 20)] {
        for becomes in [None, Some(AttemptFailure::Wrong), Some(AttemptFailure::Unanswered)] {
            let Some(cluster) = Cluster::new(2, 5, false) else { return };
            cluster.john_signs_in().await;
            let own = cluster.own_browser();
            for number in 0..3 {
                cluster.fails(number % 2, "jdoe", &format!("wrong {number}"), &own).await.unwrap();
            }
            cluster.pass(sent_after * MINUTE);
            let last = cluster.admit(0, "jdoe", "wrong", &own).await.unwrap();
            cluster.pass(ended_after * MINUTE);
            match becomes {
                Some(failure) => last.fail(failure),
                None => std::mem::forget(last),
            }
            cluster.servers[0].throttle.flush().await;
            let denied = cluster.admit(1, "jdoe", "one more", &own).await.map(drop);
            assert!(denied.is_err(), "sent after {sent_after} minutes, {becomes:?} after {ended_after}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_store_nobody_is_let_through_and_nothing_is_given_back() {
    for cut in [Connection::Cut, Connection::Mute] {
        let Some(cluster) = Cluster::new(2, 3, true) else { return };
        cluster.john_signs_in().await;
        let own = cluster.own_browser();
        let permit = cluster.admit(0, "jdoe", "wrong", &own).await.unwrap();
        cluster.servers[0].store.set(cut);
        let denied = cluster.admit(0, "jdoe", "another", &own).await.map(drop);
        assert!(matches!(denied, Err(AttemptDenial::Store(_))), "{denied:?}");
        // What could not be settled has failed.
        permit.fail(AttemptFailure::Wrong);
        cluster.servers[0].throttle.flush().await;
        cluster.servers[0].store.set(Connection::Up);
        cluster.pass(2 * MINUTE);
        let mut heard = 0;
        for number in 0..9 {
            heard += u32::from(reason(cluster.fails(number % 2, "jdoe", &format!("later {number}"), &own).await).is_ok());
        }
        assert!(heard <= 1, "{cut:?}: {heard}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_strangers_is_stopped_before_the_store_hears_of_it() {
    let Some(cluster) = Cluster::new(1, 5, false) else { return };
    let steps = || cluster.servers[0].store.steps.load(Ordering::Relaxed);
    let flood = async |names: &dyn Fn(usize) -> String, passwords: &dyn Fn(usize) -> String| {
        let before = steps();
        for number in 0..500 {
            let _ = cluster.fails(0, &names(number), &passwords(number), &from("203.0.113.5")).await;
        }
        steps() - before
    };
    let same = |_| "alice".to_owned();
    let other = |number: usize| format!("{number}");
    assert!(flood(&same, &same).await <= 4, "one password again and again");
    assert!(flood(&same, &other).await <= 6, "one name again and again");
    assert!(flood(&other, &other).await <= 2 * 30, "one name after the other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_signed_in_here_floods_the_store_under_others_names_no_more_than_a_stranger() {
    let Some(cluster) = Cluster::new(1, 5, false) else { return };
    cluster.john_signs_in().await;
    let own = cluster.own_browser();
    let before = cluster.servers[0].store.steps.load(Ordering::Relaxed);
    for number in 0..500 {
        let _ = cluster.fails(0, &format!("other {number}"), &format!("{number}"), &own).await;
    }
    let steps = cluster.servers[0].store.steps.load(Ordering::Relaxed) - before;
    assert!(steps <= 3 * 30, "{steps}");
    cluster.admit(0, "jdoe", "right", &own).await.unwrap().cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_settled_is_settled_once_when_the_store_answers_again() {
    for cut in [Connection::Cut, Connection::Mute] {
        let Some(cluster) = Cluster::new(2, 4, true) else { return };
        cluster.john_signs_in().await;
        let own = cluster.own_browser();
        let ClusterServer { throttle, store, clock } = cluster.servers[0];
        let failed = cluster.admit(0, "jdoe", "wrong", &own).await.unwrap();
        let cancelled = cluster.admit(0, "jdoe", "another", &own).await.unwrap();
        store.set(cut);
        failed.fail(AttemptFailure::Wrong);
        cancelled.cancel();
        throttle.flush().await;
        while clock.sleepers() < 2 {
            tokio::task::yield_now().await;
        }
        store.set(Connection::Up);
        cluster.pass(Duration::from_secs(1));
        // Both are tried again, which the first of these tries may come before.
        let mut heard = Vec::new();
        for number in 0..3 {
            let tried = loop {
                let tried = cluster.fails(1, "jdoe", &format!("later {number}"), &own).await;
                match reason(tried) {
                    Err(ThrottleReason::Pending) => tokio::task::yield_now().await,
                    tried => break tried,
                }
            };
            heard.push(tried.is_ok());
        }
        assert_eq!(heard, [true, true, false], "{cut:?}: three may fail, and one had");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_is_familiar_by_the_factor_that_was_shown_in_it_and_not_by_a_clock() {
    let Some(cluster) = Cluster::new(3, 5, true) else { return };
    let issue = |server: usize, proof| {
        let throttle = cluster.servers[server].throttle;
        let cookie = throttle.issue_device_cookie(&[username("jdoe")], &Realm::Default, &john().id, proof).unwrap();
        from("198.51.100.77").with_device_cookie(Some(&cookie.reveal()))
    };
    let ClusterServer { throttle: here, clock, .. } = cluster.servers[0];
    // The factor is set up here and now; the second server's clock is ahead, and the third's is behind.
    let since = clock.now();
    let is_familiar = |client: &Client| here.device_of(client, &john().id, since).is_some();
    assert!(!is_familiar(&issue(1, DeviceProof::Password)), "issued before, by a clock that is ahead");
    assert!(is_familiar(&issue(2, DeviceProof::SecondFactor)), "issued after it, by a clock that is behind");
    assert!(here.device_of(&issue(0, DeviceProof::SecondFactor), &person("eve"), since).is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pending_try_is_a_failure_for_an_engine_that_has_none_pending() {
    let Some(cluster) = Cluster::new(1, 5, false) else { return };
    let permit = cluster.admit(0, "alice", "wrong", &from("192.0.2.1")).await.unwrap();
    let rows = cluster.servers[0].store.store.dump().await;
    assert!(rows.iter().any(|row| row.contains("began_at")), "it is pending");
    assert!(rows.iter().all(|row| !row.contains("began_at") || !row.contains(",[],")), "{rows:?}");
    permit.cancel();
    cluster.servers[0].throttle.flush().await;
}

#[tokio::test]
async fn the_strictest_policy_is_found_without_a_look_at_everybody() {
    let Some(database) = PostgresDatabase::of_test() else { return };
    PostgresThrottleStore::open(&database).await.unwrap();
    let none = sqlx::migrate::Migrator::with_migrations(Vec::new());
    let store = PostgresStore::open(&database, KIND, "test", none).await.unwrap();
    let people = "INSERT INTO throttle_people SELECT number, NULL, 5 + number % 3, 1800000 + number % 3, 1795309126976
         FROM generate_series(1, 20000) AS number";
    store.execute(sqlx::query(people)).await.unwrap();
    store.execute(sqlx::query("ANALYZE throttle_people")).await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    let load = "SELECT throttle_load('{1}', '{2}', '{3}', 4, true, 1795309126977) ->> 'strictest_policy'";
    let (policy,): (String,) = transaction.fetch_one(sqlx::query_as(load)).await.unwrap();
    assert_eq!(policy, "[5, 1800002]");
    let read =
        "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = 'throttle_people'";
    let (read,): (i64,) = transaction.fetch_one(sqlx::query_as(read)).await.unwrap();
    assert!(read < 100, "{read} rows");
    transaction.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_heard_by_all_servers() {
    let Some(cluster) = Cluster::new(2, 10, true) else { return };
    cluster.john_signs_in().await;
    let stranger = from("203.0.113.5");
    for server in [0, 1] {
        for number in 0..9 {
            let _ = cluster.fails(server, "jdoe", &format!("wrong {server} {number}"), &stranger).await;
        }
    }
    let released = cluster.servers[1].throttle.release(&username("jdoe")).await.unwrap();
    assert_eq!(released, Release { had_failures: true, is_known: true });
    cluster.pass(Duration::from_secs(1));
    for server in [1, 0] {
        let throttle = cluster.servers[server].throttle;
        let (name, password) = (username("jdoe"), typed("right"));
        let admitted = throttle.admit((&name, &Realm::Default), Some(&password), &stranger, cluster.lockout).await;
        reason(admitted.map(AttemptPermit::cancel)).unwrap();
        throttle.flush().await;
    }
}

/// Something that happens in the model.
#[derive(Clone, Debug)]
enum Event {
    /// An attempt is begun, which is made at the directory if it is let through.
    Begin {
        server: usize,
        name: usize,
        client: usize,
        password: usize,
    },
    /// The outcome of the attempt that has waited longest is recorded.
    Settle,
    /// A server dies, with what it has under way; another is in its place.
    Die {
        server: usize,
    },
    /// A server's connection to the store changes.
    Connect {
        server: usize,
        connection: Connection,
    },
    Pass {
        seconds: u64,
    },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let connection = prop_oneof![Just(Connection::Up), Just(Connection::Cut), Just(Connection::Mute)];
    let begin = (0..3_usize, 0..2_usize, 0..4_usize, 0..12_usize).prop_map(|(server, name, client, password)| Event::Begin {
        server,
        name,
        client,
        password,
    });
    let event = prop_oneof![
        12 => begin,
        6 => Just(Event::Settle),
        1 => (0..3_usize).prop_map(|server| Event::Die { server }),
        2 => (0..3_usize, connection).prop_map(|(server, connection)| Event::Connect { server, connection }),
        2 => prop_oneof![1..30_u64, 100..1_900_u64].prop_map(|seconds| Event::Pass { seconds }),
    ];
    prop::collection::vec(event, 10..60)
}

/// Runs the events; the directory's worst count of John's failures.
async fn worst_count(cluster: &Cluster, events: &[Event]) -> u32 {
    let clients = [from("192.0.2.1"), from("203.0.113.5"), from("198.51.100.9"), cluster.own_browser()];
    let mut directory = DirectoryCount::default();
    let mut open: Vec<(usize, AttemptPermit<'static>, bool)> = Vec::new();
    for event in events {
        match event {
            Event::Begin { server, name, client, password } => {
                // The first of the passwords is right.
                let (name, password) = (["jdoe", "john.doe"][*name], format!("typed {password}"));
                let admitted = cluster.admit(*server, name, &password, &clients[*client]).await;
                let Ok(permit) = admitted else { continue };
                let is_right = password == "typed 0";
                if is_right {
                    directory.failures = 0;
                } else {
                    directory.fail(cluster.clock.now());
                }
                open.push((*server, permit, is_right));
            }
            Event::Settle if open.is_empty() => {}
            Event::Settle => {
                let (server, permit, is_right) = open.remove(0);
                if is_right {
                    permit.succeed(&john().id, &["jdoe", "john.doe"].map(username));
                } else {
                    permit.fail(AttemptFailure::Wrong);
                }
                cluster.servers[server].throttle.flush().await;
            }
            Event::Die { server } => {
                for (_, permit, _) in open.extract_if(.., |(of, ..)| of == server) {
                    std::mem::forget(permit);
                }
            }
            Event::Connect { server, connection } => cluster.servers[*server].store.set(*connection),
            Event::Pass { seconds } => cluster.pass(Duration::from_secs(*seconds)),
        }
    }
    directory.worst
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_account_gets_more_tries_than_its_budget_whatever_becomes_of_servers_and_store(
        events in events(), threshold in 3..7_u32, identifies_before_bind: bool,
    ) {
        if let Some(cluster) = Cluster::new(3, threshold, identifies_before_bind) {
            let worst = wait_for(async {
                cluster.john_signs_in().await;
                worst_count(&cluster, &events).await
            });
            prop_assert!(worst < threshold, "{} of {}", worst, threshold);
        }
    }
}
