//! The memory that outlives a restart, and releases by hand.

use tempfile::TempDir;

use super::*;
use crate::auth::throttle::{PostgresThrottleStore, SqliteThrottleStore, release_attempts};
use crate::store::PostgresDatabase;

/// A throttle over a store, as after a start.
fn started(store: Arc<dyn ThrottleStore>, clock: &Arc<ManualClock>) -> ThrottleFixture {
    let keys = Arc::new(Keys::from_secret(&[7; 32]));
    let throttle = Throttle::new(clock.clone(), keys, store);
    let (forgetful, lockout) = (Arc::new(Forgetful::new(clock)), LockoutInfo::new(Some(policy(5)), false));
    ThrottleFixture { clock: clock.clone(), throttle, forgetful, lockout }
}

struct Restarts {
    folder: TempDir,
    database: Option<PostgresDatabase>,
    clock: Arc<ManualClock>,
}

impl Restarts {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_309_126_976)));
        let database = if on_postgres() { PostgresDatabase::of_test() } else { None };
        Self { folder: tempfile::tempdir().unwrap(), database, clock }
    }

    async fn open(&self) -> Arc<dyn ThrottleStore> {
        if let Some(database) = &self.database {
            return Arc::new(PostgresThrottleStore::open(database).await.unwrap().with_clock(&self.clock));
        }
        let file = self.folder.path().join("failed_attempts.db");
        Arc::new(SqliteThrottleStore::open(&file, self.clock.clone()).await.unwrap())
    }

    /// Everything that is stored, in pieces.
    async fn stored(&self) -> Vec<Vec<u8>> {
        if let Some(database) = &self.database {
            let rows = PostgresThrottleStore::open(database).await.unwrap().dump().await;
            assert!(!rows.is_empty());
            return rows.into_iter().map(String::into_bytes).collect();
        }
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }

    async fn start(&self) -> ThrottleFixture {
        started(self.open().await, &self.clock)
    }
}

