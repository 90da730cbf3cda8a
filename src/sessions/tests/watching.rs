use std::future::Future;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::fixture::{ABSOLUTE, IDLE, MINUTE, SessionsFixture, hears_the_end, person};
use crate::domain::{EndReason, SessionId};
use crate::sessions::Session;
use crate::store::{RowEvent, WatchedStore as _};

/// Long enough for any machine; only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

async fn soon<T>(event: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, event).await.unwrap()
}

impl SessionsFixture {
    /// A live connection that watches, and returns why it closed.
    fn connects(&self, session: &Session) -> JoinHandle<EndReason> {
        let mut watch = self.sessions.watch(session.id, &session.person);
        tokio::spawn(async move { hears_the_end(&mut watch).await })
    }

    /// Moves the clock by `length` in steps that give every watch the time to be checked.
    async fn time_passes(&self, length: Duration) {
        let mut left = length;
        while !left.is_zero() {
            let step = left.min(MINUTE);
            self.clock.advance(step);
            left -= step;
            self.sessions.row_statuses(&[SessionId::new(0)]).await.unwrap();
        }
    }
}

#[tokio::test]
async fn every_connection_of_a_session_hears_its_end_and_no_other_does() {
    let fixture = SessionsFixture::new().await;
    let (_, alice) = fixture.signs_in("alice").await;
    let (_, bob) = fixture.signs_in("bob").await;
    let connections: Vec<_> = (0..5).map(|_| fixture.connects(&alice)).collect();
    let other = fixture.connects(&bob);
    fixture.sessions.end(alice.id, EndReason::Revoked).await.unwrap();
    for connection in connections {
        assert_eq!(soon(connection).await.unwrap(), EndReason::Revoked);
    }
    assert!(!other.is_finished());
    fixture.sessions.end(bob.id, EndReason::SignedOut).await.unwrap();
    assert_eq!(soon(other).await.unwrap(), EndReason::SignedOut);
}

#[tokio::test]
async fn an_end_before_the_watch_is_still_heard_with_its_reason() {
    let fixture = SessionsFixture::new().await;
    let (_, session) = fixture.signs_in("alice").await;
    fixture.sessions.end(session.id, EndReason::SignedOut).await.unwrap();
    assert_eq!(soon(hears_the_end(&mut fixture.sessions.watch(session.id, &session.person))).await, EndReason::SignedOut);
    assert_eq!(soon(hears_the_end(&mut fixture.sessions.watch(session.id, &session.person))).await, EndReason::SignedOut);
}

#[tokio::test]
async fn a_session_that_never_was_is_over() {
    let fixture = SessionsFixture::new().await;
    assert_eq!(
        soon(hears_the_end(&mut fixture.sessions.watch(SessionId::new(4711), &person("alice")))).await,
        EndReason::Expired
    );
}

