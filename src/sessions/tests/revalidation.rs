use std::time::Duration;

use super::fixture::{ABSOLUTE, IDLE, MINUTE, SessionsFixture, hears_the_end, person};
use crate::config::SessionSettings;
use crate::domain::{Client, Clock as _, EndReason, Person, Revalidation};
use crate::sessions::{SessionLookup, SessionOptions};
use crate::store::RowEvent;

const STALE: Duration = Duration::from_mins(10);
const UNREFRESHED: Duration = Duration::from_mins(20);

async fn fixture() -> SessionsFixture {
    let mut fixture = SessionsFixture::new().await;
    let lasting = SessionSettings::with_lifetimes(IDLE, ABSOLUTE);
    fixture.restarts_with(&SessionSettings { max_staleness: STALE, unrefreshed: UNREFRESHED, ..lasting }).await;
    fixture
}

fn renamed(name: &str) -> Person {
    Person { display_name: "Somebody Else".into(), ..person(name) }
}

#[tokio::test]
async fn a_session_that_nobody_confirms_opens_nothing_and_is_good_again_once_somebody_does() {
    let fixture = fixture().await;
    let (token, session) = fixture.signs_in("alice").await;
    fixture.clock.advance(STALE - Duration::from_millis(1));
    assert!(fixture.knows(&token).await, "the sign-in confirmed it");
    fixture.clock.advance(Duration::from_millis(1));
    assert!(matches!(fixture.sessions.find(&token).await.unwrap(), SessionLookup::Stale(stale) if stale.id == session.id));
    assert!(fixture.sessions.sweep().await.unwrap().is_empty(), "it has not ended");
    fixture.sessions.confirm(&[person("alice")], fixture.clock.now()).await.unwrap();
    assert!(fixture.knows(&token).await);
}

#[tokio::test]
async fn what_is_stale_is_not_used_and_ends_idle_like_any_other() {
    let fixture = fixture().await;
    let (token, _) = fixture.signs_in("alice").await;
    for _ in 0..6 {
        fixture.clock.advance(IDLE / 6);
        fixture.sessions.find(&token).await.unwrap();
    }
    assert!(matches!(fixture.sessions.find(&token).await.unwrap(), SessionLookup::Stale(_)), "once used before it was stale");
    fixture.clock.advance(IDLE / 6);
    assert_eq!(fixture.sessions.find(&token).await.unwrap(), SessionLookup::NotFound);
}

#[tokio::test]
async fn whom_nobody_can_ask_about_has_a_short_session_and_it_does_not_go_stale() {
    let fixture = fixture().await;
    let (token, session) = fixture
        .sessions
        .begin(&person("alice"), &Client::default(), SessionOptions::password_only(Revalidation::Unrefreshed))
        .await
        .unwrap();
    assert_eq!(session.absolute_end, session.created_at + UNREFRESHED);
    fixture.clock.advance(UNREFRESHED - MINUTE);
    assert!(fixture.knows(&token).await);
    fixture.clock.advance(MINUTE);
    assert!(!fixture.knows(&token).await);
    let swept = fixture.sessions.sweep().await.unwrap();
    assert_eq!(swept.iter().map(|session| session.id).collect::<Vec<_>>(), [session.id]);
}

#[tokio::test]
async fn settings_that_changed_meanwhile_hold_for_the_sessions_already_there() {
    let fixture = fixture().await;
    let (token, _) = fixture.signs_in("alice").await;
    fixture.sessions.update_revalidation(|_| Revalidation::Unrefreshed).await.unwrap();
    fixture.clock.advance(STALE);
    assert!(fixture.knows(&token).await);
    assert_eq!(fixture.sessions.count_people().await.unwrap(), 0);
    fixture.sessions.update_revalidation(|_| Revalidation::Refreshed).await.unwrap();
    assert!(matches!(fixture.sessions.find(&token).await.unwrap(), SessionLookup::Stale(_)), "nobody has asked about them");
}

#[tokio::test]
async fn people_come_once_each_in_order_and_only_those_who_can_be_asked_about() {
    let fixture = fixture().await;
    for name in ["carol", "alice", "bob", "alice"] {
        fixture.signs_in(name).await;
    }
    fixture
        .sessions
        .begin(&person("local"), &Client::default(), SessionOptions::password_only(Revalidation::Unrefreshed))
        .await
        .unwrap();
    let (_, ended) = fixture.signs_in("ended").await;
    fixture.sessions.end(ended.id, EndReason::SignedOut).await.unwrap();
    assert_eq!(fixture.sessions.count_people().await.unwrap(), 3);
    let first = fixture.sessions.people(None, 2).await.unwrap();
    assert_eq!(first.people, [person("alice"), person("bob")]);
    let second = fixture.sessions.people(first.next_after.as_ref(), 2).await.unwrap();
    assert_eq!((second.people, second.next_after), (vec![person("carol")], None));
    fixture.clock.advance(IDLE);
    assert_eq!(fixture.sessions.count_people().await.unwrap(), 0, "what has run out does not count");
}

