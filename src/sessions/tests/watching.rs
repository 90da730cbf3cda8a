use std::future::Future;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::fixture::{ABSOLUTE, IDLE, MINUTE, SessionsFixture, hears_the_end, person};
use crate::domain::{EndReason, SessionId};
use crate::sessions::Session;
use crate::store::WatchedStore as _;

/// Long enough for any machine; only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

async fn soon<T>(event: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, event).await.unwrap()
}

impl SessionsFixture {
    /// A live connection that listens, and says why it closed.
    fn connects(&self, session: &Session) -> JoinHandle<EndReason> {
        let mut watch = self.sessions.watch(session.id, &session.person);
        tokio::spawn(async move { hears_the_end(&mut watch).await })
    }

    /// Moves the clock by `length` in steps that give every listener the time to look.
    async fn time_passes(&self, length: Duration) {
        let mut left = length;
        while !left.is_zero() {
            let step = left.min(MINUTE);
            self.clock.advance(step);
            left -= step;
            self.sessions.row_statuses(&[0]).await.unwrap();
        }
    }
}

#[tokio::test]
async fn every_connection_of_a_session_hears_its_end_and_no_other_does() {
    let house = SessionsFixture::new().await;
    let (_, alice) = house.signs_in("alice").await;
    let (_, bob) = house.signs_in("bob").await;
    let connections: Vec<_> = (0..5).map(|_| house.connects(&alice)).collect();
    let other = house.connects(&bob);
    house.sessions.end(alice.id, EndReason::Revoked).await.unwrap();
    for connection in connections {
        assert_eq!(soon(connection).await.unwrap(), EndReason::Revoked);
    }
    assert!(!other.is_finished());
    house.sessions.end(bob.id, EndReason::SignedOut).await.unwrap();
    assert_eq!(soon(other).await.unwrap(), EndReason::SignedOut);
}

#[tokio::test]
async fn an_end_before_the_watch_is_still_heard_with_its_reason() {
    let house = SessionsFixture::new().await;
    let (_, session) = house.signs_in("alice").await;
    house.sessions.end(session.id, EndReason::SignedOut).await.unwrap();
    assert_eq!(soon(hears_the_end(&mut house.sessions.watch(session.id, &session.person))).await, EndReason::SignedOut);
    assert_eq!(soon(hears_the_end(&mut house.sessions.watch(session.id, &session.person))).await, EndReason::SignedOut);
}

#[tokio::test]
async fn a_session_that_never_was_is_over() {
    let house = SessionsFixture::new().await;
    assert_eq!(
        soon(hears_the_end(&mut house.sessions.watch(SessionId::new(4711), &person("alice")))).await,
        EndReason::Expired
    );
}