#[tokio::test]
async fn an_end_between_watching_and_listening_is_not_missed() {
    let fixture = SessionsFixture::new().await;
    let (_, session) = fixture.signs_in("alice").await;
    let mut watch = fixture.sessions.watch(session.id, &session.person);
    fixture.sessions.end(session.id, EndReason::Revoked).await.unwrap();
    assert_eq!(soon(hears_the_end(&mut watch)).await, EndReason::Revoked);
    assert_eq!(soon(hears_the_end(&mut watch)).await, EndReason::Revoked, "and is told again to whoever asks again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_end_is_missed_however_the_two_race() {
    let fixture = SessionsFixture::new().await;
    for _ in 0..100 {
        let (_, session) = fixture.signs_in("alice").await;
        let sessions = fixture.sessions.clone();
        let ending = tokio::spawn(async move { sessions.end(session.id, EndReason::SignedOut).await });
        let connections = [fixture.connects(&session), fixture.connects(&session)];
        assert!(ending.await.unwrap().unwrap());
        for connection in connections {
            assert_eq!(soon(connection).await.unwrap(), EndReason::SignedOut);
        }
    }
}

#[tokio::test]
async fn listening_alone_is_not_activity() {
    let fixture = SessionsFixture::new().await;
    let (_, session) = fixture.signs_in("alice").await;
    let mut watch = fixture.sessions.watch(session.id, &session.person);
    let listening = async { hears_the_end(&mut watch).await };
    let passing = async {
        fixture.time_passes(IDLE - MINUTE).await;
        assert_eq!(fixture.sessions.of_person(&session.person.id).await.unwrap().len(), 1);
        fixture.time_passes(MINUTE).await;
    };
    let (reason, ()) = soon(async { tokio::join!(listening, passing) }).await;
    assert_eq!(reason, EndReason::Expired);
}

#[tokio::test]
async fn a_page_in_use_keeps_its_connection_until_the_last_hour() {
    let fixture = SessionsFixture::new().await;
    let (token, session) = fixture.signs_in("alice").await;
    let connection = fixture.connects(&session);
    let mut passed = Duration::ZERO;
    while passed + IDLE / 2 < ABSOLUTE {
        fixture.time_passes(IDLE / 2).await;
        passed += IDLE / 2;
        assert!(fixture.knows(&token).await);
        assert!(!connection.is_finished(), "after {passed:?}");
    }
    fixture.time_passes(ABSOLUTE - passed).await;
    assert_eq!(soon(connection).await.unwrap(), EndReason::Expired);
}

#[tokio::test]
async fn a_sweep_tells_the_connections_of_what_it_ends() {
    let fixture = SessionsFixture::new().await;
    let (_, session) = fixture.signs_in("alice").await;
    let mut watch = fixture.sessions.watch(session.id, &session.person);
    fixture.clock.advance(IDLE);
    fixture.sessions.sweep().await.unwrap();
    assert_eq!(fixture.sessions.watch_registry().len(), 0, "told, and so forgotten");
    assert_eq!(soon(hears_the_end(&mut watch)).await, EndReason::Expired);
}

#[tokio::test]
async fn an_end_written_by_another_process_is_heard_within_a_minute() {
    let fixture = SessionsFixture::new().await;
    let (_, session) = fixture.signs_in("alice").await;
    let other = SessionsFixture::beside(&fixture).await;
    let mut watch = fixture.sessions.watch(session.id, &session.person);
    assert!(tokio::time::timeout(Duration::from_millis(1), hears_the_end(&mut watch)).await.is_err());
    other.end(session.id, EndReason::Revoked).await.unwrap();
    fixture.clock.advance(MINUTE);
    assert_eq!(soon(hears_the_end(&mut watch)).await, EndReason::Revoked);
}

#[tokio::test]
async fn a_cancelled_wait_costs_no_further_look_into_the_store() {
    let fixture = SessionsFixture::new().await;
    let (_, session) = fixture.signs_in("alice").await;
    let mut watch = fixture.sessions.watch(session.id, &session.person);
    tokio::select! {
        biased;
        _ = hears_the_end(&mut watch) => panic!("it goes on"),
        () = fixture.time_passes(Duration::from_secs(1)) => {}
    }
    // A watch that read the store would fail now; this one is polled a thousand times without.
    fixture.sessions.close().await;
    for _ in 0..1000 {
        let asked = tokio::time::timeout(Duration::ZERO, hears_the_end(&mut watch)).await;
        assert!(asked.is_err(), "{asked:?}");
    }
}

#[tokio::test]
async fn a_store_that_stays_silent_closes_the_connection_in_the_end() {
    let fixture = SessionsFixture::new().await;
    let (_, session) = fixture.signs_in("alice").await;
    fixture.sessions.close().await;
    let mut watch = fixture.sessions.watch(session.id, &session.person);
    let passing = async {
        loop {
            fixture.clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        event = soon(watch.next_event()) => assert_eq!(event, RowEvent::Unconfirmed, "it has not ended"),
        () = passing => {}
    }
}

#[tokio::test]
async fn nobody_is_remembered_who_no_longer_listens() {
    let fixture = SessionsFixture::new().await;
    let (_, session) = fixture.signs_in("alice").await;
    let watches: Vec<_> = (0..10).map(|_| fixture.sessions.watch(session.id, &session.person)).collect();
    assert_eq!(fixture.sessions.watch_registry().len(), 1);
    drop(watches);
    assert_eq!(fixture.sessions.watch_registry().len(), 0);

    // An old watch that goes must not take a new one's place in the table with it.
    let old = fixture.sessions.watch(session.id, &session.person);
    fixture.sessions.end(session.id, EndReason::Revoked).await.unwrap();
    let new = fixture.sessions.watch(session.id, &session.person);
    drop(old);
    assert_eq!(fixture.sessions.watch_registry().len(), 1);
    drop(new);
    assert_eq!(fixture.sessions.watch_registry().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_who_leave_together_are_all_forgotten() {
    let fixture = SessionsFixture::new().await;
    let (_, session) = fixture.signs_in("alice").await;
    for _ in 0..200 {
        let leaving: Vec<_> = (0..4)
            .map(|_| {
                let watch = fixture.sessions.watch(session.id, &session.person);
                tokio::spawn(async move { drop(watch) })
            })
            .collect();
        for task in leaving {
            task.await.unwrap();
        }
        assert_eq!(fixture.sessions.watch_registry().len(), 0);
    }
}
