use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;

use super::fixture::{MINUTE, SessionsFixture, person};
use crate::domain::{Client, EndReason, Revalidation};
use crate::sessions::{Reauthentication, SessionOptions};

#[tokio::test]
async fn many_who_sign_in_at_once_each_get_a_session_of_their_own() {
    let fixture = SessionsFixture::new().await;
    let names: Vec<String> = (0..600).map(|number| format!("person{number}")).collect();
    let begun = join_all(names.iter().map(|name| fixture.signs_in(name))).await;
    let ids: HashSet<_> = begun.iter().map(|(_, session)| session.id).collect();
    assert_eq!(ids.len(), names.len());
    for (name, (token, session)) in names.iter().zip(&begun) {
        let found = fixture.sessions.find(token).await.unwrap().valid().unwrap();
        assert_eq!((found.id, &found.person), (session.id, &person(name)));
    }
}

#[tokio::test]
async fn ids_are_in_the_order_of_sign_ins_and_two_servers_never_give_the_same() {
    let fixture = SessionsFixture::new().await;
    let other = SessionsFixture::beside(&fixture).await;
    let options = SessionOptions::password_only(Revalidation::Refreshed);
    let (_, first) = fixture.signs_in("alice").await;
    let (_, meanwhile) = other.begin(&person("bob"), &Client::default(), options).await.unwrap();
    assert_ne!(first.id, meanwhile.id);
    fixture.clock.advance(Duration::from_millis(1));
    let (_, next) = fixture.signs_in("carol").await;
    assert!(next.id > first.id && next.id > meanwhile.id);
}

#[tokio::test]
async fn who_goes_away_while_signing_in_takes_nobody_along() {
    let fixture = SessionsFixture::new().await;
    let (alice, bob) = (person("alice"), person("bob"));
    let (client, options) = (Client::default(), SessionOptions::password_only(Revalidation::Refreshed));
    let gone = fixture.sessions.begin(&alice, &client, options);
    let stays = fixture.sessions.begin(&bob, &client, options);
    let (mut gone, mut stays) = (Box::pin(gone), Box::pin(stays));
    // Both are under way; the one who would have seen to the writing goes.
    assert!(futures::poll!(&mut gone).is_pending() && futures::poll!(&mut stays).is_pending());
    drop(gone);
    let (token, _) = stays.await.unwrap();
    assert!(fixture.knows(&token).await);
    let (token, _) = fixture.signs_in("carol").await;
    assert!(fixture.knows(&token).await, "and the next begin as ever");
}

#[tokio::test]
async fn who_was_seen_a_moment_ago_is_not_seen_after_the_end() {
    let fixture = SessionsFixture::new().await;
    let (token, session) = fixture.signs_in("alice").await;
    let (other, _) = fixture.signs_in("bob").await;
    assert!(fixture.knows(&token).await && fixture.knows(&other).await);
    fixture.sessions.end(session.id, EndReason::Revoked).await.unwrap();
    assert!(!fixture.knows(&token).await && fixture.knows(&other).await);
    fixture.sessions.end_all(None, EndReason::Revoked).await.unwrap();
    assert!(!fixture.knows(&other).await);
}

#[tokio::test]
async fn a_session_that_was_seen_a_moment_ago_ends_on_time_all_the_same() {
    let fixture = SessionsFixture::new().await;
    let (token, session) = fixture.signs_in("alice").await;
    fixture.clock.advance(session.idle_end.since(fixture.clock_now()) - Duration::from_millis(1));
    assert_eq!(fixture.sessions.of_person(&session.person.id).await.unwrap().len(), 1, "asking for a list is no use of it");
    fixture.clock.advance(Duration::from_millis(1));
    assert!(!fixture.knows(&token).await);
}

#[tokio::test]
async fn whoever_proves_more_gets_another_token_and_the_old_one_is_dead_at_once() {
    let fixture = SessionsFixture::new().await;
    let (old, begun) = fixture.signs_in("alice").await;
    assert!(fixture.knows(&old).await);
    fixture.clock.advance(MINUTE);
    let others = fixture.sessions.reauthenticate(&old, &person("bob").id, Reauthentication::Both).await.unwrap();
    assert!(others.is_none() && fixture.knows(&old).await, "what somebody else proves counts nothing in it");
    let (fresh, proved) =
        fixture.sessions.reauthenticate(&old, &begun.person.id, Reauthentication::SecondFactor).await.unwrap().unwrap();
    assert!(!fixture.knows(&old).await && fixture.knows(&fresh).await);
    assert_eq!((proved.id, proved.absolute_end), (begun.id, begun.absolute_end), "it is the same session");
    assert_eq!((proved.authenticated_at, proved.second_factor_at), (begun.authenticated_at, Some(begun.created_at + MINUTE)));
    let (last, again) =
        fixture.sessions.reauthenticate(&fresh, &begun.person.id, Reauthentication::Password).await.unwrap().unwrap();
    assert_eq!(again.authenticated_at, begun.created_at + MINUTE);
    assert!(
        fixture.sessions.reauthenticate(&old, &begun.person.id, Reauthentication::Both).await.unwrap().is_none(),
        "a dead token proves nothing"
    );
    fixture.sessions.end(begun.id, EndReason::SignedOut).await.unwrap();
    assert!(
        fixture.sessions.reauthenticate(&last, &begun.person.id, Reauthentication::Both).await.unwrap().is_none(),
        "nor does an ended session's"
    );
}

#[tokio::test]
async fn whoever_asks_to_stay_stays_as_long_as_the_settings_say() {
    let mut fixture = SessionsFixture::new().await;
    let month = 30 * 24 * 60 * MINUTE;
    fixture.restarts_with(&SessionsFixture::staying(Some(month))).await;
    let staying = SessionOptions { stay_signed_in: true, ..SessionOptions::password_only(Revalidation::Refreshed) };
    let (token, _) = fixture.sessions.begin(&person("alice"), &Client::default(), staying).await.unwrap();
    let (other, _) = fixture.signs_in("alice").await;
    fixture.clock.advance(month - MINUTE);
    fixture.sessions.sweep().await.unwrap();
    assert!(fixture.knows(&token).await && !fixture.knows(&other).await);
    fixture.restarts_with(&SessionsFixture::staying(None)).await;
    let (_, asked) = fixture.sessions.begin(&person("bob"), &Client::default(), staying).await.unwrap();
    assert!(!asked.stay_signed_in, "and nobody may any more");
    assert!(!fixture.knows(&token).await, "not longer than the others once nobody may");
}

#[tokio::test]
async fn somebody_s_other_sessions_end_and_this_one_stays() {
    let fixture = SessionsFixture::new().await;
    let (here, session) = fixture.signs_in("alice").await;
    let (there, _) = fixture.signs_in("alice").await;
    let (others, _) = fixture.signs_in("bob").await;
    let ended = fixture.sessions.end_others(&session.person.id, session.id, EndReason::Revoked).await.unwrap();
    assert_eq!(ended.len(), 1);
    assert!(fixture.knows(&here).await && !fixture.knows(&there).await && fixture.knows(&others).await);
    assert_eq!(fixture.sessions.of_person(&session.person.id).await.unwrap().len(), 1);
}
