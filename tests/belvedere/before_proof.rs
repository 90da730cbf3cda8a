//! Whatever a stranger types anywhere, the answer is the same for every account, there or not, whatever may be wrong with it.

use reqwest::StatusCode;

use crate::digest::Device;
use crate::factors::sets_up_an_app;
use crate::harness::accounts::{PASSWORD, administers};
use crate::harness::demo_server::{DemoServer, page};
use crate::harness::visitor::{Response, Visitor};
use crate::sessions::START;

/// The names that one directory, or the store of local accounts, is asked for: nobody's first. In the directory there is somebody in
/// order, somebody with a second factor, and accounts that are disabled, have expired or must change their password; of the local
/// accounts one is in order, one disabled, one invited, and the last is by the address of that one.
const NAMES: [&[&str]; 3] = [
    &["nobody-at-all", "bob", "alice", "dave", "erin", "heidi", "ivan"],
    &[r"local\nobody", r"local\guest", r"local\former", r"local\ann"],
    &["nobody@partner.example", "ann@partner.example"],
];

/// A server that strangers come to from as many addresses as they like, and every account of [`NAMES`].
async fn house() -> DemoServer {
    let clock = std::sync::Arc::new(belvedere::domain::ManualClock::at(START));
    let builder = DemoServer::builder_with_clock(clock.clone()).await.set("ip_header", "X-Real-IP");
    let builder = builder.set("admins.users", vec!["grace"]).set("digest.enabled", true);
    let builder = builder.set("accounts.mail_domains", vec!["partner.example"]);
    let demo = builder.page("members", &page("Members")).page("board", &page("Board")).open().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    sets_up_an_app(&mut alice, &clock, "").await;
    administers(&demo.house, &["add", "guest", "--digest", "--password-stdin"]).await;
    administers(&demo.house, &["add", "former", "--password-stdin"]).await;
    administers(&demo.house, &["disable", "former"]).await;
    let mut grace = demo.house.visitor();
    grace.signs_in("grace", demo.password("grace")).await;
    let csrf = grace.opens("/admin/accounts").await.field("/admin/accounts/invite", "csrf").unwrap();
    let fields = [("csrf", &*csrf), ("name", "ann"), ("display_name", "Ann"), ("mail", "ann@partner.example")];
    assert_eq!(grace.posts("/admin/accounts/invite", &fields).await.status, StatusCode::OK);
    demo
}

/// Another stranger each time, so that none has to wait for what another tried.
fn stranger(demo: &DemoServer, number: usize) -> Visitor {
    demo.house.visitor().at(&format!("203.0.{}.{}", number / 250, number % 250))
}

/// What was answered, without what was typed and what is another each time.
fn told(answer: &Response, name: &str, csrf: &str) -> (StatusCode, Option<String>, String) {
    let escaped = name.replace('\\', "&#x5C;");
    let body = answer.body.replace(csrf, "CSRF").replace(name, "NAME").replace(&escaped, "NAME");
    (answer.status, answer.location.clone(), body)
}

#[tokio::test]
async fn every_form_answers_alike_for_every_account() {
    let demo = house().await;
    let mut number = 0;
    let mut answers_itself = Vec::new();
    let mut posts: Vec<_> = demo.house.routes.iter().filter(|(method, _)| method == "POST").map(|(_, path)| path).collect();
    posts.sort();
    let paths = posts.into_iter().filter(|path| !path.contains('<'));
    for (path, names) in paths.flat_map(|path| NAMES.map(|names| (path, names))) {
        let mut of_nobody = None;
        for name in names.iter().copied() {
            number += 1;
            let mut visitor = stranger(&demo, number);
            let csrf = visitor.opens("/login").await.field("/login", "csrf").unwrap();
            // Each field that any form has.
            let named = ["username", "name", "person", "id", "mail", "display_name"].map(|field| (field, name));
            let typed = [("password", "wrong"), ("old", "wrong"), ("new", PASSWORD), ("again", PASSWORD), ("code", "123456")];
            let fields =
                [&named[..], &typed, &[("csrf", &*csrf), ("next", "/"), ("credential", "{}"), ("sealed", "x")]].concat();
            let answer = visitor.posts(path, &fields).await;
            let answer = told(&answer, name, &csrf);
            let of_nobody = of_nobody.get_or_insert_with(|| answer.clone());
            assert_eq!(answer, *of_nobody, "{path} for {name}");
        }
        if of_nobody.is_some_and(|(_, location, _)| location.is_none()) {
            answers_itself.push(path.as_str());
        }
    }
    for form in ["/login", "/login/password", "/login/passkey", "/invitation", "/invitation/accept"] {
        assert!(answers_itself.iter().any(|path| path.trim_end_matches('/') == form), "{form} of {answers_itself:?}");
    }
}