#[tokio::test]
async fn a_person_who_changed_is_changed_in_all_their_sessions_and_their_connections_hear_of_it() {
    let fixture = fixture().await;
    let (desk, at_desk) = fixture.signs_in("alice").await;
    let (phone, _) = fixture.signs_in("alice").await;
    let (bob, at_bob) = fixture.signs_in("bob").await;
    let mut tab = fixture.sessions.watch(at_desk.id, &at_desk.person);
    let mut other = fixture.sessions.watch(at_bob.id, &at_bob.person);
    fixture.sessions.confirm(&[renamed("alice"), person("bob")], fixture.clock.now()).await.unwrap();
    assert_eq!(tab.next_event().await, RowEvent::Changed(renamed("alice")));
    for token in [desk, phone] {
        assert_eq!(fixture.sessions.find(&token).await.unwrap().valid().unwrap().person, renamed("alice"));
    }
    assert!(fixture.knows(&bob).await);
    let nothing = tokio::time::timeout(Duration::from_millis(1), other.next_event()).await;
    assert!(nothing.is_err(), "{nothing:?}");
}

#[tokio::test]
async fn a_change_between_a_request_and_its_watch_is_not_missed() {
    let fixture = fixture().await;
    let (_, session) = fixture.signs_in("alice").await;
    fixture.sessions.confirm(&[renamed("alice")], fixture.clock.now()).await.unwrap();
    // The request had found her as she was.
    let mut tab = fixture.sessions.watch(session.id, &session.person);
    assert_eq!(tab.next_event().await, RowEvent::Changed(renamed("alice")));
}

#[tokio::test]
async fn a_sign_in_knows_better_than_an_answer_from_before_it() {
    let fixture = fixture().await;
    let asked_at = fixture.clock.now();
    fixture.clock.advance(Duration::from_secs(1));
    let (token, session) = fixture.signs_in("alice").await;
    fixture.sessions.confirm(&[renamed("alice")], asked_at).await.unwrap();
    let found = fixture.sessions.find(&token).await.unwrap().valid().unwrap();
    assert_eq!((found.person, found.confirmed_at), (person("alice"), session.created_at));
}

#[tokio::test]
async fn a_connection_hears_when_its_session_goes_stale() {
    let fixture = fixture().await;
    let (_, session) = fixture.signs_in("alice").await;
    let mut tab = fixture.sessions.watch(session.id, &session.person);
    fixture.clock.advance(STALE);
    assert_eq!(tab.next_event().await, RowEvent::Unconfirmed);
}

#[tokio::test]
async fn all_of_somebody_s_sessions_end_together_and_nobody_else_s() {
    let fixture = fixture().await;
    let (desk, first) = fixture.signs_in("alice").await;
    let (phone, second) = fixture.signs_in("alice").await;
    let (bob, _) = fixture.signs_in("bob").await;
    let mut tab = fixture.sessions.watch(first.id, &first.person);
    let mut ended = fixture.sessions.end_all_of(&first.person.id, fixture.clock.now(), EndReason::Revoked).await.unwrap();
    ended.sort_by_key(|session| session.id);
    let mut expected = [first.id, second.id];
    expected.sort_unstable();
    assert_eq!(ended.iter().map(|session| session.id).collect::<Vec<_>>(), expected);
    assert_eq!(hears_the_end(&mut tab).await, EndReason::Revoked);
    assert!(!fixture.knows(&desk).await && !fixture.knows(&phone).await && fixture.knows(&bob).await);
    assert!(fixture.sessions.end_all_of(&first.person.id, fixture.clock.now(), EndReason::Revoked).await.unwrap().is_empty());
}

#[tokio::test]
async fn two_thousand_people_are_confirmed_in_one_breath() {
    let fixture = fixture().await;
    let mut people = Vec::new();
    for number in 0..2_000 {
        people.push(fixture.signs_in(&format!("person{number}")).await.1.person);
    }
    fixture.clock.advance(STALE);
    let begun = std::time::Instant::now();
    fixture.sessions.confirm(&people, fixture.clock.now()).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(fixture.sessions.of_person(&people[1_999].id).await.unwrap()[0].confirmed_at, fixture.clock.now());
}
