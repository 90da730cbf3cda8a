//! Every credential × every route × the state of the credential: valid, expired, revoked, wrong, missing, out of scope.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use belvedere::domain::ManualClock;
use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::demo_server::{DemoServer, page};
use crate::harness::visitor::Visitor;
use crate::sessions::{MINUTE, START};

/// The validity and scope of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CredentialKind {
    /// Nothing is shown.
    Missing,
    /// All that the person may.
    Whole,
    /// The pages, and nothing else.
    Reads,
    /// One page, `ops`, and nothing else.
    ReadsOne,
    /// No page, for it is good for pushing alone.
    ReadsNone,
    /// An invalid credential.
    Bad,
}
use CredentialKind::{Bad, Missing, Reads, ReadsNone, ReadsOne, Whole};

/// The purpose of a route.
#[derive(Clone, Copy, Debug)]
enum PageRoute {
    Public,
    /// A page that alice may open.
    Page,
    /// The page that some tokens are for.
    Ops,
    /// One's own account, tokens and password; the admins' page and figures.
    Own,
    /// Lists that everybody has, of what they may open.
    List,
}
use PageRoute::{List, Ops, Own, Page, Public};

const ROUTES: &[(&str, PageRoute)] = &[
    ("/p/everybody", Public),
    ("/p/members", Page),
    ("/p/ops", Ops),
    ("/api/v1/pages/everybody", Public),
    ("/api/v1/pages/members", Page),
    ("/api/v1/pages/ops", Ops),
    ("/events/everybody", Public),
    ("/events/members", Page),
    ("/events/ops", Ops),
    ("/live/everybody", Public),
    ("/live/members", Page),
    ("/live/ops", Ops),
    ("/", List),
    ("/api/v1/pages", List),
    ("/account", Own),
    ("/admin", Own),
    ("/metrics", Own),
];

fn expected(kind: CredentialKind, route: PageRoute) -> u16 {
    match (kind, route) {
        (Bad, _) | (Missing, Page | Ops | Own) => 401,
        (Reads | ReadsOne | ReadsNone, Own) | (ReadsOne | ReadsNone, Page) | (ReadsNone, Ops) => 403,
        _ => 200,
    }
}

pub(crate) async fn house(clock: &Arc<ManualClock>) -> DemoServer {
    DemoServer::builder_with_clock(clock.clone())
        .await
        .set("admins", json!({ "users": ["alice"] }))
        .page("everybody", &format!("access = \"public\"\n{}", page("Everybody")))
        .page("members", &page("Members"))
        .page("ops", &format!("access = {{ groups = [\"dash-ops\"] }}\n{}", page("Ops")))
        .open()
        .await
}

