//! A name and a password with every request (Basic): the limits of the sign-in form, one bind a minute, no session.

use std::sync::Arc;
use std::time::{Duration, Instant};

use belvedere::domain::ManualClock;
use reqwest::{Method, StatusCode};

use crate::credentials::house;
use crate::factors;
use crate::harness::demo_server::{DemoServer, page};
use crate::sessions::{MINUTE, START};

#[tokio::test]
async fn a_right_password_is_asked_about_once_a_minute_and_no_session_begins() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let mut script = demo.house.visitor().with_password("alice", demo.password("alice"));
    assert_eq!(script.fetches("/api/v1/pages/members").await.status, StatusCode::OK);
    let said = demo.ldap_proxy.bytes_sent();
    for path in ["/api/v1/pages/members", "/p/ops", "/account"] {
        assert_eq!(script.fetches(path).await.status, StatusCode::OK, "{path}");
    }
    let mut wrong = demo.house.visitor().with_password("alice", "wrong");
    assert_eq!(demo.ldap_proxy.bytes_sent(), said, "what was right is not asked about again");
    assert_eq!(wrong.fetches("/p/ops").await.status, StatusCode::UNAUTHORIZED);
    let said = demo.ldap_proxy.bytes_sent();
    clock.advance(MINUTE);
    let account = script.opens("/account").await;
    assert!(demo.ldap_proxy.bytes_sent() > said, "after a minute it is");
    assert!(!account.body.contains("<td>127.0.0.1</td>"), "no session is listed: {}", account.body);
    assert!(account.set_cookie("belvedere").is_none());
}

#[tokio::test]
async fn the_directory_has_its_say_again_when_what_is_remembered_runs_out() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let mut script = demo.house.visitor().with_password("alice", demo.password("alice"));
    assert_eq!(script.fetches("/p/members").await.status, StatusCode::OK);
    let mut unknown = demo.house.visitor().with_password("bob", demo.password("bob"));
    // A connection that is there would go on.
    demo.ldap_proxy.cut();
    clock.advance(Duration::from_secs(59));
    assert_eq!(script.fetches("/p/members").await.status, StatusCode::OK, "for a minute it is known");
    let _ = unknown.fetches("/p/everybody").await;
    demo.ldap_proxy.restore();
    clock.advance(Duration::from_secs(1));
    let said = demo.ldap_proxy.bytes_sent();
    assert_eq!(script.fetches("/p/members").await.status, StatusCode::OK);
    assert!(demo.ldap_proxy.bytes_sent() > said);
}

#[tokio::test]
async fn nothing_is_remembered_where_the_settings_say_so() {
    let demo = DemoServer::builder().await.set("basic.remember", "0s").page("members", &page("Members")).open().await;
    let mut script = demo.house.visitor().with_password("alice", demo.password("alice"));
    for _ in 0..2 {
        let said = demo.ldap_proxy.bytes_sent();
        assert_eq!(script.fetches("/p/members").await.status, StatusCode::OK);
        assert!(demo.ldap_proxy.bytes_sent() > said);
    }
}

