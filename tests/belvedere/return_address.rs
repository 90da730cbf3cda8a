//! The way back after signing in: to the page one came for, and never to another site.

use reqwest::StatusCode;

use crate::harness::demo_server::DemoServer;
use crate::harness::visitor::Visitor;

/// A page with an input whose values need care in an address.
const CITIES: &str = r#"
title = "Cities & towns"

[[input]]
name = "city"
kind = "dropdown"
options = ["LA", "NYC", "Montréal", "a/b?c&d=e+f g", "100%"]

[[panel]]
id = "choice"
kind = "text"
text = "You have selected **{city}**"
"#;

/// Ways to leave the site, to split a header, or to be nowhere. The list that is complete stands beside the parser;
/// these go all the way through forms, query strings and headers.
const ATTACKS: &[&str] = &[
    "//evil.example",
    "///evil.example",
    "https://evil.example",
    "https:/evil.example",
    "https:evil.example",
    "HTTP://EVIL.EXAMPLE",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "\\\\evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\r\n//evil.example",
    "/%2fevil.example",
    "/%5cevil.example",
    "/%252fevil.example",
    "/%09/evil.example",
    "/..//evil.example",
    "/.//evil.example",
    "/p/../../evil",
    "/p//evil.example",
    "/@evil.example",
    "//user@evil.example",
    "evil.example",
    ".evil.example",
    ":80",
    "?next=//evil.example",
    "/p/cities\r\nLocation: https://evil.example",
    "/p/cities?city=\r\nSet-Cookie: belvedere=x",
    "/p/cities#//evil.example",
    "/\u{ff0f}evil.example",
    "/\u{2215}evil.example",
    " //evil.example",
    "/ /evil.example",
    "/\0",
    "",
];

async fn house() -> DemoServer {
    DemoServer::builder().await.page("cities", CITIES).open().await
}

#[tokio::test]
async fn one_is_brought_back_to_the_page_with_its_inputs() {
    let demo = house().await;
    for (value, query) in [
        ("NYC", "?city=NYC"),
        ("Montréal", "?city=Montr%C3%A9al"),
        ("a/b?c&d=e+f g", "?city=a%2Fb%3Fc%26d%3De%2Bf+g"),
        ("a/b?c&d=e+f g", "?city=a/b?c%26d=e%2Bf%20g"),
        ("100%", "?city=100%25&from=mail"),
        ("LA", ""),
    ] {
        let wanted = format!("/p/cities{query}");
        let mut alice = demo.house.visitor();
        let form = alice.opens(&wanted).await.location.expect("to the form");
        let form = alice.opens(&form).await;
        assert!(form.body.contains("to see <b>Cities &amp; towns</b>"), "{}", form.body);
        let next = form.field("/login", "next").unwrap();
        let answer = alice.tries_to_sign_in("alice", demo.password("alice"), &next).await;
        assert_eq!((answer.status, answer.location.as_deref()), (StatusCode::SEE_OTHER, Some(&*wanted)));
        let page = alice.fetches(&wanted.replace("/p/", "/api/v1/pages/")).await.json();
        assert_eq!(page["inputs"]["city"], value, "{query}");
    }
}

#[tokio::test]
async fn a_wrong_password_on_the_way_does_not_lose_the_page() {
    let demo = house().await;
    let mut alice = demo.house.visitor();
    let refused = alice.tries_to_sign_in("alice", "wrong", "/p/cities?city=NYC").await;
    assert_eq!(refused.field("/login", "next").as_deref(), Some("/p/cities?city=NYC"));
}

#[tokio::test]
async fn the_bar_s_sign_in_leads_back_here() {
    let demo = house().await;
    let mut visitor = demo.house.visitor();
    let missing = visitor.opens("/p/nothing?a=b").await;
    assert!(missing.body.contains("href=\"&#x2F;login?next=%2Fp%2Fnothing%3Fa%3Db\""), "{}", missing.body);
}

