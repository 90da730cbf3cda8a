use std::sync::Arc;
use std::time::Duration;

use super::fixture::{ABSOLUTE, IDLE, MINUTE, SessionsFixture, hears_the_end, person};
use crate::domain::{Client, EndReason, Revalidation};
use crate::sessions::{SessionOptions, SessionToken};
use crate::store::StoreError;

#[tokio::test]
async fn a_session_is_found_as_it_was_begun() {
    let house = SessionsFixture::new().await;
    let client = Client::new("2001:db8::7".parse().ok(), Some("Browser/1 (Büro)"));
    let (token, begun) = house
        .sessions
        .begin(&person("alice"), &client, SessionOptions::password_only(Revalidation::Refreshed))
        .await
        .unwrap();
    let found = house.sessions.find(&token).await.unwrap().valid().unwrap();
    assert_eq!(found, begun);
    assert_eq!(found.person, person("alice"));
    assert_eq!(found.client, client);
}

#[tokio::test]
async fn a_token_that_was_never_given_finds_nobody() {
    let house = SessionsFixture::new().await;
    house.signs_in("alice").await;
    assert!(!house.knows(&SessionToken::generate().unwrap()).await);
}

#[tokio::test]
async fn every_sign_in_has_a_token_and_an_id_of_its_own() {
    let house = SessionsFixture::new().await;
    let (first_token, first) = house.signs_in("alice").await;
    let (second_token, second) = house.signs_in("alice").await;
    assert_ne!(first_token.reveal(), second_token.reveal());
    assert_ne!(first.id, second.id);
}

#[tokio::test]
async fn an_ended_session_is_dead_at_once_and_the_others_live() {
    let house = SessionsFixture::new().await;
    let (alice, session) = house.signs_in("alice").await;
    let (bob, _) = house.signs_in("bob").await;
    assert!(house.sessions.end(session.id, EndReason::SignedOut).await.unwrap());
    assert!(!house.knows(&alice).await);
    assert!(house.knows(&bob).await);
    assert!(!house.sessions.end(session.id, EndReason::Revoked).await.unwrap(), "it ends only once");
}

#[tokio::test]
async fn an_idle_session_ends_and_a_used_one_goes_on() {
    let house = SessionsFixture::new().await;
    let (used, _) = house.signs_in("alice").await;
    let (idle, _) = house.signs_in("bob").await;
    house.clock.advance(IDLE - Duration::from_millis(1));
    assert!(house.knows(&used).await);
    house.clock.advance(Duration::from_millis(1));
    assert!(!house.knows(&idle).await);
    assert!(house.knows(&used).await);
    house.clock.advance(IDLE);
    assert!(!house.knows(&used).await);
}

#[tokio::test]
async fn a_busy_session_ends_at_its_last_hour_all_the_same() {
    let house = SessionsFixture::new().await;
    let (token, begun) = house.signs_in("alice").await;
    let mut passed = Duration::ZERO;
    while passed + 10 * MINUTE < ABSOLUTE {
        house.clock.advance(10 * MINUTE);
        passed += 10 * MINUTE;
        let found = house.sessions.find(&token).await.unwrap().valid().unwrap();
        assert_eq!(found.absolute_end, begun.absolute_end);
    }
    house.clock.advance(ABSOLUTE - passed);
    assert!(!house.knows(&token).await);
}

#[tokio::test]
async fn use_is_noted_at_most_once_a_minute() {
    let house = SessionsFixture::new().await;
    let (token, begun) = house.signs_in("alice").await;
    house.clock.advance(MINUTE - Duration::from_millis(1));
    let found = house.sessions.find(&token).await.unwrap().valid().unwrap();
    assert_eq!(found.last_seen_at, begun.last_seen_at);
    house.clock.advance(Duration::from_millis(1));
    house.sessions.find(&token).await.unwrap();
    let listed = house.sessions.of_person(&begun.person.id).await.unwrap();
    assert_eq!(listed[0].last_seen_at, begun.last_seen_at + MINUTE);
}

#[tokio::test]
async fn even_an_idle_time_of_seconds_does_not_end_a_session_in_use() {
    let mut house = SessionsFixture::new().await;
    house.restarts(Duration::from_secs(20), ABSOLUTE).await;
    let (token, _) = house.signs_in("alice").await;
    for _ in 0..30 {
        house.clock.advance(Duration::from_secs(10));
        assert!(house.knows(&token).await);
    }
}

