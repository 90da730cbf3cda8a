//! Sessions are seen and ended from elsewhere: one's own by oneself, anybody's by an admin. Whoever is sent away hears of
//! it at once.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::json;

use crate::harness::demo_server::{DemoServer, page};
use crate::harness::visitor::{Response, Visitor};
use crate::sessions::{is_a_stranger, is_signed_in};

/// By when an ended session's boards must have heard of it.
const AT_ONCE: Duration = Duration::from_secs(1);

/// A server whose admin is grace.
async fn house() -> DemoServer {
    let builder = DemoServer::builder().await.set("admins.users", json!(["grace"])).set("ip_header", "X-Real-IP");
    builder.page("members", &page("members")).open().await
}

async fn signed_in(demo: &DemoServer, who: &str, address: &str) -> Visitor {
    let mut visitor = demo.house.visitor().at(address);
    visitor.signs_in(who, demo.password(who)).await;
    visitor
}

/// The number of the session in the row of the list that has `mark` in it.
fn id_of(list: &Response, mark: &str) -> String {
    let row = list.body.split("<tr>").find(|row| row.contains(mark)).unwrap_or_else(|| panic!("{mark}: {}", list.body));
    let field = row.split("name=\"id\" value=\"").nth(1).expect("the row has its button");
    field[..field.find('"').unwrap()].to_owned()
}

/// Presses a button of the list at `list`.
async fn presses(visitor: &mut Visitor, list: &str, action: &str, fields: &[(&str, &str)]) -> Response {
    let csrf = visitor.opens(list).await.field(action, "csrf").expect("the list has the button");
    let fields: Vec<_> = fields.iter().copied().chain([("csrf", csrf.as_str())]).collect();
    visitor.posts(action, &fields).await
}

#[tokio::test]
async fn one_s_phone_is_signed_out_from_the_desk_and_its_board_says_so_at_once() {
    let demo = house().await;
    let mut desk = signed_in(&demo, "alice", "192.0.2.1").await;
    let mut phone = signed_in(&demo, "alice", "192.0.2.2").await;
    let (mut there, mut here) = (phone.watches("/live/members").await.unwrap(), desk.watches("/live/members").await.unwrap());
    there.hears_a("hello").await;
    here.hears_a("hello").await;

    let id = id_of(&desk.opens("/account").await, "192.0.2.2");
    let begun = Instant::now();
    let answer = presses(&mut desk, "/account", "/account/sessions/end", &[("id", &id)]).await;
    assert_eq!(answer.location.as_deref(), Some("/account?sessions=ended"));
    let close = there.is_closed().await;
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert_eq!((close.bye.unwrap()["reason"].as_str(), close.code), (Some("revoked"), Some(4401)));
    is_a_stranger(&mut phone).await;
    is_signed_in(&mut desk).await;
    here.hears_of("uptime").await;
    assert!(desk.opens("/account?sessions=ended").await.body.contains("You are signed out there."));

    // Once more: there is nothing to end any more.
    let csrf = desk.opens("/").await.field("/logout", "csrf").unwrap();
    let answer = desk.posts("/account/sessions/end", &[("id", &id), ("csrf", &csrf)]).await;
    assert_eq!(answer.location.as_deref(), Some("/account?sessions=gone"));
}

#[tokio::test]
async fn one_signs_out_everywhere_else_and_nobody_else_notices() {
    let demo = house().await;
    let mut desk = signed_in(&demo, "alice", "192.0.2.1").await;
    let mut others = [signed_in(&demo, "alice", "192.0.2.2").await, signed_in(&demo, "alice", "192.0.2.3").await];
    let mut bob = signed_in(&demo, "bob", "192.0.2.4").await;
    let answer = presses(&mut desk, "/account", "/account/sessions/end-others", &[]).await;
    assert_eq!(answer.location.as_deref(), Some("/account?sessions=others-ended"));
    for other in &mut others {
        is_a_stranger(other).await;
    }
    is_signed_in(&mut desk).await;
    is_signed_in(&mut bob).await;
    assert!(!desk.opens("/account").await.body.contains("everywhere else"), "there is no else any more");
}