#[tokio::test]
async fn no_next_leaves_the_site() {
    let demo = house().await;
    for attack in ATTACKS {
        let mut alice = demo.house.visitor();
        let form = alice.opens(&format!("/login?next={}", encoded(attack))).await;
        assert_eq!(form.status, StatusCode::OK, "{attack:?}");
        assert_eq!(form.field("/login", "next").as_deref(), Some("/"), "the form for {attack:?}");
        let csrf = form.field("/login", "csrf").unwrap();
        let fields = [("username", "alice"), ("password", demo.password("alice")), ("next", attack), ("csrf", &csrf)];
        goes_home(&alice.posts("/login", &fields).await, attack);
        assert!(alice.cookies.keys().all(|name| name.starts_with("belvedere")), "{:?}", alice.cookies);

        // Signed in already.
        goes_home(&alice.opens(&format!("/login?next={}", encoded(attack))).await, attack);
        goes_home(&alice.posts("/theme", &[("theme", "dark"), ("next", attack)]).await, attack);
    }
}

#[tokio::test]
async fn a_next_that_is_not_encoded_or_stands_twice_does_not_leave_the_site_either() {
    let demo = house().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    for (query, expected) in [
        ("next=//evil.example", "/"),
        ("next=https://evil.example", "/"),
        ("next=/%5Cevil.example", "/"),
        ("next=/p/cities&next=//evil.example", "/p/cities"),
        ("next=//evil.example&next=/p/cities", "/"),
        ("next[]=//evil.example", "/"),
        ("NEXT=//evil.example", "/"),
        ("", "/"),
    ] {
        let answer = alice.opens(&format!("/login?{query}")).await;
        assert_eq!((answer.status, answer.location.as_deref()), (StatusCode::SEE_OTHER, Some(expected)), "{query}");
    }
}

#[tokio::test]
async fn who_is_signed_in_already_goes_straight_on() {
    let demo = house().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    let answer = alice.opens("/login?next=%2Fp%2Fcities%3Fcity%3DNYC").await;
    assert_eq!(answer.location.as_deref(), Some("/p/cities?city=NYC"));
}

#[tokio::test]
async fn who_may_not_open_a_page_can_become_somebody_else() {
    let demo = DemoServer::builder().await.page("ops", &format!("access = {{ users = [\"carol\"] }}\n{CITIES}")).open().await;
    let mut bob = demo.house.visitor();
    bob.signs_in("bob", demo.password("bob")).await;
    let refused = bob.opens("/p/ops").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    // The way on that the page offers must not lead back to the page.
    let way_on = href_of(&refused.body, "Sign in as someone else").expect("a way on");
    let leads_to = bob.opens(&way_on).await;
    assert_eq!(leads_to.heading().as_deref(), Some("Sign out?"), "{way_on}: {:?}", leads_to.location);
}

#[tokio::test]
async fn a_choice_of_theme_leads_back_and_is_remembered() {
    let demo = house().await;
    let mut visitor: Visitor = demo.house.visitor();
    let answer = visitor.posts("/theme", &[("theme", "dark"), ("next", "/p/cities?city=NYC")]).await;
    assert_eq!((answer.status, answer.location.as_deref()), (StatusCode::SEE_OTHER, Some("/p/cities?city=NYC")));
    assert!(visitor.opens("/").await.body.contains("class=\"theme-dark\""));
    let foreign = visitor.posts_from("http://evil.example", "/theme", &[("theme", "light"), ("next", "/")]).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    assert!(visitor.opens("/").await.body.contains("class=\"theme-dark\""));
}

fn goes_home(answer: &crate::harness::visitor::Response, attack: &str) {
    assert_eq!((answer.status, answer.location.as_deref()), (StatusCode::SEE_OTHER, Some("/")), "{attack:?}");
    assert_eq!(answer.headers.get_all("Location").iter().count(), 1, "{attack:?}");
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The target of the link with that text.
fn href_of(body: &str, text: &str) -> Option<String> {
    let before = body.split(&format!(">{text}</a>")).next()?;
    let href = before.rsplit("href=\"").next()?;
    Some(href.split('"').next()?.replace("&#x2F;", "/"))
}
