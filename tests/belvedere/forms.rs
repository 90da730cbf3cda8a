//! The forms: each is good for the browser it was made for, sent by a page of this site, and no more often than the
//! limits on signing in allow.

use std::sync::Arc;

use belvedere::demo_directory::{DemoDirectory, SampleDomain};
use belvedere::domain::{ManualClock, SystemClock};
use reqwest::header::{ACCEPT, ORIGIN};
use reqwest::{Method, StatusCode};

use crate::harness::demo_server::{DemoServer, page};
use crate::harness::program::{RunningProgram, belvedere};
use crate::harness::visitor::{Response, Visitor};
use crate::sessions::{MINUTE, START, house, is_a_stranger, is_signed_in};

#[tokio::test]
async fn a_sign_in_that_no_form_of_this_browser_s_sent_is_not_carried_out() {
    let demo = house().await;
    let before = demo.ldap_proxy.bytes_sent();
    let mut eve = demo.house.visitor();
    let eves = eve.opens("/login").await.field("/login", "csrf").unwrap();

    for (how, csrf) in [("another browser's token", Some(&*eves)), ("no such token", Some("x")), ("no token", None)] {
        let mut alice = demo.house.visitor();
        let form = alice.opens("/login").await;
        let mut fields = credentials(&form, &demo, "alice");
        fields.retain(|(name, _)| *name != "csrf");
        fields.extend(csrf.map(|csrf| ("csrf", csrf.to_owned())));
        let answer = alice.posts("/login", &as_fields(&fields)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{how}: {}", answer.body);
        is_a_stranger(&mut alice).await;
        // The form comes back with the name and a good token, so that a person only types the password again.
        assert_eq!(answer.field("/login", "username").as_deref(), Some("alice"), "{how}");
        assert!(answer.form_message().unwrap().contains("Please sign in again."), "{how}: {:?}", answer.form_message());
        assert!(!answer.body.contains(demo.password("alice")), "{how}");
    }
    // A token without the cookie that it belongs to.
    let mut alice = demo.house.visitor();
    let form = alice.opens("/login").await;
    alice.cookies.clear();
    let answer = alice.posts("/login", &as_fields(&credentials(&form, &demo, "alice"))).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(demo.ldap_proxy.bytes_sent(), before, "the directory heard of it");
}

#[tokio::test]
async fn a_sign_in_sent_by_a_page_of_another_site_is_not_carried_out() {
    let demo = house().await;
    let before = demo.ldap_proxy.bytes_sent();
    let mut alice = demo.house.visitor();
    let form = alice.opens("/login").await;
    let fields = credentials(&form, &demo, "alice");
    let same_host = format!("https://{}", demo.house.address.ip());
    for origin in ["http://evil.example", "null", "http://localhost", "file://", &same_host] {
        let answer = alice.posts_from(origin, "/login", &as_fields(&fields)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin}");
        assert_eq!(answer.heading().as_deref(), Some("From another site"), "{origin}");
    }
    for site in ["cross-site", "same-site"] {
        let answer = sends(&mut alice, &[("Sec-Fetch-Site", site)], &fields).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{site}");
    }
    is_a_stranger(&mut alice).await;
    assert_eq!(demo.ldap_proxy.bytes_sent(), before, "the directory heard of it");
    let answer = sends(&mut alice, &[("Sec-Fetch-Site", "same-origin")], &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "the same form from here is good: {}", answer.body);
}

#[tokio::test]
async fn signing_out_takes_a_form_of_this_very_session() {
    let demo = house().await;
    let (mut alice, mut bob) = (demo.house.visitor(), demo.house.visitor());
    alice.signs_in("alice", demo.password("alice")).await;
    bob.signs_in("bob", demo.password("bob")).await;
    let bobs = bob.opens("/").await.field("/logout", "csrf").unwrap();
    let own = alice.opens("/").await.field("/logout", "csrf").unwrap();

    let asked = alice.opens("/logout").await;
    assert_eq!((asked.status, asked.heading().as_deref()), (StatusCode::OK, Some("Sign out?")), "a link changes nothing");
    for (how, fields) in [("another's token", vec![("csrf", &*bobs)]), ("none", vec![]), ("an empty one", vec![("csrf", "")])] {
        let answer = alice.posts("/logout", &fields).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{how}: {}", answer.body);
    }
    let answer = alice.posts_from("http://evil.example", "/logout", &[("csrf", &own)]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    for method in [Method::HEAD, Method::PUT, Method::DELETE] {
        let request = alice.request(method, "/logout");
        alice.send(request).await;
    }
    let origin = alice.origin();
    let no_form = |visitor: &Visitor| visitor.request(Method::POST, "/logout").header("Origin", &origin).body("{}");
    let request = no_form(&alice).header("Content-Type", "application/json");
    assert_eq!(alice.send(request).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "nothing has ended, and nothing says so");
    is_signed_in(&mut alice).await;
    let mut garbled = demo.house.visitor();
    garbled.cookies.insert("belvedere".into(), "garbled".into());
    let request = no_form(&garbled);
    assert_eq!(garbled.send(request).await.status, StatusCode::SEE_OTHER);
    assert!(!garbled.cookies.contains_key("belvedere"), "what cannot be read goes");

    let answer = alice.posts("/logout", &[("csrf", &own)]).await;
    assert_eq!((answer.status, answer.location.as_deref()), (StatusCode::SEE_OTHER, Some("/logout")));
    assert_eq!(alice.opens("/logout").await.heading().as_deref(), Some("You are signed out"));
    is_signed_in(&mut bob).await;
}

#[tokio::test]
async fn a_visitor_is_where_the_connection_comes_from_unless_the_settings_name_a_proxy_s_header() {
    for (named, expected) in [(None, "127.0.0.1"), (Some("X-Real-IP"), "192.0.2.9")] {
        let mut builder = DemoServer::builder().await;
        if let Some(header) = named {
            builder = builder.set("ip_header", header);
        }
        let demo = builder.open().await;
        let mut alice = demo.house.visitor();
        let form = alice.opens("/login").await;
        let fields = credentials(&form, &demo, "alice");
        let said = ["X-Real-IP", "X-Forwarded-For", "Forwarded"].map(|header| (header, "192.0.2.9"));
        assert_eq!(sends(&mut alice, &said, &fields).await.status, StatusCode::SEE_OTHER);
        let account = alice.opens("/account").await;
        assert!(account.body.contains(&format!(">{expected}</td>")), "{named:?}: {}", account.body);
    }
}

#[tokio::test]
async fn an_address_that_fails_too_often_waits_whatever_it_calls_itself() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = DemoServer::builder_with_clock(clock.clone()).await.open().await;
    let mut eve = demo.house.visitor();
    let form = eve.opens("/login").await;
    let mut fields = credentials(&form, &demo, "alice");
    for number in 0..30 {
        fields[0].1 = format!("name-{number}");
        let called = format!("192.0.2.{number}");
        assert_eq!(sends(&mut eve, &[("X-Real-IP", &called)], &fields).await.status, StatusCode::UNAUTHORIZED);
    }
    let before = demo.ldap_proxy.bytes_sent();
    fields[0].1 = "alice".to_owned();
    let answer = sends(&mut eve, &[("X-Real-IP", "192.0.2.99")], &fields).await;
    assert_eq!(
        (answer.status, demo.ldap_proxy.bytes_sent()),
        (StatusCode::TOO_MANY_REQUESTS, before),
        "the directory heard of it"
    );
    clock.advance(5 * MINUTE);
    assert_eq!(sends(&mut eve, &[], &fields).await.status, StatusCode::SEE_OTHER, "later it may try again");
}

#[tokio::test]
async fn a_page_that_stays_shut_and_a_request_that_is_not_ours_stand_in_the_audit() {
    let directory = DemoDirectory::start(&SampleDomain::demo(), Arc::new(SystemClock)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pages")).unwrap();
    let page = format!("access = {{ users = [\"nobody\"] }}\n{}", page("Closed"));
    std::fs::write(folder.path().join("pages/closed.toml"), page).unwrap();
    let mut command = belvedere(folder.path(), &["serve"]);
    command.env("BELVEDERE_DIRECTORY__URL", directory.url());
    let mut program = RunningProgram::start(command);
    let mut alice = Visitor::new(program.is_open_at().await);
    assert_eq!(alice.opens("/p/closed").await.status, StatusCode::SEE_OTHER, "a stranger is only asked to sign in");
    let stranger = alice.opens("/login?next=%2Fp%2Fclosed").await;
    assert!(!stranger.body.contains("Closed"), "strangers learn of no closed page: {}", stranger.body);
    let fields = [("username", "alice"), ("password", "alice-demo"), ("csrf", "stale")];
    assert_eq!(alice.posts("/login", &fields).await.status, StatusCode::BAD_REQUEST);
    alice.signs_in("alice", "alice-demo").await;
    assert_eq!(alice.opens("/p/closed").await.status, StatusCode::FORBIDDEN);
    assert_eq!(alice.posts("/logout", &[("csrf", "stale")]).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(alice.posts_from("http://evil.example", "/logout", &[]).await.status, StatusCode::FORBIDDEN);

    let log = program.ends_after("TERM").await;
    let told = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let told: Vec<_> = told
        .filter(|line| line["target"] == "audit")
        .map(|line| ["event", "reason", "page", "who"].map(|field| of(&line, field)).join(" "))
        .filter(|line| line.contains("refused"))
        .collect();
    let expected = [
        "forgery-refused csrf-token - -",
        "page-refused - closed alice",
        "forgery-refused csrf-token - alice",
        "forgery-refused origin - alice",
    ];
    assert_eq!(told, expected, "{log}");
}

/// A field of an audit line, wherever the format puts it.
fn of(line: &serde_json::Value, field: &str) -> String {
    let value = line["fields"].get(field).or_else(|| line.get(field));
    value.and_then(serde_json::Value::as_str).unwrap_or("-").to_owned()
}

/// The filled-in form, ready to be sent.
pub(crate) fn credentials(form: &Response, demo: &DemoServer, who: &str) -> Vec<(&'static str, String)> {
    let csrf = form.field("/login", "csrf").unwrap();
    let password = demo.password(who).to_owned();
    vec![("username", who.to_owned()), ("password", password), ("next", "/".to_owned()), ("csrf", csrf)]
}

/// The form's fields as they are posted.
pub(crate) fn as_fields<'f>(fields: &'f [(&'static str, String)]) -> Vec<(&'f str, &'f str)> {
    fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// Sends the sign-in form with these headers and no `Origin`.
async fn sends(visitor: &mut Visitor, headers: &[(&str, &str)], fields: &[(&'static str, String)]) -> Response {
    let mut request = visitor.request(Method::POST, "/login").header(ACCEPT, "text/html");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(body);
    assert!(request.try_clone().unwrap().build().unwrap().headers().get(ORIGIN).is_none());
    visitor.send(request).await
}
