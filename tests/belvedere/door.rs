//! The one door: every page × every kind of visitor × every way in, complete.

use reqwest::StatusCode;

use crate::harness::demo_server::{DemoServer, page};
use crate::harness::visitor::Visitor;

/// The door's answer, whichever way it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DoorOutcome {
    Open,
    SignIn,
    NotAllowed,
    NotFound,
}
use DoorOutcome::{NotAllowed, NotFound, Open, SignIn};

/// Slug and access of each page.
const PAGES: &[(&str, &str)] = &[
    ("everybody", r#""public""#),
    ("members", r#""signed-in""#),
    ("unsaid", ""),
    ("ops", r#"{ groups = ["dash-ops"] }"#),
    ("nyc", r#"{ groups = ["dash-ops-nyc"] }"#),
    ("finance", r#"{ groups = ["dash-finance"] }"#),
    ("by-name", r#"{ users = ["carol"] }"#),
    ("either", r#"{ groups = ["dash-finance"], users = ["ALICE"] }"#),
];

/// Who, and what the door says to them for each page above; `""` is a visitor without an account.
const TABLE: &[(&str, [DoorOutcome; 8])] = &[
    ("", [Open, SignIn, SignIn, SignIn, SignIn, SignIn, SignIn, SignIn]),
    ("alice", [Open, Open, Open, Open, Open, NotAllowed, NotAllowed, Open]),
    ("bob", [Open, Open, Open, NotAllowed, NotAllowed, Open, NotAllowed, Open]),
    ("carol", [Open, Open, Open, NotAllowed, NotAllowed, NotAllowed, Open, NotAllowed]),
];

async fn house() -> DemoServer {
    let mut demo = DemoServer::builder().await;
    for (slug, access) in PAGES {
        let access = if access.is_empty() { String::new() } else { format!("access = {access}\n") };
        demo = demo.page(slug, &format!("{access}{}", page(slug)));
    }
    demo.open().await
}

#[tokio::test]
async fn the_table_holds_for_html_websocket_events_and_json() {
    let demo = house().await;
    for (who, verdicts) in TABLE {
        let mut visitor = demo.house.visitor();
        if !who.is_empty() {
            visitor.signs_in(who, demo.password(who)).await;
        }
        let pages = PAGES.iter().map(|(slug, _)| *slug).zip(verdicts.iter().copied());
        for (slug, expected) in pages.chain([("no-such-page", NotFound), ("..%2fsecret", NotFound)]) {
            let at = |way: &str| format!("{way} of {slug} for {who:?}");
            assert_eq!(html(&mut visitor, slug).await, expected, "{}", at("HTML"));
            assert_eq!(json(&mut visitor, slug).await, expected, "{}", at("JSON"));
            assert_eq!(events(&mut visitor, slug).await, expected, "{}", at("events"));
            assert_eq!(socket(&visitor, slug).await, expected, "{}", at("WebSocket"));
        }
    }
}

#[tokio::test]
async fn the_bar_the_home_page_and_the_api_list_just_what_opens() {
    let demo = house().await;
    for (who, verdicts) in TABLE {
        let mut visitor = demo.house.visitor();
        if !who.is_empty() {
            visitor.signs_in(who, demo.password(who)).await;
        }
        let home = visitor.opens("/").await.body;
        let listed = visitor.fetches("/api/v1/pages").await.json();
        let listed: Vec<_> = listed["pages"].as_array().unwrap().iter().map(|page| page["slug"].as_str().unwrap()).collect();
        for ((slug, _), verdict) in PAGES.iter().zip(verdicts) {
            assert_eq!(listed.contains(slug), *verdict == Open, "{slug} in the API for {who:?}");
            let link = format!("href=\"/p/{slug}\"").replace('/', "&#x2F;");
            let plain = format!("href=\"/p/{slug}\"");
            assert_eq!(home.contains(&link) || home.contains(&plain), *verdict == Open, "{slug} at home for {who:?}");
        }
    }
}

#[tokio::test]
async fn a_browser_is_sent_to_sign_in_and_a_script_is_challenged() {
    let demo = house().await;
    let mut visitor = demo.house.visitor();
    let browser = visitor.opens("/p/ops?city=NYC").await;
    assert_eq!(browser.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.location.as_deref(), Some("/login?next=%2Fp%2Fops%3Fcity%3DNYC"));
    let script = visitor.fetches("/p/ops").await;
    assert_eq!(script.status, StatusCode::UNAUTHORIZED);
    assert!(script.header("WWW-Authenticate").is_some());
    assert_eq!(script.json()["error"]["code"], "sign-in");
}

#[tokio::test]
async fn a_member_without_the_right_is_told_whom_to_ask_and_not_which_group() {
    let demo = DemoServer::builder().await;
    let page = format!("owner = \"the operations desk\"\naccess = {{ groups = [\"dash-ops\"] }}\n{}", page("ops"));
    let demo = demo.page("ops", &page).open().await;
    let mut bob = demo.house.visitor();
    bob.signs_in("bob", demo.password("bob")).await;
    let refused = bob.opens("/p/ops").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.body.contains("the operations desk"), "{}", refused.body);
    assert!(!refused.body.contains("dash-ops"), "{}", refused.body);
}

async fn html(visitor: &mut Visitor, slug: &str) -> DoorOutcome {
    let answer = visitor.opens(&format!("/p/{slug}")).await;
    match answer.status {
        StatusCode::SEE_OTHER => {
            assert_eq!(answer.location.unwrap(), format!("/login?next=%2Fp%2F{slug}"));
            SignIn
        }
        status => verdict(status),
    }
}

async fn json(visitor: &mut Visitor, slug: &str) -> DoorOutcome {
    verdict(visitor.fetches(&format!("/api/v1/pages/{slug}")).await.status)
}

async fn events(visitor: &mut Visitor, slug: &str) -> DoorOutcome {
    // The stream never ends by itself; its head is enough.
    let request = visitor.request(reqwest::Method::GET, &format!("/events/{slug}"));
    verdict(request.send().await.unwrap().status())
}

/// As a browser, which is told on the socket.
async fn socket(visitor: &Visitor, slug: &str) -> DoorOutcome {
    match visitor.watches(&format!("/live/{slug}")).await {
        Err(status) => verdict(status),
        Ok(mut board) => {
            let first = board.hears().await;
            match (first["type"].as_str().unwrap(), first["reason"].as_str()) {
                ("hello", _) => Open,
                ("bye", Some(reason)) => {
                    let code = board.is_closed().await.code;
                    match (reason, code) {
                        ("sign-in", Some(4401)) => SignIn,
                        ("not-allowed", Some(4403)) => NotAllowed,
                        ("gone", Some(1001)) => NotFound,
                        other => panic!("{other:?}"),
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

fn verdict(status: StatusCode) -> DoorOutcome {
    match status.as_u16() {
        200 => Open,
        401 => SignIn,
        403 => NotAllowed,
        404 => NotFound,
        other => panic!("an answer of {other}"),
    }
}