fn is_exhausted(tried: Result<(), ThrottleReason>) -> bool {
    matches!(tried, Err(ThrottleReason::Exhausted(_)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_and_whose_names_they_are_outlive_a_restart() {
    let restarts = Restarts::new();
    let fixture = restarts.start().await;
    fixture.admit("jdoe", "198.51.100.9").unwrap().succeed(&person("john"), &["jdoe", "john.doe"].map(username));
    let own = fixture.own_browser(&["jdoe"], "john");
    for _ in 0..3 {
        fixture.admit_with("jdoe", &unused_password(), &own).unwrap().fail(AttemptFailure::Wrong);
    }
    fixture.fails("nobody", "203.0.113.5").unwrap();
    fixture.fails("nobody", "203.0.113.5").unwrap();
    fixture.throttle.flush().await;

    let fixture = restarts.start().await;
    fixture.admit_with("john.doe", &unused_password(), &own).unwrap().fail(AttemptFailure::Wrong);
    assert!(is_exhausted(fixture.admit_with("jdoe", "right", &own).map(drop)), "four in all, under both names");
    assert!(is_exhausted(fixture.fails("nobody", "203.0.113.6")));
    fixture.throttle.flush().await;
    restarts.clock.advance(31 * MINUTE);
    fixture.throttle.sweep().await.unwrap();

    let fixture = restarts.start().await;
    assert!(fixture.admit_with("jdoe", "right", &own).is_ok(), "the window is over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_was_known_before_a_restart_holds_until_the_directory_tells_it_again() {
    let restarts = Restarts::new();
    let fixture = restarts.start().await;
    for (name, threshold) in [("jdoe", 3), ("mary", 0)] {
        let permit = fixture.admit(name, "198.51.100.9").unwrap();
        permit.record_policy(policy(threshold));
        permit.succeed(&person(name), &[]);
    }
    fixture.throttle.flush().await;
    let mut fixture = restarts.start().await;
    fixture.lockout.policy = None;
    assert_eq!(fixture.fails("newcomer", "203.0.113.5"), Ok(()));
    assert!(is_exhausted(fixture.fails("newcomer", "203.0.113.6")), "half of what locks nobody where three lock");
    fixture.lockout.policy = Some(policy(5));
    // Where several servers share a store, a refusal is repeated for a second.
    fixture.pass(Duration::from_secs(1));
    assert_eq!(fixture.fails("newcomer", "203.0.113.6"), Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_sign_in_is_written_down_too() {
    let restarts = Restarts::new();
    let fixture = restarts.start().await;
    let own = fixture.own_browser(&["jdoe"], "john");
    for _ in 0..3 {
        fixture.admit_with("jdoe", &unused_password(), &own).unwrap().fail(AttemptFailure::Wrong);
    }
    fixture.throttle.flush().await;
    fixture.admit_with("jdoe", "right", &own).unwrap().succeed(&person("john"), &[]);
    fixture.throttle.flush().await;
    let fixture = restarts.start().await;
    for _ in 0..4 {
        fixture.admit_with("jdoe", &unused_password(), &own).unwrap().fail(AttemptFailure::Wrong);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_password_and_no_name_is_in_the_file() {
    let restarts = Restarts::new();
    let fixture = restarts.start().await;
    fixture.admit_with("jdoe", "pa55-nearly", &from("192.0.2.1")).unwrap().succeed(&person("john"), &[username("jdoe")]);
    fixture.admit_with("jdoe", "pa55-nearli", &from("192.0.2.1")).unwrap().fail(AttemptFailure::Wrong);
    fixture.throttle.flush().await;
    fixture.throttle.counters.store.close().await;
    for bytes in restarts.stored().await {
        for secret in ["pa55", "jdoe", "objectGUID"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_by_hand_frees_all_names_of_somebody_at_once_in_this_process_and_in_others() {
    let restarts = Restarts::new();
    let fixture = restarts.start().await;
    fixture.admit("jdoe", "198.51.100.9").unwrap().succeed(&person("john"), &["jdoe", "john.doe"].map(username));
    let own = fixture.own_browser(&["jdoe"], "john");
    let lockout = fixture.lockout;
    let admit = async |name: &str, client: &Client| {
        fixture
            .throttle
            .admit((&username(name), &Realm::Default), Some(&typed(&unused_password())), client, lockout)
            .await
            .map(AttemptPermit::cancel)
            .or_reason()
    };
    let exhaust = async || {
        while let Ok(permit) = fixture.admit_with("jdoe", &unused_password(), &own) {
            permit.fail(AttemptFailure::Wrong);
        }
        while let Ok(permit) = fixture.admit("jdoe", "203.0.113.5") {
            permit.fail(AttemptFailure::Wrong);
        }
        fixture.throttle.flush().await;
    };
    exhaust().await;
    assert!(is_exhausted(admit("jdoe", &own).await));
    let released = fixture.throttle.release(&username("john.doe")).await.unwrap();
    assert_eq!(released, Release { had_failures: true, is_known: true });
    assert_eq!(admit("jdoe", &own).await, Ok(()));
    assert_eq!(admit("john.doe", &from("203.0.113.5")).await, Ok(()));

    exhaust().await;
    let beside = restarts.open().await;
    let keys = Keys::from_secret(&[7; 32]);
    let released = release_attempts(&*beside, &keys, &username("CORP\\jdoe")).await.unwrap();
    assert_eq!(released, Release { had_failures: true, is_known: true });
    assert_eq!(admit("jdoe", &own).await, Ok(()), "the running server has heard of it");

    let released = fixture.throttle.release(&username("nobody")).await.unwrap();
    assert_eq!(released, Release { had_failures: false, is_known: false });
    let fixture = restarts.start().await;
    assert!(fixture.admit_with("jdoe", &unused_password(), &own).is_ok(), "after a restart, too");
}
