//! Sessions: their cookies, what is kept of them, and how they end.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use belvedere::domain::{ManualClock, Timestamp};
use reqwest::StatusCode;
use sha2::{Digest as _, Sha256};

use crate::forms::{as_fields, credentials};
use crate::harness::certificates::TestAuthority;
use crate::harness::demo_server::{DemoServer, page};
use crate::harness::visitor::{Response, Visitor};

const SESSION: &str = "belvedere";

/// The step that clocks are moved by.
pub(crate) const MINUTE: Duration = Duration::from_mins(1);

/// The day this was written.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);

/// A page for whoever has signed in, as most of these tests ask for one.
pub(crate) async fn house() -> DemoServer {
    DemoServer::builder().await.page("members", &page("members")).open().await
}

#[tokio::test]
async fn the_session_cookie_is_for_this_site_s_requests_alone() {
    let demo = house().await;
    let mut alice = demo.house.visitor();
    let form = alice.opens("/login").await;
    assert_eq!(attributes(form.set_cookie("belvedere-form").unwrap()), ["HttpOnly", "Path=/", "SameSite=Lax"]);
    let answer = alice.tries_to_sign_in("alice", demo.password("alice"), "/").await;
    assert_eq!(attributes(answer.set_cookie(SESSION).unwrap()), ["HttpOnly", "Path=/", "SameSite=Lax"]);
}

#[tokio::test]
async fn over_https_the_cookies_are_secure_and_the_host_s_own() {
    let demo = DemoServer::builder().await.set("site.public_url", "https://boards.corp.example").open().await;
    let origin = "https://boards.corp.example";
    let secure = ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"];
    let mut alice = demo.house.visitor();

    let form = alice.opens("/login").await;
    assert_eq!(attributes(form.set_cookie("__Host-belvedere-form").unwrap()), secure);
    assert!(form.header("Strict-Transport-Security").is_some());
    let csrf = form.field("/login", "csrf").unwrap();
    let fields = [("username", "alice"), ("password", demo.password("alice")), ("next", "/"), ("csrf", &csrf)];
    let answer = alice.posts_from(origin, "/login", &fields).await;
    assert_eq!(attributes(answer.set_cookie("__Host-belvedere").unwrap()), secure);
    assert!(answer.set_cookie(SESSION).is_none());

    // A browser heeds a removal only if it could have set the cookie so (RFC 6265bis, 4.1.3.2).
    let csrf = alice.opens("/").await.field("/logout", "csrf").unwrap();
    let answer = alice.posts_from(origin, "/logout", &[("csrf", &csrf)]).await;
    let removal = answer.set_cookie("__Host-belvedere").unwrap();
    assert!(removal.starts_with("__Host-belvedere=;") && removal.contains("Max-Age=0"), "{removal}");
    assert_eq!(attributes(removal), secure);
}

#[tokio::test]
async fn where_the_server_itself_speaks_https_the_cookies_are_secure_too() {
    let folder = tempfile::tempdir().unwrap();
    let authority = TestAuthority::new();
    authority.write(&authority.issue(&["127.0.0.1"]), folder.path()).unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let demo = DemoServer::builder().await.set("tls.certs", file("cert.pem")).set("tls.key", file("key.pem")).open().await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let trusted = [reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap()];
    let browser = reqwest::Client::builder().tls_certs_only(trusted).build().unwrap();
    let form = browser.get(format!("https://{}/login", demo.house.address)).send().await.unwrap();
    assert_eq!(form.status(), StatusCode::OK);
    let cookie = form.headers()["Set-Cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-belvedere-form=") && attributes(cookie).contains(&"Secure"), "{cookie}");
    assert!(form.headers().contains_key("Strict-Transport-Security"));
}