#[tokio::test]
async fn an_end_between_watching_and_listening_is_not_missed() {
    let house = SessionsFixture::new().await;
    let (_, session) = house.signs_in("alice").await;
    let mut watch = house.sessions.watch(session.id, &session.person);
    house.sessions.end(session.id, EndReason::Revoked).await.unwrap();
    assert_eq!(soon(hears_the_end(&mut watch)).await, EndReason::Revoked);
    assert_eq!(soon(hears_the_end(&mut watch)).await, EndReason::Revoked, "and is told again to whoever asks again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_end_is_missed_however_the_two_race() {
    let house = SessionsFixture::new().await;
    for _ in 0..100 {
        let (_, session) = house.signs_in("alice").await;
        let sessions = house.sessions.clone();
        let ending = tokio::spawn(async move { sessions.end(session.id, EndReason::SignedOut).await });
        let connections = [house.connects(&session), house.connects(&session)];
        assert!(ending.await.unwrap().unwrap());
        for connection in connections {
            assert_eq!(soon(connection).await.unwrap(), EndReason::SignedOut);
        }
    }
}

#[tokio::test]
async fn listening_alone_is_not_activity() {
    let house = SessionsFixture::new().await;
    let (_, session) = house.signs_in("alice").await;
    let mut watch = house.sessions.watch(session.id, &session.person);
    let listening = async { hears_the_end(&mut watch).await };
    let passing = async {
        house.time_passes(IDLE - MINUTE).await;
        assert_eq!(house.sessions.of_person(&session.person.id).await.unwrap().len(), 1);
        house.time_passes(MINUTE).await;
    };
    let (reason, ()) = soon(async { tokio::join!(listening, passing) }).await;
    assert_eq!(reason, EndReason::Expired);
}

#[tokio::test]
async fn a_page_in_use_keeps_its_connection_until_the_last_hour() {
    let house = SessionsFixture::new().await;
    let (token, session) = house.signs_in("alice").await;
    let connection = house.connects(&session);
    let mut passed = Duration::ZERO;
    while passed + IDLE / 2 < ABSOLUTE {
        house.time_passes(IDLE / 2).await;
        passed += IDLE / 2;
        assert!(house.knows(&token).await);
        assert!(!connection.is_finished(), "after {passed:?}");
    }
    house.time_passes(ABSOLUTE - passed).await;
    assert_eq!(soon(connection).await.unwrap(), EndReason::Expired);
}

#[tokio::test]
async fn a_sweep_tells_the_connections_of_what_it_ends() {
    let house = SessionsFixture::new().await;
    let (_, session) = house.signs_in("alice").await;
    let mut watch = house.sessions.watch(session.id, &session.person);
    house.clock.advance(IDLE);
    house.sessions.sweep().await.unwrap();
    assert_eq!(house.sessions.watch_registry().len(), 0, "told, and so forgotten");
    assert_eq!(soon(hears_the_end(&mut watch)).await, EndReason::Expired);
}

#[tokio::test]
async fn an_end_written_by_another_process_is_heard_within_a_minute() {
    let house = SessionsFixture::new().await;
    let (_, session) = house.signs_in("alice").await;
    let other = SessionsFixture::beside(&house).await;
    let mut watch = house.sessions.watch(session.id, &session.person);
    assert!(tokio::time::timeout(Duration::from_millis(1), hears_the_end(&mut watch)).await.is_err());
    other.end(session.id, EndReason::Revoked).await.unwrap();
    house.clock.advance(MINUTE);
    assert_eq!(soon(hears_the_end(&mut watch)).await, EndReason::Revoked);
}

#[tokio::test]
async fn a_cancelled_wait_costs_no_further_look_into_the_store() {
    let house = SessionsFixture::new().await;
    let (_, session) = house.signs_in("alice").await;
    let mut watch = house.sessions.watch(session.id, &session.person);
    tokio::select! {
        biased;
        _ = hears_the_end(&mut watch) => panic!("it goes on"),
        () = house.time_passes(Duration::from_secs(1)) => {}
    }
    // One that had looked would be waiting for the store; this one is asked a thousand times without.
    house.sessions.close().await;
    for _ in 0..1000 {
        let asked = tokio::time::timeout(Duration::ZERO, hears_the_end(&mut watch)).await;
        assert!(asked.is_err(), "{asked:?}");
    }
}

#[tokio::test]
async fn a_store_that_stays_silent_closes_the_connection_in_the_end() {
    let house = SessionsFixture::new().await;
    let (_, session) = house.signs_in("alice").await;
    house.sessions.close().await;
    let connection = house.connects(&session);
    let passing = async {
        loop {
            house.clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        reason = soon(connection) => assert_eq!(reason.unwrap(), EndReason::Expired),
        () = passing => {}
    }
}

#[tokio::test]
async fn nobody_is_remembered_who_no_longer_listens() {
    let house = SessionsFixture::new().await;
    let (_, session) = house.signs_in("alice").await;
    let watches: Vec<_> = (0..10).map(|_| house.sessions.watch(session.id, &session.person)).collect();
    assert_eq!(house.sessions.watch_registry().len(), 1);
    drop(watches);
    assert_eq!(house.sessions.watch_registry().len(), 0);

    // An old watch that goes must not take a new one's place in the book with it.
    let old = house.sessions.watch(session.id, &session.person);
    house.sessions.end(session.id, EndReason::Revoked).await.unwrap();
    let new = house.sessions.watch(session.id, &session.person);
    drop(old);
    assert_eq!(house.sessions.watch_registry().len(), 1);
    drop(new);
    assert_eq!(house.sessions.watch_registry().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_who_leave_together_are_all_forgotten() {
    let house = SessionsFixture::new().await;
    let (_, session) = house.signs_in("alice").await;
    for _ in 0..200 {
        let leaving: Vec<_> = (0..4)
            .map(|_| {
                let watch = house.sessions.watch(session.id, &session.person);
                tokio::spawn(async move { drop(watch) })
            })
            .collect();
        for task in leaving {
            task.await.unwrap();
        }
        assert_eq!(house.sessions.watch_registry().len(), 0);
    }
}