#[tokio::test]
async fn every_header_of_a_script_is_answered_alike_for_every_account() {
    let demo = house().await;
    let mut number = 0;
    let paths = ["/api/v1/pages", "/p/members", "/api/v1/pages/members", "/events/members", "/admin", "/metrics"];
    for (path, names) in paths.into_iter().flat_map(|path| NAMES.map(|names| (path, names))) {
        let mut of_nobody = None;
        for name in names.iter().copied() {
            number += 1;
            let answer = stranger(&demo, number).with_password(name, "wrong").fetches(path).await;
            let answer = told(&answer, name, "no form");
            assert_eq!(answer, *of_nobody.get_or_insert_with(|| answer.clone()), "{path} for {name}");
        }
    }
    let mut of_nobody = None;
    for name in ["nobody", "guest", "former", "ann"] {
        number += 1;
        let mut device = Device::of(&demo, name, "wrong");
        device.visitor = device.visitor.at(&format!("203.0.113.{number}"));
        device.is_challenged().await;
        let proof = device.proof("/api/v1/pages");
        let answer = device.visitor.clone().sends_authorization(&proof).fetches("/api/v1/pages").await;
        let answer = told(&answer, name, "no form");
        assert_eq!(answer.0, StatusCode::UNAUTHORIZED);
        assert_eq!(answer, *of_nobody.get_or_insert_with(|| answer.clone()), "Digest for {name}");
    }
}

#[tokio::test]
async fn strangers_are_shown_no_host_no_path_no_file_and_no_words_of_a_fault() {
    // Whoever listens there says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    drop(silent);
    let source = |path: &str| format!("http://127.0.0.1:{port}/{path}");
    let panel = |id: &str, source: &str| {
        format!(
            "\n[[panel]]\nid = \"{id}\"\ntitle = \"{id}\"\nkind = \"stat\"\nsource = \"{source}\"\nquery = \".x\"\nevery = \"1s\"\n"
        )
    };
    let board = format!("title = \"Board\"\naccess = \"public\"\n{}{}", panel("one", "stock"), panel("two", "stock"));
    let demo = DemoServer::builder()
        .await
        .set("sources.stock.kind", "http")
        .set("sources.stock.url", source("inner/stock.json"))
        .page("board", &board)
        .page("broken", "title = \"Broken\"\naccess = \"public\"\n\n[[panel]]\nkind = \"no-such-kind\"\n")
        .page("odd", "this is no TOML")
        .open()
        .await;
    let folder = demo.house.folder.path().display().to_string();
    let inner =
        [&*folder, &format!(":{port}"), "inner/stock", ".toml", "os error", "refused (os", "no-such-kind", "src/", ".rs:"];
    let mut visitor = demo.house.visitor();
    visitor.opens_until("/p/board", |page| page.body.contains("cannot be reached")).await;
    let form = visitor.opens("/login").await.field("/login", "csrf").unwrap();
    let mut answers = Vec::new();
    for path in
        ["/", "/p/board", "/p/broken", "/p/odd", "/p/none", "/p/board?x=1", "/login", "/admin", "/account", "/none", "/%00"]
    {
        answers.push((path, visitor.opens(path).await));
        answers.push((path, visitor.fetches(path).await));
    }
    for path in ["/api/v1/pages", "/api/v1/pages/board", "/api/v1/pages/broken", "/readyz", "/healthz", "/metrics"] {
        answers.push((path, visitor.fetches(path).await));
    }
    for path in ["/login", "/login/password", "/invitation", "/invitation/accept", "/login/passkey", "/p/board"] {
        answers.push((path, visitor.posts(path, &[("csrf", &form), ("username", "\u{1}"), ("code", "\u{0}")]).await));
    }
    demo.ldap_proxy.cut();
    answers.push(("/login", visitor.tries_to_sign_in("alice", demo.password("alice"), "/").await));
    answers.push(("/readyz", visitor.fetches("/readyz").await));
    for (path, answer) in answers {
        let headers = format!("{:?}", answer.headers);
        for part in inner {
            assert!(!answer.body.contains(part) && !headers.contains(part), "{part:?} at {path}: {}", answer.body);
        }
    }
}
