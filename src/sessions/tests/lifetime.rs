use std::sync::Arc;
use std::time::Duration;

use super::fixture::{ABSOLUTE, IDLE, MINUTE, SessionsFixture, hears_the_end, person};
use crate::domain::{Client, EndReason, Revalidation};
use crate::sessions::{SessionOptions, SessionToken};
use crate::store::StoreError;

#[tokio::test]
async fn a_session_is_found_as_it_was_begun() {
    let fixture = SessionsFixture::new().await;
    let client = Client::new("2001:db8::7".parse().ok(), Some("Browser/1 (Büro)"));
    let (token, begun) = fixture
        .sessions
        .begin(&person("alice"), &client, SessionOptions::password_only(Revalidation::Refreshed))
        .await
        .unwrap();
    let found = fixture.sessions.find(&token).await.unwrap().valid().unwrap();
    assert_eq!(found, begun);
    assert_eq!(found.person, person("alice"));
    assert_eq!(found.client, client);
}

#[tokio::test]
async fn a_token_that_was_never_given_finds_nobody() {
    let fixture = SessionsFixture::new().await;
    fixture.signs_in("alice").await;
    assert!(!fixture.knows(&SessionToken::generate().unwrap()).await);
}

#[tokio::test]
async fn every_sign_in_has_a_token_and_an_id_of_its_own() {
    let fixture = SessionsFixture::new().await;
    let (first_token, first) = fixture.signs_in("alice").await;
    let (second_token, second) = fixture.signs_in("alice").await;
    assert_ne!(first_token.reveal(), second_token.reveal());
    assert_ne!(first.id, second.id);
}

#[tokio::test]
async fn an_ended_session_is_dead_at_once_and_the_others_live() {
    let fixture = SessionsFixture::new().await;
    let (alice, session) = fixture.signs_in("alice").await;
    let (bob, _) = fixture.signs_in("bob").await;
    assert!(fixture.sessions.end(session.id, EndReason::SignedOut).await.unwrap());
    assert!(!fixture.knows(&alice).await);
    assert!(fixture.knows(&bob).await);
    assert!(!fixture.sessions.end(session.id, EndReason::Revoked).await.unwrap(), "it ends only once");
}

#[tokio::test]
async fn an_idle_session_ends_and_a_used_one_goes_on() {
    let fixture = SessionsFixture::new().await;
    let (used, _) = fixture.signs_in("alice").await;
    let (idle, _) = fixture.signs_in("bob").await;
    fixture.clock.advance(IDLE - Duration::from_millis(1));
    assert!(fixture.knows(&used).await);
    fixture.clock.advance(Duration::from_millis(1));
    assert!(!fixture.knows(&idle).await);
    assert!(fixture.knows(&used).await);
    fixture.clock.advance(IDLE);
    assert!(!fixture.knows(&used).await);
}

#[tokio::test]
async fn a_busy_session_ends_at_its_last_hour_all_the_same() {
    let fixture = SessionsFixture::new().await;
    let (token, begun) = fixture.signs_in("alice").await;
    let mut passed = Duration::ZERO;
    while passed + 10 * MINUTE < ABSOLUTE {
        fixture.clock.advance(10 * MINUTE);
        passed += 10 * MINUTE;
        let found = fixture.sessions.find(&token).await.unwrap().valid().unwrap();
        assert_eq!(found.absolute_end, begun.absolute_end);
    }
    fixture.clock.advance(ABSOLUTE - passed);
    assert!(!fixture.knows(&token).await);
}

#[tokio::test]
async fn use_is_noted_at_most_once_a_minute() {
    let fixture = SessionsFixture::new().await;
    let (token, begun) = fixture.signs_in("alice").await;
    fixture.clock.advance(MINUTE - Duration::from_millis(1));
    let found = fixture.sessions.find(&token).await.unwrap().valid().unwrap();
    assert_eq!(found.last_seen_at, begun.last_seen_at);
    fixture.clock.advance(Duration::from_millis(1));
    fixture.sessions.find(&token).await.unwrap();
    let listed = fixture.sessions.of_person(&begun.person.id).await.unwrap();
    assert_eq!(listed[0].last_seen_at, begun.last_seen_at + MINUTE);
}

#[tokio::test]
async fn even_an_idle_time_of_seconds_does_not_end_a_session_in_use() {
    let mut fixture = SessionsFixture::new().await;
    fixture.restarts(Duration::from_secs(20), ABSOLUTE).await;
    let (token, _) = fixture.signs_in("alice").await;
    for _ in 0..30 {
        fixture.clock.advance(Duration::from_secs(10));
        assert!(fixture.knows(&token).await);
    }
}

