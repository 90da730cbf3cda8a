//! Pages and what stands around them: the samples, edits that show at once, error pages, headers, static files.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use belvedere::domain::{ManualClock, Timestamp};
use reqwest::header::ACCEPT;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::demo::{Demo, page};
use crate::harness::visitor::{Answer, Visitor};

/// Every sample page with each of its choices, and somebody who may open it; `""` has no account.
const SAMPLES: &[(&str, &str)] = &[
    ("", "/p/welcome"),
    ("", "/p/cities"),
    ("", "/p/cities?city=NYC"),
    ("", "/p/cities?city=MTL"),
    ("carol", "/p/this-machine"),
    ("carol", "/p/colours"),
    ("carol", "/p/colours?colour=Blue"),
    ("carol", "/p/colours?colour=Red"),
    ("alice", "/p/operations"),
];

const CITIES: &str = r#"
title = "Cities"
access = "public"

[[input]]
name = "city"
kind = "dropdown"
options = ["LA", "NYC", "MTL"]

[[panel]]
id = "choice"
kind = "text"
text = "You have selected **{city}**"
"#;

fn public(title: &str) -> String {
    format!("access = \"public\"\n{}", page(title))
}

#[tokio::test]
async fn every_panel_of_the_sample_pages_comes_alive() {
    let demo = Demo::plan().await.sample_pages().open().await;
    for (who, path) in SAMPLES {
        let mut visitor = demo.house.visitor();
        if !who.is_empty() {
            visitor.signs_in(who, demo.password(who)).await;
        }
        let alive = |answer: &Answer| {
            let panels = answer.body.matches("<section class=\"panel").count();
            answer.status == StatusCode::OK
                && panels > 0
                && answer.body.matches("data-condition=\"fresh\"").count() == panels
        };
        visitor.opens_until(path, alive).await;
        let json = visitor.fetches(&path.replace("/p/", "/api/v1/pages/")).await.json();
        for (id, panel) in json["panels"].as_object().unwrap() {
            assert!(!panel["view"].is_null() && panel["trouble"].is_null(), "{id} of {path}: {panel}");
        }
    }
}

#[tokio::test]
async fn what_is_chosen_is_selected_and_said() {
    let demo = Demo::plan().await.sample_pages().open().await;
    let mut visitor = demo.house.visitor();
    let nyc = visitor.opens("/p/cities?city=NYC").await.body;
    assert!(
        nyc.contains("<option value=\"NYC\" selected>") && nyc.contains("You have selected <strong>NYC</strong>"),
        "{nyc}"
    );
    assert!(
        nyc.contains("data-live-url=\"&#x2F;live&#x2F;cities?city=NYC\""),
        "the socket goes on with the same choice"
    );
    visitor.signs_in("carol", demo.password("carol")).await;
    let red = visitor.opens("/p/colours?colour=Red").await.body;
    assert!(red.contains("value=\"Red\" checked") && red.contains("You have selected <strong>Red</strong>"), "{red}");
}

#[tokio::test]
async fn a_value_that_is_no_option_is_refused_with_the_options_and_other_names_are_nobody_s() {
    let demo = Demo::plan().await.page("cities", CITIES).open().await;
    let mut visitor = demo.house.visitor();
    let refused = visitor.opens("/p/cities?city=%3Cscript%3EParis").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.body.contains("it offers LA, NYC, MTL"), "{}", refused.body);
    assert!(!refused.body.contains("<script>Paris"), "{}", refused.body);
    for path in ["/api/v1/pages/cities?city=Paris", "/events/cities?city=Paris"] {
        let refused = visitor.fetches(path).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(refused.json()["error"]["message"].as_str().unwrap().contains("LA, NYC, MTL"), "{path}");
    }
    let page = visitor.opens("/p/cities?utm_source=mail&city=NYC&CITY=Paris&=&x").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("You have selected <strong>NYC</strong>"), "{}", page.body);
}