/// Visitors with all credentials of alice, each with its kind.
async fn credentials(demo: &DemoServer, clock: &ManualClock) -> Vec<(String, Visitor, CredentialKind)> {
    let mut desk = demo.house.visitor();
    desk.signs_in("alice", demo.password("alice")).await;
    let mut credentials = Vec::new();
    let mut add = |name: &str, visitor: Visitor, kind| credentials.push((name.to_owned(), visitor, kind));
    let stranger = || demo.house.visitor();
    let tokens = async |desk: &mut Visitor, lasts| {
        [
            (desk.makes_a_token("read push", lasts).await, Reads),
            (desk.makes_a_token("read:ops", lasts).await, ReadsOne),
            (desk.makes_a_token("push", lasts).await, ReadsNone),
        ]
    };

    // What expires, and what is revoked.
    for (token, _) in tokens(&mut desk, 60).await {
        add("an expired token", stranger().with_token(&token), Bad);
    }
    let signed = stranger().with_password("alice", demo.password("alice")).gets_a_signed_token().await;
    add("an expired signed token", stranger().with_token(&signed), Bad);
    clock.advance(4 * MINUTE);
    for (token, _) in tokens(&mut desk, 3600).await {
        let signed = stranger().with_token(&token).gets_a_signed_token().await;
        add("a signed token of a revoked one", stranger().with_token(&signed), Bad);
        add("a revoked token", stranger().with_token(&token), Bad);
    }
    for _ in 0..3 {
        revokes_the_first(&mut desk).await;
    }
    let mut gone = demo.house.visitor();
    gone.signs_in("alice", demo.password("alice")).await;
    let signed = of_session(&mut gone).await;
    gone.signs_out().await;
    add("a signed token of a session that ended", stranger().with_token(&signed), Bad);

    // What is wrong from the beginning.
    let password = demo.password("alice");
    add("a wrong password", stranger().with_password("alice", "wrong"), Bad);
    add("nobody's name", stranger().with_password("nobody", password), Bad);
    add("no password", stranger().with_password("alice", ""), Bad);
    add("a disabled account", stranger().with_password("dave", demo.password("dave")), Bad);
    let (token, _) = tokens(&mut desk, 3600).await[0].clone();
    let other = if token.ends_with('A') { "B" } else { "A" };
    add("a mistyped token", stranger().with_token(&format!("{}{other}", &token[..token.len() - 1])), Bad);
    add("a token and a name", stranger().with_token(&token).with_password("alice", password), Bad);
    add("a token twice", stranger().with_token(&token).with_token(&token), Bad);
    for shown in ["", "Bearer", "Basic !", "Negotiate abc", "Digest username=\"alice\"", &token] {
        add("what cannot be read", stranger().sends_authorization(shown), Bad);
    }
    let mut both = desk.clone().with_password("alice", "wrong");
    both.cookies.clone_from(&desk.cookies);
    add("a wrong password beside a good cookie", both, Bad);

    // What is good.
    add("nothing", stranger(), Missing);
    add("a name and a password", stranger().with_password("alice", password), Whole);
    let signed = stranger().with_password("alice", password).gets_a_signed_token().await;
    add("a signed token of a password", stranger().with_token(&signed), Reads);
    add("a signed token of a session", stranger().with_token(&of_session(&mut desk).await), Reads);
    for (token, good_for) in tokens(&mut desk, 3600).await {
        let signed = stranger().with_token(&token).gets_a_signed_token().await;
        add("a signed token of a token", stranger().with_token(&signed), good_for);
        add("a token", stranger().with_token(&token), good_for);
    }
    add("a session", desk, Whole);
    credentials
}

#[tokio::test]
async fn the_table_holds() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    for (name, mut visitor, kind) in credentials(&demo, &clock).await {
        // At once, since each wrong password takes its time.
        let asked = ROUTES.iter().map(|(path, _)| answers(&visitor, path));
        for ((path, route), status) in ROUTES.iter().zip(join_all(asked).await) {
            assert_eq!(status, expected(kind, *route), "{path} by {name} ({kind:?})");
        }
        if kind != Bad {
            let listed = visitor.fetches("/api/v1/pages").await.json();
            let slugs: Vec<_> = listed["pages"].as_array().unwrap().iter().filter_map(|page| page["slug"].as_str()).collect();
            let expected: &[&str] = match kind {
                Missing | ReadsNone => &["everybody"],
                ReadsOne => &["everybody", "ops"],
                _ => &["everybody", "members", "ops"],
            };
            assert_eq!(slugs, expected, "listed by {name}");
        }
    }
}

/// What a header gets beside a good cookie, without one, and without one where a browser opens a page.
#[tokio::test]
async fn a_header_of_no_known_scheme_never_beats_a_good_cookie_and_one_of_a_known_scheme_always_does() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let mut desk = demo.house.visitor();
    desk.signs_in("alice", demo.password("alice")).await;
    let (token, other) = (desk.makes_a_token("read", 3600).await, desk.makes_a_token("push", 3600).await);
    let bearer = |token: &str| format!("Bearer {token}");
    let mut gone = demo.house.visitor();
    gone.signs_in("alice", demo.password("alice")).await;
    let cookies = gone.cookies.clone();
    gone.signs_out().await;
    gone.cookies = cookies;

    let (login, oversized) = (303, bearer(&"x".repeat(9_000)));
    let wrong = format!("Basic {}", BASE64_STANDARD.encode("nobody:wrong"));
    let table: &[(&[&str], [u16; 3])] = &[
        (&[], [200, 401, login]),
        (&["Negotiate YIIabc"], [200, 401, login]),
        (&["NTLM TlRMTVNTUAAB"], [200, 401, login]),
        (&["Digest username=\"alice\""], [200, 401, login]),
        (&[&oversized], [200, 401, login]),
        (&[""], [200, 401, login]),
        (&["Bearer"], [401, 401, 401]),
        (&["basic "], [401, 401, 401]),
        (&["Basic\tbm9ib2R5Ondyb25n"], [401, 401, 401]),
        (&["Negotiate YIIabc", "Negotiate YIIabc"], [401, 401, 401]),
        (&["Negotiate YIIabc", &bearer(&token)], [401, 401, 401]),
        (&[&wrong], [401, 401, 401]),
        (&["Basic !"], [401, 401, 401]),
        (&[&bearer(&token[..50])], [401, 401, 401]),
        (&["Bearer a.b.c"], [401, 401, 401]),
        (&[&bearer(&other)], [403, 403, 403]),
        (&[&bearer(&token)], [200, 200, 200]),
    ];
    for (headers, [beside, without, in_a_browser]) in table {
        for (cookie, visitor) in [("a good cookie", &desk), ("an ended one", &gone), ("none", &demo.house.visitor())] {
            let is_good = cookie == "a good cookie";
            let mut visitor = headers.iter().fold(visitor.clone(), |visitor, header| visitor.sends_authorization(header));
            let paths = ["/p/members", "/api/v1/pages/members", "/events/members", "/live/members"];
            let statuses = join_all(paths.map(|path| answers(&visitor, path))).await;
            for (path, status) in paths.iter().zip(statuses) {
                assert_eq!(status, if is_good { *beside } else { *without }, "{path} by {headers:?} beside {cookie}");
            }
            let shown = visitor.opens("/p/members").await.status;
            assert_eq!(shown, if is_good { *beside } else { *in_a_browser }, "a page by {headers:?} beside {cookie}");
        }
    }
}