#[tokio::test]
async fn a_restart_keeps_people_signed_in() {
    let mut fixture = SessionsFixture::new().await;
    let (token, begun) = fixture.signs_in("alice").await;
    fixture.restarts(IDLE, ABSOLUTE).await;
    assert_eq!(fixture.sessions.find(&token).await.unwrap().valid().unwrap(), begun);
    fixture.clock.advance(IDLE);
    assert!(!fixture.knows(&token).await, "and does not give them more time");
}

#[tokio::test]
async fn a_shorter_setting_holds_for_the_sessions_already_there() {
    let mut fixture = SessionsFixture::new().await;
    let (token, _) = fixture.signs_in("alice").await;
    fixture.clock.advance(10 * MINUTE);
    fixture.restarts(5 * MINUTE, ABSOLUTE).await;
    assert!(!fixture.knows(&token).await);
}

#[tokio::test]
async fn a_persons_sessions_are_listed_the_newest_first_without_the_ended() {
    let fixture = SessionsFixture::new().await;
    let (_, first) = fixture.signs_in("alice").await;
    fixture.clock.advance(MINUTE);
    let (_, second) = fixture.signs_in("alice").await;
    let (_, third) = fixture.signs_in("alice").await;
    fixture.signs_in("bob").await;
    fixture.sessions.end(second.id, EndReason::Revoked).await.unwrap();
    let listed: Vec<_> = fixture.sessions.of_person(&first.person.id).await.unwrap().iter().map(|s| s.id).collect();
    assert_eq!(listed, [third.id, first.id]);
    fixture.clock.advance(IDLE);
    assert!(fixture.sessions.of_person(&first.person.id).await.unwrap().is_empty(), "nor the expired");
}

#[tokio::test]
async fn one_person_cannot_fill_the_store() {
    let fixture = SessionsFixture::new().await;
    let (oldest, first) = fixture.signs_in("alice").await;
    let (other, _) = fixture.signs_in("bob").await;
    fixture.clock.advance(Duration::from_millis(1));
    for _ in 0..100 {
        fixture.signs_in("alice").await;
    }
    fixture.sessions.sweep().await.unwrap();
    assert_eq!(fixture.sessions.of_person(&first.person.id).await.unwrap().len(), 100);
    assert!(!fixture.knows(&oldest).await, "the oldest had to go");
    assert!(fixture.knows(&other).await, "and nobody else's");
}

#[tokio::test]
async fn a_sweep_ends_what_has_expired_and_forgets_it_later() {
    let fixture = SessionsFixture::new().await;
    let (_, idle) = fixture.signs_in("alice").await;
    fixture.clock.advance(IDLE - MINUTE);
    let (fresh, _) = fixture.signs_in("bob").await;
    assert!(fixture.sessions.sweep().await.unwrap().is_empty());
    fixture.clock.advance(MINUTE);
    let swept: Vec<_> = fixture.sessions.sweep().await.unwrap().iter().map(|s| s.id).collect();
    assert_eq!(swept, [idle.id]);
    assert!(fixture.sessions.sweep().await.unwrap().is_empty(), "each is swept once");
    assert!(fixture.knows(&fresh).await);
    assert_eq!(fixture.rows().await, 2);
    fixture.clock.advance(61 * MINUTE);
    fixture.sessions.sweep().await.unwrap();
    assert_eq!(fixture.rows().await, 1, "the row is gone an hour later");
}

#[tokio::test]
async fn a_store_that_cannot_be_asked_is_not_an_empty_one() {
    let fixture = SessionsFixture::new().await;
    let (token, session) = fixture.signs_in("alice").await;
    fixture.sessions.close().await;
    assert!(matches!(fixture.sessions.find(&token).await, Err(StoreError::Query { .. })));
    assert!(fixture.sessions.end(session.id, EndReason::SignedOut).await.is_err());
    assert!(fixture.sessions.of_person(&session.person.id).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_do_not_disturb_each_other() {
    let fixture = Arc::new(SessionsFixture::new().await);
    let tasks: Vec<_> = (0..64)
        .map(|number| {
            let fixture = fixture.clone();
            tokio::spawn(async move {
                let name = format!("person{number}");
                let (token, session) = fixture.signs_in(&name).await;
                let mut watch = fixture.sessions.watch(session.id, &session.person);
                let found = fixture.sessions.find(&token).await.unwrap().valid().unwrap();
                assert_eq!((found.id, found.person.username), (session.id, name));
                if number % 2 == 0 {
                    let (is_ended, reason) =
                        tokio::join!(fixture.sessions.end(session.id, EndReason::Revoked), hears_the_end(&mut watch));
                    assert!(is_ended.unwrap());
                    assert_eq!(reason, EndReason::Revoked);
                }
                (token, number % 2 != 0)
            })
        })
        .collect();
    for task in tasks {
        let (token, alive) = task.await.unwrap();
        assert_eq!(fixture.knows(&token).await, alive);
    }
}