#[tokio::test]
async fn wrong_ones_are_limited_as_at_the_form_and_take_as_long() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let mut bodies = Vec::new();
    for (name, password) in [("bob", "wrong"), ("bob", "wronger"), ("nobody", "wrong"), ("bob", ""), ("", "x")] {
        let begun = Instant::now();
        let answer = demo.house.visitor().with_password(name, password).fetches("/p/members").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(begun.elapsed() >= Duration::from_millis(300), "{name}: {:?}", begun.elapsed());
        bodies.push(answer.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "all alike: {bodies:?}");
    // What is left for bob goes, by either way.
    for number in 0..8 {
        let _ = demo.house.visitor().with_password("bob", &format!("wrong-{number}")).fetches("/p/members").await;
    }
    let said = demo.ldap_proxy.bytes_sent();
    let mut right = demo.house.visitor().with_password("bob", demo.password("bob"));
    assert_eq!(right.fetches("/p/members").await.json()["error"]["code"], "too-many-tries");
    let form = demo.house.visitor().tries_to_sign_in("bob", demo.password("bob"), "/").await;
    assert_eq!(form.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(demo.ldap_proxy.bytes_sent(), said, "the directory hears of neither");
    // Other people are not concerned.
    clock.advance(31 * MINUTE);
    assert_eq!(right.fetches("/p/members").await.status, StatusCode::OK, "and in time it is over");
}

#[tokio::test]
async fn many_requests_at_once_are_few_binds() {
    let demo = DemoServer::builder().await.page("members", &page("Members")).open().await;
    let script = demo.house.visitor().with_password("alice", demo.password("alice"));
    let requests = (0..40).map(|_| {
        let mut script = script.clone();
        async move { script.fetches("/p/members").await.status }
    });
    for status in futures::future::join_all(requests).await {
        assert_eq!(status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_live_connection_ends_after_as_long_as_nobody_is_asked_about_its_person() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let script = demo.house.visitor().with_password("alice", demo.password("alice"));
    let mut board = script.watches_from(None, "/live/members").await.unwrap();
    board.hears_a("snapshot").await;
    clock.advance(5 * MINUTE);
    let close = board.is_closed().await;
    assert_eq!(close.bye.unwrap()["reason"], "expired");
    assert_eq!(close.code, Some(4401));
    // Whoever says it again goes on.
    script.watches_from(None, "/live/members").await.unwrap().hears_a("hello").await;
}

#[tokio::test]
async fn another_sites_page_gets_no_channel_whatever_it_shows() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let script = demo.house.visitor().with_password("alice", demo.password("alice"));
    let refused = script.watches_from(Some("http://evil.example"), "/live/members").await.err();
    assert_eq!(refused, Some(StatusCode::FORBIDDEN));
    let foreign = script.request(Method::GET, "/events/members").header("Origin", "http://evil.example");
    assert_eq!(foreign.send().await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn where_passwords_are_not_taken_a_script_is_told_what_to_use() {
    let demo = DemoServer::builder().await.set("basic.enabled", false).page("members", &page("Members")).open().await;
    let mut script = demo.house.visitor().with_password("alice", demo.password("alice"));
    let refused = script.fetches("/p/members").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refused.json()["error"]["code"], "not-taken");
    assert_eq!(demo.ldap_proxy.bytes_sent(), 0, "the password goes nowhere");
    let challenges = refused.headers.get_all("WWW-Authenticate").iter();
    assert!(challenges.map(|value| value.to_str().unwrap()).all(|challenge| !challenge.starts_with("Basic")));
}

#[tokio::test]
async fn nobody_walks_around_a_second_factor_and_a_token_carries_the_one_that_was_shown() {
    let (demo, clock) = factors::house().await;
    let (mut desk, ..) = factors::with_an_app(&demo, &clock, "alice").await;
    let refused = demo.house.visitor().with_password("alice", demo.password("alice")).fetches("/p/members").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refused.json()["error"]["code"], "second-factor");
    let token = desk.makes_a_token("read", 3600).await;
    let signed = demo.house.visitor().with_token(&token).gets_a_signed_token().await;
    for token in [token, signed] {
        assert_eq!(demo.house.visitor().with_token(&token).fetches("/p/vault").await.status, StatusCode::OK);
    }

    let mut bob = demo.house.visitor();
    bob.signs_in("bob", demo.password("bob")).await;
    let token = bob.makes_a_token("read", 3600).await;
    for mut script in [demo.house.visitor().with_token(&token), demo.house.visitor().with_password("bob", demo.password("bob"))]
    {
        assert_eq!(script.fetches("/p/members").await.status, StatusCode::OK);
        let refused = script.fetches("/p/vault").await;
        assert_eq!((refused.status, &refused.json()["error"]["code"]), (StatusCode::FORBIDDEN, &"second-factor".into()));
    }
}