#[tokio::test]
async fn nobody_ends_a_colleague_s_session_by_its_id() {
    let demo = house().await;
    let mut bob = signed_in(&demo, "bob", "192.0.2.4").await;
    let id = signed_in(&demo, "bob", "192.0.2.6").await.opens("/account").await.field("/account/sessions/end", "id").unwrap();
    let mut alice = signed_in(&demo, "alice", "192.0.2.1").await;
    let csrf = alice.opens("/").await.field("/logout", "csrf").unwrap();
    let answer = alice.posts("/account/sessions/end", &[("id", &id), ("csrf", &csrf)]).await;
    assert_eq!(answer.location.as_deref(), Some("/account?sessions=gone"));
    is_signed_in(&mut bob).await;
    for path in ["/admin/sessions/end", "/admin/sessions/end-all-of", "/admin/sessions/end-everybodys"] {
        let mut carol = signed_in(&demo, "carol", "192.0.2.5").await;
        let csrf = carol.opens("/").await.field("/logout", "csrf").unwrap();
        let answer = carol.posts(path, &[("id", &*id), ("person", "x"), ("csrf", &csrf)]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    is_signed_in(&mut bob).await;
}

#[tokio::test]
async fn an_admin_finds_anybody_s_session_and_ends_it() {
    let demo = house().await;
    let mut grace = signed_in(&demo, "grace", "192.0.2.9").await;
    let mut alice = signed_in(&demo, "alice", "192.0.2.1").await;
    let mut bob = signed_in(&demo, "bob", "192.0.2.2").await;
    let mut board = alice.watches("/live/members").await.unwrap();
    board.hears_a("hello").await;

    for (search, found, not_found) in [
        ("", ["192.0.2.1", "192.0.2.2"], "nothing at all"),
        ("?name=ALI", ["192.0.2.1", "Alice"], "192.0.2.2"),
        ("?address=192.0.2.2", ["192.0.2.2", "Bob"], "192.0.2.1"),
        ("?name=%25", ["None is like that", "Sessions found"], "192.0.2.1"),
        ("?address=192.0.2", ["The address is not one", "None is like that"], "Alice"),
    ] {
        let list = grace.opens(&format!("/admin/sessions{search}")).await;
        for part in found {
            assert!(list.body.contains(part), "{search}: {part} in {}", list.body);
        }
        assert!(!list.body.contains(not_found), "{search}: {not_found} in {}", list.body);
    }
    let list = grace.opens("/admin/sessions").await;
    let row = list.body.split("<tr>").find(|row| row.contains("192.0.2.1<")).unwrap();
    assert!(row.contains("data-label=\"Live boards\">1<"), "{row}");

    let id = id_of(&list, "192.0.2.1<");
    let begun = Instant::now();
    let answer = presses(&mut grace, "/admin/sessions", "/admin/sessions/end", &[("id", &id)]).await;
    assert_eq!(answer.location.as_deref(), Some("/admin/sessions?ended=1"));
    assert_eq!(board.is_closed().await.bye.unwrap()["reason"], "revoked");
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    is_a_stranger(&mut alice).await;
    is_signed_in(&mut bob).await;
    assert!(grace.opens("/admin/sessions?ended=1").await.body.contains("One session has ended."));
}

#[tokio::test]
async fn an_admin_ends_all_of_a_person_s_and_everybody_s_but_their_own() {
    let demo = house().await;
    let mut grace = signed_in(&demo, "grace", "192.0.2.9").await;
    let mut other = signed_in(&demo, "grace", "192.0.2.8").await;
    let mut alices = [signed_in(&demo, "alice", "192.0.2.1").await, signed_in(&demo, "alice", "192.0.2.2").await];
    let mut bob = signed_in(&demo, "bob", "192.0.2.3").await;
    let list = grace.opens("/admin/sessions?name=alice").await;
    let person = list.field("/admin/sessions/end-all-of", "person").unwrap();
    let all_of = "/admin/sessions/end-all-of";
    let answer = presses(&mut grace, "/admin/sessions", all_of, &[("person", &person)]).await;
    assert_eq!(answer.location.as_deref(), Some("/admin/sessions?ended=2"));
    for alice in &mut alices {
        is_a_stranger(alice).await;
    }
    is_signed_in(&mut bob).await;

    let own = grace.opens("/admin/sessions?name=grace").await.field(all_of, "person").unwrap();
    let answer = presses(&mut grace, "/admin/sessions", all_of, &[("person", &own)]).await;
    assert_eq!(answer.location.as_deref(), Some("/admin/sessions?ended=1"), "not the one they come with");
    is_a_stranger(&mut other).await;
    let answer = presses(&mut grace, "/admin/sessions", "/admin/sessions/end-everybodys", &[]).await;
    assert_eq!(answer.location.as_deref(), Some("/admin/sessions?ended=1"));
    is_a_stranger(&mut bob).await;
    is_signed_in(&mut grace).await;

    let told = grace.opens_until("/admin/audit", |page| page.body.contains("ended everybody&#x27;s sessions: 1")).await;
    for part in ["ended all sessions of alice: 2", "by the admin grace", "session-ended", "admin-acted"] {
        assert!(told.body.contains(part), "{part} in {}", told.body);
    }
}

#[tokio::test]
async fn a_long_list_goes_on_page_by_page() {
    let demo = house().await;
    for number in 0..60 {
        signed_in(&demo, "alice", &format!("192.0.2.{number}")).await;
    }
    let mut grace = signed_in(&demo, "grace", "198.51.100.1").await;
    let first = grace.opens("/admin/sessions?name=alice").await;
    assert!(first.body.contains("192.0.2.59<") && first.body.contains("192.0.2.10<") && !first.body.contains("192.0.2.9<"));
    let second = grace.opens(&first.link("Earlier sign-ins").unwrap()).await;
    assert!(second.body.contains("192.0.2.9<") && second.body.contains("192.0.2.0<") && !second.body.contains("192.0.2.10<"));
    assert!(second.body.contains("To the first") && !second.body.contains("Earlier sign-ins"));
}

#[tokio::test]
async fn an_admin_revokes_anybodys_token_and_its_board_hears_of_it_at_once() {
    let demo = house().await;
    let mut grace = signed_in(&demo, "grace", "192.0.2.9").await;
    let mut alice = signed_in(&demo, "alice", "192.0.2.1").await;
    let token = alice.makes_a_token("read", 3600).await;
    let script = demo.house.visitor().with_token(&token);
    let mut board = script.watches("/live/members").await.unwrap();
    board.hears_a("hello").await;
    assert_eq!(alice.opens("/admin/tokens").await.status, StatusCode::FORBIDDEN);

    let list = grace.opens("/admin/tokens").await;
    assert!(list.body.contains("a test&#x27;s") && !list.body.contains(&token[..20]), "{}", list.body);
    let id = id_of(&list, "a test&#x27;s");
    let begun = Instant::now();
    let answer = presses(&mut grace, "/admin/tokens", "/admin/tokens/revoke", &[("id", &id)]).await;
    assert_eq!(answer.location.as_deref(), Some("/admin/tokens?revoked=1"));
    assert_eq!(board.is_closed().await.bye.unwrap()["reason"], "revoked");
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert!(grace.opens("/admin/tokens").await.body.contains("There are none."));
    assert!(grace.opens("/admin/audit").await.body.contains("revoked API token"));
}
