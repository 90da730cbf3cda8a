//! Every route, held to the rules that all of them keep: a new one from its first day.

use std::fs;
use std::sync::Arc;

use belvedere::domain::ManualClock;
use reqwest::header::{ACCEPT, ORIGIN};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::demo_server::{DemoServer, page};
use crate::harness::visitor::Visitor;
use crate::pages::public;
use crate::sessions::{MINUTE, START, is_a_stranger, is_signed_in};

/// A server with an admin, a member's page and everybody's.
async fn house() -> DemoServer {
    let builder = DemoServer::builder().await.set("admins.users", json!(["grace"]));
    builder.page("board", &public("Board")).page("members", &page("Members")).open().await
}

/// The server's routes, with a value for each parameter.
fn routes(demo: &DemoServer) -> Vec<(Method, String)> {
    let fill = |part: &str| match part {
        "<slug>" | "<page>" => "members".to_owned(),
        "<path..>" => "css/base.css".to_owned(),
        part if part.starts_with('<') => "1".to_owned(),
        part => part.to_owned(),
    };
    let routes = demo.house.routes.iter().map(|(method, path)| {
        let path = path.split('?').next().unwrap().split('/').map(fill).collect::<Vec<_>>().join("/");
        (method.parse().unwrap(), path)
    });
    routes.collect()
}

/// Values for the fields of all forms.
const FIELDS: &str = "id=1&person=x&name=x&username=x&password=x&old=x&new=y&again=y&next=%2F&theme=dark&code=1";

/// Sends a request, and does not wait for a body that never ends.
async fn sends(visitor: &Visitor, method: &Method, path: &str, accept: &str, origin: Option<&str>) -> reqwest::Response {
    sends_form(visitor, method, path, accept, origin, &format!("csrf=forged&{FIELDS}")).await
}

async fn sends_form(
    visitor: &Visitor,
    method: &Method,
    path: &str,
    accept: &str,
    origin: Option<&str>,
    form: &str,
) -> reqwest::Response {
    let mut request = visitor.request(method.clone(), path).header(ACCEPT, accept);
    if let Some(origin) = origin {
        request = request.header(ORIGIN, origin);
    }
    if *method != Method::GET {
        request = request.header("Content-Type", "application/x-www-form-urlencoded").body(form.to_owned());
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn every_way_to_change_something_is_shut_to_other_sites_and_to_forms_without_a_token() {
    let demo = house().await;
    let mut grace = demo.house.visitor();
    grace.signs_in("grace", demo.password("grace")).await;
    let ours = grace.origin();
    let mut changing = 0;
    for (method, path) in routes(&demo).into_iter().filter(|(method, _)| *method != Method::GET) {
        assert_eq!(method, Method::POST, "{path}: state changes by POST alone");
        changing += 1;
        for foreign in ["http://evil.example", "null", "https://127.0.0.1"] {
            let answer = sends(&grace, &method, &path, "text/html", Some(foreign)).await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path} from {foreign}");
        }
        // Nothing is at stake with the theme: a cookie alone is all that it changes. A signed token changes nothing, and
        // only a page of ours could read the answer.
        if path.starts_with("/api/v1/push/") {
            let answer = sends(&grace, &method, &path, "text/html", Some(&ours)).await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}: a cookie pushes nothing");
        } else if !["/theme", "/api/v1/token"].contains(&&*path) {
            for form in [FIELDS, &format!("csrf=forged&{FIELDS}"), "csrf=forged", ""] {
                let answer = sends_form(&grace, &method, &path, "text/html", Some(&ours), form).await;
                assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{path} with {form:?}");
            }
        }
    }
    assert!(changing >= 25, "{changing}: the ways in are not all there");
    is_signed_in(&mut grace).await;
}

#[tokio::test]
async fn every_way_in_answers_with_the_security_headers() {
    let demo = house().await;
    let (stranger, mut grace) = (demo.house.visitor(), demo.house.visitor());
    grace.signs_in("grace", demo.password("grace")).await;
    for (method, path) in routes(&demo) {
        for (who, visitor) in [("a stranger", &stranger), ("an admin", &grace)] {
            let answer = sends(visitor, &method, &path, "text/html", None).await;
            let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
            let policy = header("Content-Security-Policy");
            for part in ["default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
                assert!(policy.contains(part), "{method} {path} for {who}: {policy}");
            }
            assert!(!policy.contains("unsafe"), "{method} {path} for {who}: {policy}");
            for (name, value) in [
                ("X-Content-Type-Options", "nosniff"),
                ("Referrer-Policy", "same-origin"),
                ("Cross-Origin-Opener-Policy", "same-origin"),
            ] {
                assert_eq!(header(name), value, "{method} {path} for {who}");
            }
            assert!(!header("Permissions-Policy").is_empty(), "{method} {path} for {who}");
        }
    }
}

