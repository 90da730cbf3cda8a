//! The rules that every response keeps: headers, caching, and paths that stay where they belong.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use belvedere::domain::{ManualClock, Timestamp};
use reqwest::header::ACCEPT;
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::demo_server::{DemoServer, page};
use crate::harness::visitor::{Response, Visitor};
use crate::pages::public;

#[tokio::test]
async fn every_kind_of_response_carries_the_security_headers() {
    let demo = DemoServer::builder().await.page("board", &public("Board")).page("members", &page("Members")).open().await;
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
    let demo = DemoServer::builder().await.sample_pages().open().await;
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
    let demo = DemoServer::builder().await.open().await;
    let mut visitor = demo.house.visitor();
    let home = visitor.opens("/").await.body.replace("&#x2F;", "/");
    let is_base = |text: &&str| text.starts_with("/static/") && text.ends_with("/css/base.css");
    let versioned = home.split('"').find(is_base).unwrap().to_owned();
    let version = versioned.strip_prefix("/static/").unwrap().strip_suffix("/css/base.css").unwrap();
    assert_eq!(version.len(), 12, "{versioned}");

    let kept = visitor.fetches(&versioned).await;
    assert_eq!(kept.header("Cache-Control"), Some("public, max-age=31536000, immutable"));
    assert!(kept.header("Content-Type").unwrap().starts_with("text/css"));
    assert!(kept.header("Set-Cookie").is_none());
    let module = visitor.fetches(&format!("/static/{version}/js/live.js")).await;
    assert_eq!(module.header("Cache-Control"), kept.header("Cache-Control"), "what a module imports is kept as well");
    for path in ["/static/css/base.css", "/static/000000000000/css/base.css", "/static/css/base.css?x=y"] {
        let asked = visitor.fetches(path).await;
        assert_eq!((asked.status, asked.header("Cache-Control")), (StatusCode::OK, Some("public, no-cache")), "{path}");
        assert_eq!(asked.body, kept.body);
    }
    for (path, kind) in [("js/main.js", "text/javascript"), ("img/belvedere.svg", "image/svg+xml"), ("theme.css", "text/css")] {
        let file = visitor.fetches(&format!("/static/{path}")).await;
        assert!(file.header("Content-Type").unwrap().starts_with(kind), "{path}: {:?}", file.headers);
    }
}

#[tokio::test]
async fn a_file_that_has_not_changed_is_not_sent_again() {
    let demo = DemoServer::builder().await.open().await;
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
    let demo = DemoServer::builder().await.open().await;
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
    let demo = DemoServer::builder_with_clock(clock.clone()).await.open().await;
    let mut visitor = demo.house.visitor();
    assert_eq!(visitor.fetches("/readyz").await.status, StatusCode::OK);
    let before = demo.ldap_proxy.bytes_sent();
    assert_eq!(visitor.fetches("/readyz").await.status, StatusCode::OK);
    assert_eq!(demo.ldap_proxy.bytes_sent(), before, "the directory is not asked each time");

    demo.ldap_proxy.cut();
    clock.advance(Duration::from_secs(6));
    let answer = visitor.fetches("/readyz").await;
    assert_eq!((answer.status, &*answer.body), (StatusCode::SERVICE_UNAVAILABLE, "the directory cannot be reached\n"));
    assert_eq!(visitor.fetches("/healthz").await.status, StatusCode::OK);
    demo.ldap_proxy.restore();
    clock.advance(Duration::from_secs(6));
    assert_eq!(visitor.fetches("/readyz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_head_request_says_what_a_get_would_without_the_body() {
    let demo = DemoServer::builder().await.page("board", &public("Board")).page("members", &page("Members")).open().await;
    let mut visitor: Visitor = demo.house.visitor();
    for (path, status) in [("/p/board", 200), ("/p/nowhere", 404), ("/healthz", 200), ("/p/members", 303)] {
        let request = visitor.request(Method::HEAD, path).header(ACCEPT, "text/html");
        let answer = visitor.send(request).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (status, ""), "{path}");
    }
}

fn is_guarded(answer: &Response, at: &str) {
    let csp = answer.header("Content-Security-Policy").unwrap_or_else(|| panic!("no policy for {at}"));
    for part in ["default-src 'none'", "script-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
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

#[tokio::test]
async fn an_overlay_replaces_single_templates_and_files() {
    let overlay = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = overlay.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "templates/pages/home.html.tera",
        "{% extends \"base\" %}{% block main %}<h1>Our own home</h1>{{ pages[0].title }}{% include \"our/news\" %}\
         {% endblock main %}",
    );
    write("templates/our/news.html.tera", "<p>News of ours</p>");
    write("static/css/home.css", "/* our own */");
    let page = page("<b>Bold</b>");
    let demo = DemoServer::builder().await.set("overlay", overlay.path().to_str().unwrap());
    let demo = demo.page("bold", &format!("access = \"public\"\n{page}")).open().await;
    let mut visitor = demo.house.visitor();
    let home = visitor.opens("/").await.body;
    assert!(home.contains("<h1>Our own home</h1>") && home.contains("<p>News of ours</p>"), "{home}");
    assert!(home.contains("&lt;b&gt;Bold") && !home.contains("<b>Bold"), "what is put into it is escaped: {home}");
    assert_eq!(visitor.fetches("/static/css/home.css").await.body, "/* our own */");
    assert!(visitor.opens("/p/bold").await.body.contains("id=\"board\""), "the rest is as it was");
}