#[tokio::test]
async fn an_edited_page_shows_without_a_restart_and_a_bad_edit_leaves_it_running() {
    let plan = Demo::plan().await.set("admins.groups", json!(["dash-admins"])).page("board", &public("Before"));
    let demo = plan.open().await;
    let (mut visitor, mut grace, mut carol) = (demo.house.visitor(), demo.house.visitor(), demo.house.visitor());
    grace.signs_in("grace", demo.password("grace")).await;
    carol.signs_in("carol", demo.password("carol")).await;
    assert_eq!(visitor.opens("/p/board").await.heading().as_deref(), Some("Before"));

    demo.house.write_page("board", &public("After"));
    visitor.opens_until("/p/board", |page| page.heading().as_deref() == Some("After")).await;

    demo.house.write_page("board", &public("Bad").replace("kind = \"stat\"", "kind = \"pie\""));
    let admin = grace.opens_until("/admin", |admin| admin.body.contains("board.toml:7:8")).await;
    assert!(admin.body.contains("<span class=\"line-number\">7</span>kind = &quot;pie&quot;"), "{}", admin.body);
    let page = visitor.opens("/p/board").await;
    assert_eq!(page.heading().as_deref(), Some("After"), "the page as it was runs on");
    for (who, visitor) in [("carol", &mut carol), ("a stranger", &mut visitor)] {
        assert!(!visitor.opens("/p/board").await.body.contains("pie"), "a fault is none of the business of {who}");
    }
    assert_eq!(carol.opens("/admin").await.status, StatusCode::FORBIDDEN);
    assert_eq!(visitor.opens("/admin").await.location.as_deref(), Some("/login?next=%2Fadmin"));

    demo.house.write_page("board", &public("Mended"));
    grace.opens_until("/admin", |admin| !admin.body.contains("board.toml:7")).await;
    assert_eq!(visitor.opens("/p/board").await.heading().as_deref(), Some("Mended"));
}

#[tokio::test]
async fn an_edit_that_shuts_the_door_shuts_it_at_once() {
    let demo = Demo::plan().await.page("board", &public("Board")).open().await;
    let mut visitor = demo.house.visitor();
    assert_eq!(visitor.opens("/p/board").await.status, StatusCode::OK);
    demo.house.write_page("board", &page("Board"));
    visitor.opens_until("/p/board", |answer| answer.status == StatusCode::SEE_OTHER).await;
}