#[tokio::test]
async fn a_token_is_new_at_sign_in_and_the_one_before_is_dead() {
    let demo = house().await;
    let mut alice = demo.house.visitor();
    // Somebody else's idea of a session: well shaped, and planted before.
    let planted = BASE64_URL_SAFE_NO_PAD.encode([7; 32]);
    alice.cookies.insert(SESSION.to_owned(), planted.clone());
    let form = alice.opens("/login").await;
    let fields = credentials(&form, &demo, "alice");
    assert_eq!(alice.posts("/login", &as_fields(&fields)).await.status, StatusCode::SEE_OTHER);
    assert_ne!(alice.cookies[SESSION], planted);

    let first = alice.clone();
    assert_eq!(alice.posts("/login", &as_fields(&fields)).await.status, StatusCode::SEE_OTHER, "the form is still good");
    assert_ne!(alice.cookies[SESSION], first.cookies[SESSION]);
    is_signed_in(&mut alice).await;
    is_a_stranger(&mut first.clone()).await;
}

#[tokio::test]
async fn the_store_holds_the_token_s_hash_and_never_the_token_or_the_password() {
    let demo = house().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    let token = alice.cookies[SESSION].clone();
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(&token).unwrap();
    assert_eq!(bytes.len(), 32, "256 bits");

    let mut found_hash = false;
    for file in std::fs::read_dir(demo.house.folder.path().join("state")).unwrap() {
        let path = file.unwrap().path();
        let kept = std::fs::read(&path).unwrap();
        let holds = |secret: &[u8]| kept.windows(secret.len()).any(|window| window == secret);
        assert!(!holds(token.as_bytes()) && !holds(&bytes), "{} holds the token", path.display());
        assert!(!holds(demo.password("alice").as_bytes()), "{} holds the password", path.display());
        found_hash |= holds(&Sha256::digest(&bytes));
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o077, 0, "others may read {}", path.display());
    }
    assert!(found_hash, "the session is in the store");
}

#[tokio::test]
async fn after_sign_out_the_old_cookie_opens_nothing_and_back_shows_nothing() {
    let demo = house().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    for path in ["/", "/p/members", "/account", "/api/v1/pages", "/api/v1/pages/members", "/logout"] {
        let answer = alice.opens(path).await;
        assert_eq!(answer.header("Cache-Control"), Some("no-store"), "{path}");
    }
    let mut kept = alice.clone();
    alice.signs_out().await;
    assert!(!alice.cookies.contains_key(SESSION), "the browser is told to forget it");
    is_a_stranger(&mut kept).await;
    is_a_stranger(&mut alice).await;
    let listed = kept.fetches("/api/v1/pages").await.json();
    assert_eq!(listed["pages"].as_array().unwrap().len(), 0, "{listed}");
}

#[tokio::test]
async fn a_restart_keeps_people_signed_in_and_their_open_forms_good() {
    let demo = house().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    let csrf = alice.opens("/").await.field("/logout", "csrf").unwrap();
    let mut gone = demo.house.visitor();
    gone.signs_in("bob", demo.password("bob")).await;
    let ended = gone.clone();
    gone.signs_out().await;

    let demo = demo.restart().await;
    let (mut alice, mut ended) = (moved(&demo, &alice), moved(&demo, &ended));
    is_signed_in(&mut alice).await;
    is_a_stranger(&mut ended).await;
    assert_eq!(alice.posts("/logout", &[("csrf", &csrf)]).await.status, StatusCode::SEE_OTHER);
    is_a_stranger(&mut alice).await;
}

#[tokio::test]
async fn a_session_that_nobody_uses_ends() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = DemoServer::builder_with_clock(clock.clone())
        .await
        .set("sessions.idle", "1h")
        .set("sessions.absolute", "8h")
        .open()
        .await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    for _ in 0..3 {
        clock.advance(59 * MINUTE);
        is_signed_in(&mut alice).await;
    }
    clock.advance(61 * MINUTE);
    is_a_stranger(&mut alice).await;
}

#[tokio::test]
async fn a_session_ends_in_any_case_when_its_last_hour_is_over() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = DemoServer::builder_with_clock(clock.clone())
        .await
        .set("sessions.idle", "1h")
        .set("sessions.absolute", "3h")
        .open()
        .await;
    let mut alice = demo.house.visitor();
    let answer = alice.tries_to_sign_in("alice", demo.password("alice"), "/").await;
    assert!(answer.set_cookie(SESSION).unwrap().contains("Max-Age=10800"), "the browser forgets it by then");
    for _ in 0..5 {
        clock.advance(30 * MINUTE);
        is_signed_in(&mut alice).await;
    }
    clock.advance(30 * MINUTE);
    is_a_stranger(&mut alice).await;
}

