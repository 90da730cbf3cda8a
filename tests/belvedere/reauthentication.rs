//! Who wants something that matters proves once more who they are, in the session they come with.

use std::sync::Arc;

use belvedere::domain::ManualClock;
use reqwest::header::{ACCEPT, ORIGIN, REFERER};
use reqwest::{Method, StatusCode};

use crate::harness::demo_server::{DemoServer, page};
use crate::harness::visitor::{Response, Visitor};
use crate::sessions::{MINUTE, START, is_a_stranger, is_signed_in};

/// A server whose admin is alice, by the test's clock.
async fn house(clock: &Arc<ManualClock>) -> DemoServer {
    let builder = DemoServer::builder_with_clock(clock.clone()).await;
    builder.set("admins.users", vec!["alice"]).page("members", &page("members")).open().await
}

/// Has the directory examined: an act of an admin's.
async fn examines(visitor: &mut Visitor) -> Response {
    let csrf = visitor.opens("/admin/directory").await.field("/admin/examine", "csrf").unwrap();
    let (house, body) = (visitor.origin(), format!("csrf={csrf}"));
    let request = visitor
        .request(Method::POST, "/admin/examine")
        .header(ACCEPT, "text/html")
        .header(ORIGIN, &house)
        .header(REFERER, format!("{house}/admin?from=here#directory"))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(body);
    visitor.send(request).await
}

/// Types a password into the form that asks for it again.
async fn proves(visitor: &mut Visitor, password: &str, next: &str) -> Response {
    let form = visitor.opens(&format!("/login/again?next={next}")).await;
    assert_eq!(form.status, StatusCode::OK, "{:?}", form.location);
    let csrf = form.field("/login/again", "csrf").unwrap();
    let next = form.field("/login/again", "next").unwrap();
    visitor.posts("/login/again", &[("csrf", &csrf), ("next", &next), ("password", password)]).await
}

#[tokio::test]
async fn an_admin_s_act_asks_for_a_recent_password_and_leads_back() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    assert_eq!(examines(&mut alice).await.location.as_deref(), Some("/admin/directory"), "just signed in");

    clock.advance(15 * MINUTE);
    let answer = examines(&mut alice).await;
    assert_eq!(
        (answer.status, answer.location.as_deref()),
        (StatusCode::SEE_OTHER, Some("/login/again?next=%2Fadmin%3Ffrom%3Dhere"))
    );
    let mut before = alice.clone();
    let board = alice.watches("/live/members").await.unwrap();
    let answer = proves(&mut alice, demo.password("alice"), "%2Fadmin").await;
    assert_eq!((answer.status, answer.location.as_deref()), (StatusCode::SEE_OTHER, Some("/admin")));
    is_signed_in(&mut alice).await;
    is_a_stranger(&mut before).await;
    assert_eq!(examines(&mut alice).await.location.as_deref(), Some("/admin/directory"));
    let mut board = board;
    board.hears_a("hello").await;
    board.hears_of("uptime").await;
}

#[tokio::test]
async fn a_wrong_password_proves_nothing_and_counts_like_one_at_the_sign_in() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    clock.advance(16 * MINUTE);
    let mut said = demo.ldap_proxy.bytes_sent();
    for tries in 0.. {
        assert!(tries < 30, "the tries are never used up");
        let answer = proves(&mut alice, &format!("not hers {tries}"), "%2F").await;
        let words = answer.form_message().unwrap();
        if demo.ldap_proxy.bytes_sent() == said {
            assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
            assert!(words.contains("You can try again in"), "{words}");
            break;
        }
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(words.starts_with("That is not your password."), "{words}");
        said = demo.ldap_proxy.bytes_sent();
    }
    // Now not even the right one is tried; she is still who she was.
    assert_eq!(proves(&mut alice, demo.password("alice"), "%2F").await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(demo.ldap_proxy.bytes_sent(), said, "the directory heard of it");
    is_signed_in(&mut alice).await;
    assert!(examines(&mut alice).await.location.unwrap().starts_with("/login/again"));
}

#[tokio::test]
async fn nobody_else_s_password_and_no_form_but_one_s_own_will_do() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let (mut alice, mut bob) = (demo.house.visitor(), demo.house.visitor());
    alice.signs_in("alice", demo.password("alice")).await;
    bob.signs_in("bob", demo.password("bob")).await;
    let bobs = bob.opens("/login/again").await.field("/login/again", "csrf").unwrap();
    clock.advance(16 * MINUTE);
    let right = demo.password("alice");
    assert_eq!(proves(&mut alice, demo.password("bob"), "%2F").await.status, StatusCode::UNAUTHORIZED);
    let answer = alice.posts("/login/again", &[("csrf", &bobs), ("password", right)]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let own = alice.opens("/login/again").await.field("/login/again", "csrf").unwrap();
    let answer = alice.posts_from("http://evil.example", "/login/again", &[("csrf", &own), ("password", right)]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(examines(&mut alice).await.location.unwrap().starts_with("/login/again"));

    let mut stranger = demo.house.visitor();
    assert_eq!(stranger.opens("/login/again").await.location.as_deref(), Some("/login"));
}

#[tokio::test]
async fn the_way_back_is_on_this_site() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    for next in ["https://evil.example/", "//evil.example", "%2F%5Cevil.example"] {
        let answer = proves(&mut alice, demo.password("alice"), next).await;
        assert_eq!(answer.location.as_deref(), Some("/"), "{next}");
    }
}