#[tokio::test]
async fn without_a_cookie_a_browser_s_header_is_passed_over_but_for_the_api() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let oversized = format!("Bearer {}", "x".repeat(9_000));
    let table: &[(&str, [u16; 3])] = &[
        ("Negotiate YIIabc", [401, 200, 200]),
        (&oversized, [401, 200, 200]),
        ("", [401, 200, 200]),
        ("Bearer", [401, 401, 401]),
        ("Basic !", [401, 401, 401]),
    ];
    for (header, expected) in table {
        let browser = demo.house.visitor().with_user_agent("Mozilla/5.0 (X11)").sends_authorization(header);
        let paths = ["/api/v1/pages/everybody", "/events/everybody", "/live/everybody"];
        let statuses = join_all(paths.map(|path| answers(&browser, path))).await;
        assert_eq!(statuses, expected, "{header:?}");
        let script = demo.house.visitor().sends_authorization(header);
        assert_eq!(join_all(paths.map(|path| answers(&script, path))).await, [401; 3], "{header:?} of a script");
    }
}

#[tokio::test]
async fn a_browser_that_sends_negotiate_unasked_signs_in_and_acts_like_any_other() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let mut browser = demo.house.visitor().sends_authorization("Negotiate YIIabc");
    browser.signs_in("alice", demo.password("alice")).await;
    browser.makes_a_token("read", 3600).await;
    // What is passed over is no proof: a cookie counts on a socket only together with an origin.
    assert_eq!(browser.watches_from(None, "/live/members").await.err(), Some(StatusCode::FORBIDDEN));
    browser.watches("/live/members").await.unwrap().hears_a("hello").await;
    browser.signs_out().await;
    assert_eq!(browser.opens("/p/everybody").await.status, StatusCode::OK);
}

#[tokio::test]
async fn nothing_is_changed_but_by_somebody_who_is_signed_in_with_the_form() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let mut desk = demo.house.visitor();
    desk.signs_in("alice", demo.password("alice")).await;
    let token = desk.makes_a_token("read push", 3600).await;
    let account = desk.opens("/account").await;
    let csrf = account.field("/account/tokens", "csrf").unwrap();
    let scripts = [
        demo.house.visitor().with_password("alice", demo.password("alice")),
        // A cookie beside it, and its form's own token, do not help.
        desk.clone().with_password("alice", demo.password("alice")),
        desk.clone().with_token(&token),
    ];
    for mut script in scripts {
        for path in ["/account/tokens", "/account/tokens/1/revoke", "/account/password", "/admin/examine"] {
            let fields = [("csrf", &*csrf), ("name", "x"), ("scope", "read"), ("lasts", "60")];
            let answer = script.posts(path, &fields).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}: {}", answer.body);
        }
    }
    assert_eq!(desk.opens("/account").await.body.matches("/revoke\"").count(), 1, "nothing has changed");
}