#[tokio::test]
async fn a_new_page_is_in_the_bar_and_a_removed_one_is_nowhere() {
    let demo = Demo::plan().await.page("old", &public("Old")).open().await;
    let mut visitor = demo.house.visitor();
    let in_the_bar = |home: &Answer, slug: &str| home.body.contains(&format!("<a href=\"&#x2F;p&#x2F;{slug}\""));
    demo.house.write_page("new", &public("New"));
    let home = visitor.opens_until("/", |home| in_the_bar(home, "new")).await;
    assert!(in_the_bar(&home, "old"));
    demo.house.remove_page("old");
    let home = visitor.opens_until("/", |home| !in_the_bar(home, "old")).await;
    assert!(in_the_bar(&home, "new"));
    assert_eq!(visitor.opens("/p/old").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_address_that_leads_nowhere_is_a_page_for_people_and_an_object_for_scripts() {
    let demo = Demo::plan().await.page("board", &public("Board")).open().await;
    let mut visitor = demo.house.visitor();
    for path in
        ["/nowhere", "/p/nowhere", "/p/board/more", "/p/%3Cscript%3E", "/static/nowhere.css", "/p/%ff", "/admin/x"]
    {
        let page = visitor.opens(path).await;
        assert_eq!((page.status, page.heading().as_deref()), (StatusCode::NOT_FOUND, Some("Nothing here")), "{path}");
        assert!(page.header("Content-Type").unwrap().starts_with("text/html"), "{path}");
        assert!(page.body.contains("&#x2F;p&#x2F;board") && !page.body.contains("<script>"), "{path}: {}", page.body);
        let object = visitor.fetches(path).await;
        assert_eq!(
            (object.status, &object.json()["error"]["code"]),
            (StatusCode::NOT_FOUND, &json!("not-found")),
            "{path}"
        );
    }
    // Whatever a script says it takes, the API speaks JSON.
    let object = visitor.opens("/api/v1/nowhere").await;
    assert_eq!(object.json()["error"]["status"], 404);
    let object = visitor.opens("/api/v1/pages/nowhere").await;
    assert_eq!(object.json()["error"]["code"], "not-found");
}

#[tokio::test]
async fn every_kind_of_response_carries_the_security_headers() {
    let demo = Demo::plan().await.page("board", &public("Board")).page("members", &page("Members")).open().await;
    let mut visitor = demo.house.visitor();
    for (path, status) in [
        ("/", 200),
        ("/p/board", 200),
        ("/p/members", 303),
        ("/p/board?city=\u{7f}", 200),
        ("/login", 200),
        ("/api/v1/pages", 200),
        ("/api/v1/pages/members", 401),
        ("/static/css/base.css", 200),
        ("/static/nowhere", 404),
        ("/live/board", 426),
        ("/nowhere", 404),
        ("/healthz", 200),
        ("/readyz", 200),
    ] {
        let answer = visitor.opens(path).await;
        assert_eq!(answer.status, status, "{path}");
        is_guarded(&answer, path);
    }
    let refused = visitor.posts_from("http://evil.example", "/login", &[]).await;
    is_guarded(&refused, "a refused form");
    let request = visitor.request(Method::POST, "/login").header(ACCEPT, "text/html").body("x".repeat(100_000));
    let refused = visitor.send(request.header("Content-Type", "application/x-www-form-urlencoded")).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    is_guarded(&refused, "a flood");
}

#[tokio::test]
async fn a_page_has_no_script_or_style_of_its_own_and_asks_nobody_else() {
    let demo = Demo::plan().await.sample_pages().open().await;
    let mut visitor = demo.house.visitor();
    for path in ["/", "/p/welcome", "/p/cities", "/login", "/nowhere"] {
        let body = visitor.opens(path).await.body;
        for script in body.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap();
            assert!(tag.contains(" src=") || tag.contains("application/json"), "{path}: <script{tag}>");
        }
        assert!(!body.contains("<style") && !body.contains(" style=\""), "{path}");
        assert!(!["onclick=", "onload=", "javascript:"].iter().any(|inline| body.contains(inline)), "{path}");
        for link in ["src=\"", "href=\"", "action=\""].iter().flat_map(|mark| body.split(mark).skip(1)) {
            let target = link.split('"').next().unwrap();
            assert!(target.starts_with("&#x2F;") || target.starts_with(['/', '#']), "{path}: {target}");
        }
    }
}

#[tokio::test]
async fn static_files_are_kept_for_ever_under_their_version_and_asked_for_again_without() {
    let demo = Demo::plan().await.open().await;
    let mut visitor = demo.house.visitor();
    let home = visitor.opens("/").await.body.replace("&#x2F;", "/");
    let versioned = home.split('"').find(|text| text.starts_with("/static/css/base.css?v=")).unwrap().to_owned();
    let (path, _) = versioned.split_once('?').unwrap();

    let kept = visitor.fetches(&versioned).await;
    assert_eq!(kept.header("Cache-Control"), Some("public, max-age=31536000, immutable"));
    assert!(kept.header("Content-Type").unwrap().starts_with("text/css"));
    assert!(kept.header("Set-Cookie").is_none());
    for path in [path, &format!("{path}?v=000000000000"), &format!("{path}?x=y")] {
        let asked = visitor.fetches(path).await;
        assert_eq!((asked.status, asked.header("Cache-Control")), (StatusCode::OK, Some("public, no-cache")), "{path}");
        assert_eq!(asked.body, kept.body);
    }
    for (path, kind) in
        [("js/main.js", "text/javascript"), ("img/belvedere.svg", "image/svg+xml"), ("theme.css", "text/css")]
    {
        let file = visitor.fetches(&format!("/static/{path}")).await;
        assert!(file.header("Content-Type").unwrap().starts_with(kind), "{path}: {:?}", file.headers);
    }
}

#[tokio::test]
async fn a_file_that_has_not_changed_is_not_sent_again() {
    let demo = Demo::plan().await.open().await;
    let mut visitor = demo.house.visitor();
    let first = visitor.fetches("/static/js/main.js").await;
    let tag = first.header("ETag").expect("a tag to ask with").to_owned();
    for asked in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let request = visitor.request(Method::GET, "/static/js/main.js").header("If-None-Match", &asked);
        let again = visitor.send(request).await;
        assert_eq!((again.status, &*again.body), (StatusCode::NOT_MODIFIED, ""), "{asked}");
        assert_eq!(again.header("ETag"), Some(&*tag));
        assert_eq!(again.header("Cache-Control"), Some("public, no-cache"));
    }
    let request = visitor.request(Method::GET, "/static/js/main.js").header("If-None-Match", "\"other\"");
    let changed = visitor.send(request).await;
    assert_eq!((changed.status, &changed.body), (StatusCode::OK, &first.body));
}