#[tokio::test]
async fn a_restart_keeps_people_signed_in() {
    let mut house = SessionsFixture::new().await;
    let (token, begun) = house.signs_in("alice").await;
    house.restarts(IDLE, ABSOLUTE).await;
    assert_eq!(house.sessions.find(&token).await.unwrap().valid().unwrap(), begun);
    house.clock.advance(IDLE);
    assert!(!house.knows(&token).await, "and does not give them more time");
}

#[tokio::test]
async fn a_shorter_setting_holds_for_the_sessions_already_there() {
    let mut house = SessionsFixture::new().await;
    let (token, _) = house.signs_in("alice").await;
    house.clock.advance(10 * MINUTE);
    house.restarts(5 * MINUTE, ABSOLUTE).await;
    assert!(!house.knows(&token).await);
}

#[tokio::test]
async fn a_persons_sessions_are_listed_the_newest_first_without_the_ended() {
    let house = SessionsFixture::new().await;
    let (_, first) = house.signs_in("alice").await;
    house.clock.advance(MINUTE);
    let (_, second) = house.signs_in("alice").await;
    let (_, third) = house.signs_in("alice").await;
    house.signs_in("bob").await;
    house.sessions.end(second.id, EndReason::Revoked).await.unwrap();
    let listed: Vec<_> = house.sessions.of_person(&first.person.id).await.unwrap().iter().map(|s| s.id).collect();
    assert_eq!(listed, [third.id, first.id]);
    house.clock.advance(IDLE);
    assert!(house.sessions.of_person(&first.person.id).await.unwrap().is_empty(), "nor the expired");
}

#[tokio::test]
async fn one_person_cannot_fill_the_store() {
    let house = SessionsFixture::new().await;
    let (oldest, first) = house.signs_in("alice").await;
    let (other, _) = house.signs_in("bob").await;
    for _ in 0..100 {
        house.signs_in("alice").await;
    }
    house.sessions.sweep().await.unwrap();
    assert_eq!(house.sessions.of_person(&first.person.id).await.unwrap().len(), 100);
    assert!(!house.knows(&oldest).await, "the oldest had to go");
    assert!(house.knows(&other).await, "and nobody else's");
}

#[tokio::test]
async fn a_sweep_ends_what_has_expired_and_forgets_it_later() {
    let house = SessionsFixture::new().await;
    let (_, idle) = house.signs_in("alice").await;
    house.clock.advance(IDLE - MINUTE);
    let (fresh, _) = house.signs_in("bob").await;
    assert!(house.sessions.sweep().await.unwrap().is_empty());
    house.clock.advance(MINUTE);
    let swept: Vec<_> = house.sessions.sweep().await.unwrap().iter().map(|s| s.id).collect();
    assert_eq!(swept, [idle.id]);
    assert!(house.sessions.sweep().await.unwrap().is_empty(), "each is swept once");
    assert!(house.knows(&fresh).await);
    assert_eq!(house.rows().await, 2);
    house.clock.advance(61 * MINUTE);
    house.sessions.sweep().await.unwrap();
    assert_eq!(house.rows().await, 1, "the row is gone an hour later");
}

#[tokio::test]
async fn a_store_that_cannot_be_asked_is_not_an_empty_one() {
    let house = SessionsFixture::new().await;
    let (token, session) = house.signs_in("alice").await;
    house.sessions.close().await;
    assert!(matches!(house.sessions.find(&token).await, Err(StoreError::Query { .. })));
    assert!(house.sessions.end(session.id, EndReason::SignedOut).await.is_err());
    assert!(house.sessions.of_person(&session.person.id).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_do_not_disturb_each_other() {
    let house = Arc::new(SessionsFixture::new().await);
    let tasks: Vec<_> = (0..64)
        .map(|number| {
            let house = house.clone();
            tokio::spawn(async move {
                let name = format!("person{number}");
                let (token, session) = house.signs_in(&name).await;
                let mut watch = house.sessions.watch(session.id, &session.person);
                let found = house.sessions.find(&token).await.unwrap().valid().unwrap();
                assert_eq!((found.id, found.person.username), (session.id, name));
                if number % 2 == 0 {
                    let (is_ended, reason) =
                        tokio::join!(house.sessions.end(session.id, EndReason::Revoked), hears_the_end(&mut watch));
                    assert!(is_ended.unwrap());
                    assert_eq!(reason, EndReason::Revoked);
                }
                (token, number % 2 != 0)
            })
        })
        .collect();
    for task in tasks {
        let (token, alive) = task.await.unwrap();
        assert_eq!(house.knows(&token).await, alive);
    }
}