#[tokio::test]
async fn a_token_in_an_address_is_no_way_in() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let mut desk = demo.house.visitor();
    desk.signs_in("alice", demo.password("alice")).await;
    let token = desk.makes_a_token("read", 3600).await;
    let signed = demo.house.visitor().with_token(&token).gets_a_signed_token().await;
    for token in [&token, &signed] {
        for name in ["access_token", "token", "authorization", "bearer", "api_key"] {
            for path in ["/p/members", "/api/v1/pages/members", "/events/members", "/live/members"] {
                let status = answers(&demo.house.visitor(), &format!("{path}?{name}={token}")).await;
                assert!(matches!(status, 400 | 401), "{path} by {name} says {status}");
            }
        }
    }
}

#[tokio::test]
async fn a_script_is_challenged_and_no_browser_ever_pops_up_a_window() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let challenges = |answer: &crate::harness::visitor::Response| {
        let all = answer.headers.get_all("WWW-Authenticate").iter();
        all.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let script = demo.house.visitor().fetches("/p/members").await;
    assert_eq!(
        challenges(&script),
        [
            "Bearer realm=\"Belvedere\"",
            "Basic realm=\"Belvedere\", charset=\"UTF-8\"",
            "Cookie realm=\"Belvedere\", form-action=\"/login\"",
        ]
    );
    let metrics = demo.house.visitor().fetches("/metrics").await;
    assert!(challenges(&metrics)[0].starts_with("Bearer") && !challenges(&metrics).join(" ").contains("Basic"));
    let wrong = demo.house.visitor().with_token(&format!("bvt_{}", "A".repeat(47))).fetches("/p/members").await;
    assert_eq!(wrong.json()["error"]["code"], "bad-authorization");

    // What a page's own script asks for, and what somebody typed into the address bar with a password in it.
    let mut browser = demo.house.visitor().with_password("alice", "wrong");
    for path in ["/p/members", "/api/v1/pages/members", "/events/members", "/metrics"] {
        let asked = browser.request(Method::GET, path).header("User-Agent", "Mozilla/5.0 (X11) Firefox/140.0");
        let answer = browser.send(asked.header("Sec-Fetch-Mode", "cors").header("Sec-Fetch-Site", "same-origin")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(challenges(&answer), ["Cookie realm=\"Belvedere\", form-action=\"/login\""], "{path}");
    }
    for path in ["/p/members", "/metrics", "/"] {
        let shown = browser.opens(path).await;
        assert_eq!(shown.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(challenges(&shown), ["Cookie realm=\"Belvedere\", form-action=\"/login\""], "{path}");
    }
    let form = demo.house.visitor().opens("/p/members").await;
    assert_eq!(form.location.as_deref(), Some("/login?next=%2Fp%2Fmembers"));
}

/// The status of an answer; a stream's head is enough.
async fn answers(visitor: &Visitor, path: &str) -> u16 {
    if path.starts_with("/live/") {
        let origin = visitor.cookies.contains_key("belvedere").then(|| visitor.origin());
        return match visitor.watches_from(origin.as_deref(), path).await {
            Ok(mut board) => match board.hears().await["type"].as_str() {
                Some("hello") => 200,
                // As a browser, which is told on the socket.
                Some("bye") => board.is_closed().await.code.unwrap() - 4_000,
                other => panic!("{other:?}"),
            },
            Err(status) => status.as_u16(),
        };
    }
    let request = visitor.request(Method::GET, path).header("Accept", "*/*");
    request.timeout(Duration::from_secs(30)).send().await.unwrap().status().as_u16()
}

/// Revokes the token that was made last.
pub(crate) async fn revokes_the_first(visitor: &mut Visitor) {
    let account = visitor.opens("/account").await;
    let csrf = account.field("/account/tokens", "csrf").unwrap();
    let path = account.body.split("action=\"/account/tokens/").nth(1).unwrap();
    let path = format!("/account/tokens/{}", &path[..path.find('"').unwrap()]);
    assert!(path.ends_with("/revoke"), "{path}");
    let answer = visitor.posts(&path, &[("csrf", &csrf)]).await;
    assert_eq!(answer.location.as_deref(), Some("/account#tokens"), "{}", answer.body);
}

/// A signed token of a session, as a page's own script asks for it.
pub(crate) async fn of_session(visitor: &mut Visitor) -> String {
    let origin = visitor.origin();
    let request = visitor.request(Method::POST, "/api/v1/token").header("Origin", origin);
    let answer = visitor.send(request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.json()["access_token"].as_str().unwrap().to_owned()
}
