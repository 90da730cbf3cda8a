use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;

use super::fixture::{MINUTE, SessionsFixture, person};
use crate::domain::{Client, EndReason, Revalidation};
use crate::sessions::{Reauthentication, SessionOptions};

#[tokio::test]
async fn many_who_sign_in_at_once_each_get_a_session_of_their_own() {
    let house = SessionsFixture::new().await;
    let names: Vec<String> = (0..600).map(|number| format!("person{number}")).collect();
    let begun = join_all(names.iter().map(|name| house.signs_in(name))).await;
    let ids: HashSet<_> = begun.iter().map(|(_, session)| session.id).collect();
    assert_eq!(ids.len(), names.len());
    for (name, (token, session)) in names.iter().zip(&begun) {
        let found = house.sessions.find(token).await.unwrap().valid().unwrap();
        assert_eq!((found.id, &found.person), (session.id, &person(name)));
    }
}

#[tokio::test]
async fn a_number_is_never_given_twice_nor_after_a_restart() {
    let mut house = SessionsFixture::new().await;
    let (_, first) = house.signs_in("alice").await;
    house.sessions.end(first.id, EndReason::Revoked).await.unwrap();
    house.clock.advance(2 * 60 * MINUTE);
    house.sessions.sweep().await.unwrap();
    house.restarts(60 * MINUTE, 60 * MINUTE).await;
    let (_, next) = house.signs_in("bob").await;
    assert!(next.id.as_i64() > first.id.as_i64(), "its row is gone, and its number is not free");
}

#[tokio::test]
async fn who_goes_away_while_signing_in_takes_nobody_along() {
    let house = SessionsFixture::new().await;
    let (alice, bob) = (person("alice"), person("bob"));
    let (client, beginning) = (Client::default(), SessionOptions::password_only(Revalidation::Refreshed));
    let gone = house.sessions.begin(&alice, &client, beginning);
    let stays = house.sessions.begin(&bob, &client, beginning);
    let (mut gone, mut stays) = (Box::pin(gone), Box::pin(stays));
    // Both are under way; the one who would have seen to the writing goes.
    assert!(futures::poll!(&mut gone).is_pending() && futures::poll!(&mut stays).is_pending());
    drop(gone);
    let (token, _) = stays.await.unwrap();
    assert!(house.knows(&token).await);
    let (token, _) = house.signs_in("carol").await;
    assert!(house.knows(&token).await, "and the next begin as ever");
}

#[tokio::test]
async fn who_was_seen_a_moment_ago_is_not_seen_after_the_end() {
    let house = SessionsFixture::new().await;
    let (token, session) = house.signs_in("alice").await;
    let (other, _) = house.signs_in("bob").await;
    assert!(house.knows(&token).await && house.knows(&other).await);
    house.sessions.end(session.id, EndReason::Revoked).await.unwrap();
    assert!(!house.knows(&token).await && house.knows(&other).await);
    house.sessions.end_all(None, EndReason::Revoked).await.unwrap();
    assert!(!house.knows(&other).await);
}

#[tokio::test]
async fn a_session_that_was_seen_a_moment_ago_ends_on_time_all_the_same() {
    let house = SessionsFixture::new().await;
    let (token, session) = house.signs_in("alice").await;
    house.clock.advance(session.idle_end.since(house.clock_now()) - Duration::from_millis(1));
    assert_eq!(
        house.sessions.of_person(&session.person.id).await.unwrap().len(),
        1,
        "asking for a list is no use of it"
    );
    house.clock.advance(Duration::from_millis(1));
    assert!(!house.knows(&token).await);
}

#[tokio::test]
async fn whoever_proves_more_gets_another_token_and_the_old_one_is_dead_at_once() {
    let house = SessionsFixture::new().await;
    let (old, begun) = house.signs_in("alice").await;
    assert!(house.knows(&old).await);
    house.clock.advance(MINUTE);
    let others = house.sessions.reauthenticate(&old, &person("bob").id, Reauthentication::Both).await.unwrap();
    assert!(others.is_none() && house.knows(&old).await, "what somebody else proves counts nothing in it");
    let (fresh, proved) =
        house.sessions.reauthenticate(&old, &begun.person.id, Reauthentication::SecondFactor).await.unwrap().unwrap();
    assert!(!house.knows(&old).await && house.knows(&fresh).await);
    assert_eq!((proved.id, proved.absolute_end), (begun.id, begun.absolute_end), "it is the same session");
    assert_eq!(
        (proved.authenticated_at, proved.second_factor_at),
        (begun.authenticated_at, Some(begun.created_at + MINUTE))
    );
    let (last, again) =
        house.sessions.reauthenticate(&fresh, &begun.person.id, Reauthentication::Password).await.unwrap().unwrap();
    assert_eq!(again.authenticated_at, begun.created_at + MINUTE);
    assert!(
        house.sessions.reauthenticate(&old, &begun.person.id, Reauthentication::Both).await.unwrap().is_none(),
        "a dead token proves nothing"
    );
    house.sessions.end(begun.id, EndReason::SignedOut).await.unwrap();
    assert!(
        house.sessions.reauthenticate(&last, &begun.person.id, Reauthentication::Both).await.unwrap().is_none(),
        "nor does an ended session's"
    );
}

#[tokio::test]
async fn whoever_asks_to_stay_stays_as_long_as_the_settings_say() {
    let mut house = SessionsFixture::new().await;
    let month = 30 * 24 * 60 * MINUTE;
    house.restarts_with(&SessionsFixture::staying(Some(month))).await;
    let staying = SessionOptions { stay_signed_in: true, ..SessionOptions::password_only(Revalidation::Refreshed) };
    let (token, _) = house.sessions.begin(&person("alice"), &Client::default(), staying).await.unwrap();
    let (other, _) = house.signs_in("alice").await;
    house.clock.advance(month - MINUTE);
    house.sessions.sweep().await.unwrap();
    assert!(house.knows(&token).await && !house.knows(&other).await);
    house.restarts_with(&SessionsFixture::staying(None)).await;
    let (_, asked) = house.sessions.begin(&person("bob"), &Client::default(), staying).await.unwrap();
    assert!(!asked.stay_signed_in, "and nobody may any more");
    assert!(!house.knows(&token).await, "not longer than the others once nobody may");
}

#[tokio::test]
async fn somebody_s_other_sessions_end_and_this_one_stays() {
    let house = SessionsFixture::new().await;
    let (here, session) = house.signs_in("alice").await;
    let (there, _) = house.signs_in("alice").await;
    let (others, _) = house.signs_in("bob").await;
    let ended = house.sessions.end_others(&session.person.id, session.id, EndReason::Revoked).await.unwrap();
    assert_eq!(ended.len(), 1);
    assert!(house.knows(&here).await && !house.knows(&there).await && house.knows(&others).await);
    assert_eq!(house.sessions.of_person(&session.person.id).await.unwrap().len(), 1);
}