#[tokio::test]
async fn no_address_below_static_leaves_the_folder() {
    let demo = Demo::plan().await.open().await;
    for path in [
        "/static/../Cargo.toml",
        "/static/css/../../Cargo.toml",
        "/static/..%2fCargo.toml",
        "/static/%2e%2e/Cargo.toml",
        "/static/%2e%2e%2fCargo.toml",
        "/static/..%5cCargo.toml",
        "/static//etc/passwd",
        "/static/%2fetc/passwd",
        "/static/css/%00base.css",
        "/static/./css/.hidden",
        "/static/vendor/../../Cargo.toml",
        "/static/",
        "/static/css",
        "/p/../Cargo.toml",
    ] {
        // As it stands: a well-behaved client would tidy the path up first.
        let answer = asks_as_it_stands(demo.house.address, path).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
        assert!(!answer.contains("[package]") && !answer.contains("root:"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn it_is_alive_always_and_ready_when_the_directory_answers() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_309_126_976)));
    let demo = Demo::plan_with(clock.clone()).await.open().await;
    let mut visitor = demo.house.visitor();
    assert_eq!(visitor.fetches("/readyz").await.status, StatusCode::OK);
    let before = demo.wire.said();
    assert_eq!(visitor.fetches("/readyz").await.status, StatusCode::OK);
    assert_eq!(demo.wire.said(), before, "the directory is not asked each time");

    demo.wire.cut();
    clock.advance(Duration::from_secs(6));
    let answer = visitor.fetches("/readyz").await;
    assert_eq!((answer.status, &*answer.body), (StatusCode::SERVICE_UNAVAILABLE, "the directory cannot be reached\n"));
    assert_eq!(visitor.fetches("/healthz").await.status, StatusCode::OK);
    demo.wire.mend();
    clock.advance(Duration::from_secs(6));
    assert_eq!(visitor.fetches("/readyz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_head_request_says_what_a_get_would_without_the_body() {
    let demo = Demo::plan().await.page("board", &public("Board")).page("members", &page("Members")).open().await;
    let mut visitor: Visitor = demo.house.visitor();
    for (path, status) in [("/p/board", 200), ("/p/nowhere", 404), ("/healthz", 200), ("/p/members", 303)] {
        let request = visitor.request(Method::HEAD, path).header(ACCEPT, "text/html");
        let answer = visitor.send(request).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (status, ""), "{path}");
    }
}

fn is_guarded(answer: &Answer, at: &str) {
    let csp = answer.header("Content-Security-Policy").unwrap_or_else(|| panic!("no policy for {at}"));
    for part in
        ["default-src 'none'", "script-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"]
    {
        assert!(csp.split("; ").any(|said| said == part), "{part} in {csp} for {at}");
    }
    assert!(!csp.contains("unsafe"), "{csp} for {at}");
    for (name, value) in [
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name} for {at}");
    }
    assert!(answer.header("Permissions-Policy").is_some(), "{at}");
    assert!(answer.header("Cache-Control").is_some(), "{at}");
    assert!(answer.header("Strict-Transport-Security").is_none(), "over plain HTTP it means nothing ({at})");
}

/// The whole answer to a request for this very path, dots and all.
async fn asks_as_it_stands(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.expect("an answer").unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