#[tokio::test]
async fn no_page_for_members_is_kept_by_a_browser() {
    let demo = house().await;
    let mut grace = demo.house.visitor();
    grace.signs_in("grace", demo.password("grace")).await;
    for (method, path) in routes(&demo) {
        if path.starts_with("/static/") || path.starts_with("/.well-known/") {
            continue;
        }
        for accept in ["text/html", "*/*"] {
            let answer = sends(&grace, &method, &path, accept, None).await;
            let kept = answer.headers().get("Cache-Control").map(|value| value.to_str().unwrap().to_owned());
            assert!(kept.as_deref().is_some_and(|kept| kept.contains("no-store")), "{method} {path}: {kept:?}");
        }
    }
}

#[tokio::test]
async fn no_way_in_reads_a_body_without_end() {
    let demo = house().await;
    let mut grace = demo.house.visitor();
    grace.signs_in("grace", demo.password("grace")).await;
    let csrf = grace.opens("/").await.field("/logout", "csrf").unwrap();
    let before = demo.ldap_proxy.bytes_sent();
    for (method, path) in routes(&demo).into_iter().filter(|(method, _)| *method == Method::POST) {
        let body = format!("csrf={csrf}&password={}", "x".repeat(2 << 20));
        let request = grace.request(method, &path).header(ACCEPT, "text/html");
        // The server may hang up on whoever goes on sending.
        let Ok(answer) = request.header("Content-Type", "application/x-www-form-urlencoded").body(body).send().await else {
            continue;
        };
        assert!(answer.status().is_client_error(), "{path}: {}", answer.status());
    }
    assert_eq!(demo.ldap_proxy.bytes_sent(), before, "the directory heard of it");
    is_signed_in(&mut grace).await;
}

#[tokio::test]
async fn a_board_that_only_listens_does_not_keep_its_session_and_hears_of_the_end() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = DemoServer::builder_with_clock(clock.clone()).await.set("sessions.idle", "1h").page("members", &page("members"));
    let demo = demo.open().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    let mut board = alice.watches("/live/members").await.unwrap();
    board.hears_a("hello").await;
    for _ in 0..5 {
        clock.advance(10 * MINUTE);
        // It answers pings, as every client does by itself, and that is no activity either.
        board.hears_a("ping").await;
    }
    clock.advance(10 * MINUTE);
    let close = board.is_closed().await;
    assert_eq!((close.bye.unwrap()["reason"].as_str(), close.code), (Some("expired"), Some(4401)));
    is_a_stranger(&mut alice).await;
}

#[tokio::test]
async fn no_password_and_no_token_is_in_the_audit_or_in_any_file_of_ours() {
    let demo = house().await;
    let mut grace = demo.house.visitor();
    let wrong = "a wrong one that nobody may read";
    grace.tries_to_sign_in("grace", wrong, "/").await;
    grace.signs_in("grace", demo.password("grace")).await;
    let csrf = grace.opens("/login/again").await.field("/login/again", "csrf").unwrap();
    let first = grace.cookies["belvedere"].clone();
    grace.posts("/login/again", &[("csrf", &csrf), ("password", wrong)]).await;
    grace.posts("/login/again", &[("csrf", &csrf), ("password", demo.password("grace"))]).await;
    let second = grace.cookies["belvedere"].clone();
    assert_ne!(first, second);
    let secrets = [wrong, demo.password("grace"), &first, &second, &csrf].map(str::to_owned);
    let folder = Arc::clone(&demo.house.folder);
    demo.house.shut_down().await;
    for file in fs::read_dir(folder.path().join("state")).unwrap() {
        let path = file.unwrap().path();
        let kept = fs::read(&path).unwrap();
        for secret in &secrets {
            let is_there = kept.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!is_there, "{} has {secret:?}", path.display());
        }
    }
}