#[tokio::test]
async fn one_s_account_lists_one_s_own_sessions() {
    let demo = house().await;
    let (mut desk, mut phone, mut bob) = (demo.house.visitor(), demo.house.visitor(), demo.house.visitor());
    desk.signs_in("alice", demo.password("alice")).await;
    phone.signs_in("alice", demo.password("alice")).await;
    bob.signs_in("bob", demo.password("bob")).await;
    let rows = |answer: &Response| answer.body.matches(">127.0.0.1</td>").count();
    assert_eq!(rows(&desk.opens("/account").await), 2);
    assert_eq!(rows(&bob.opens("/account").await), 1);
    phone.signs_out().await;
    let account = desk.opens("/account").await;
    assert_eq!(rows(&account), 1);
    assert_eq!(account.body.matches("this browser").count(), 1);
}

/// The attributes, in order, but for the time.
fn attributes(cookie: &str) -> Vec<&str> {
    let timed = |attribute: &&str| attribute.starts_with("Max-Age=") || attribute.starts_with("Expires=");
    let mut attributes: Vec<_> = cookie.split("; ").skip(1).filter(|attribute| !timed(attribute)).collect();
    attributes.sort_unstable();
    attributes
}

/// A visitor with that browser's cookies, at the server's new address.
fn moved(demo: &DemoServer, visitor: &Visitor) -> Visitor {
    let mut moved = demo.house.visitor();
    moved.cookies.clone_from(&visitor.cookies);
    moved
}

/// Must be signed in.
pub(crate) async fn is_signed_in(visitor: &mut Visitor) {
    let answer = visitor.opens("/account").await;
    assert_eq!(answer.status, StatusCode::OK, "signed in: {:?}", answer.location);
}

/// Must not be signed in.
pub(crate) async fn is_a_stranger(visitor: &mut Visitor) {
    let answer = visitor.opens("/account").await;
    assert_eq!(answer.location.as_deref(), Some("/login?next=%2Faccount"), "{} {}", answer.status, answer.body);
}

/// Ticks *Stay signed in*, whether or not the form offers it.
async fn signs_in_to_stay(visitor: &mut Visitor, password: &str) {
    let form = visitor.opens("/login").await;
    let csrf = form.field("/login", "csrf").unwrap();
    let fields = [("username", "alice"), ("password", password), ("stay", "true"), ("csrf", &*csrf)];
    assert_eq!(visitor.posts("/login", &fields).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn whoever_ticks_it_stays_signed_in_where_the_settings_let_them() {
    let clock = Arc::new(ManualClock::at(START));
    // Somebody must be there to ask about those who stay.
    let builder = DemoServer::builder_with_clock(clock.clone())
        .await
        .set("directory.bind_name", "svc-reader@belvedere.example")
        .set("directory.bind_password", "svc-reader-demo");
    let demo = builder.set("sessions.stay", "30d").set("sessions.max_staleness", "30d").open().await;
    let (mut stays, mut goes) = (demo.house.visitor(), demo.house.visitor());
    assert!(stays.opens("/login").await.body.contains("Stay signed in for 30 d"));
    signs_in_to_stay(&mut stays, demo.password("alice")).await;
    goes.signs_in("alice", demo.password("alice")).await;
    clock.advance(29 * 24 * 60 * MINUTE);
    assert_eq!(stays.opens("/account").await.status, StatusCode::OK);
    assert_eq!(goes.opens("/account").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn where_the_settings_do_not_offer_it_a_tick_changes_nothing() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = DemoServer::builder_with_clock(clock.clone()).await.set("sessions.max_staleness", "30d").open().await;
    let mut visitor = demo.house.visitor();
    assert!(!visitor.opens("/login").await.body.contains("Stay signed in"));
    signs_in_to_stay(&mut visitor, demo.password("alice")).await;
    assert_eq!(visitor.opens("/account").await.status, StatusCode::OK);
    clock.advance(8 * 24 * 60 * MINUTE);
    assert_eq!(visitor.opens("/account").await.status, StatusCode::SEE_OTHER);
}
