//! Personal API tokens: made on the account page or in a shell, shown once, ended at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use belvedere::domain::ManualClock;
use reqwest::{Method, StatusCode};
use tokio::process::Command;

use crate::credentials::{house, revokes_the_first};
use crate::harness::demo_server::{DemoServer, page};
use crate::harness::program::{belvedere, run_to_end, text};
use crate::sessions::{MINUTE, START};

#[tokio::test]
async fn a_token_is_shown_once_and_listed_without_its_secret() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let mut desk = demo.house.visitor();
    desk.signs_in("alice", demo.password("alice")).await;
    let token = desk.makes_a_token("read:ops", 86_400).await;
    assert!(token.starts_with("bvt_") && token.len() == 51, "{token}");
    let listed = desk.opens("/account").await;
    assert_eq!(listed.header("Cache-Control"), Some("no-store"));
    assert!(!listed.body.contains(&token[..20]), "never again");
    let again = desk.opens("/account/tokens/new").await;
    assert_eq!(again.location.as_deref(), Some("/account#tokens"), "loading the token's page again makes no second one");
    assert_eq!(desk.opens("/account").await.body.matches("/revoke\"").count(), 1);
    for shown in ["a test&#x27;s", "<code>read:ops</code>", "2026-11-23", "<td>never</td>"] {
        assert!(listed.body.contains(shown), "{shown} in {}", listed.body);
    }
    demo.house.visitor().with_token(&token).fetches("/p/ops").await;
    let listed = desk.opens("/account").await;
    assert!(listed.body.contains("from 127.0.0.1"), "{}", listed.body);

    let mut bob = demo.house.visitor();
    bob.signs_in("bob", demo.password("bob")).await;
    assert!(!bob.opens("/account").await.body.contains("/revoke\""), "nobody sees another's");
}

#[tokio::test]
async fn the_command_to_try_a_token_has_the_address_that_the_browser_came_by() {
    let demo = DemoServer::builder().await.set("site.allowed_hosts", vec!["boards.corp.example"]).open().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    let csrf = alice.opens("/account").await.field("/account/tokens", "csrf").unwrap();
    let made = alice.posts("/account/tokens", &[("name", "x"), ("scope", "read"), ("lasts", "3600"), ("csrf", &csrf)]).await;
    let request = alice.request(Method::GET, made.location.as_deref().expect("a token is made"));
    let shown = alice.send(request.header("Host", "boards.corp.example:8443").header("Accept", "text/html")).await;
    let command = shown.text_of("aria-label=\"A command to try it\"><code").expect("a command");
    assert!(command.ends_with(" http://boards.corp.example:8443/api/v1/pages"), "{command}");
}

#[tokio::test]
async fn nobody_revokes_another_s_token_and_no_other_site_makes_one() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let (mut desk, mut bob) = (demo.house.visitor(), demo.house.visitor());
    desk.signs_in("alice", demo.password("alice")).await;
    bob.signs_in("bob", demo.password("bob")).await;
    let token = desk.makes_a_token("read", 3600).await;
    let csrf = bob.opens("/account").await.field("/account/tokens", "csrf").unwrap();
    bob.posts("/account/tokens/1/revoke", &[("csrf", &csrf)]).await;
    assert_eq!(demo.house.visitor().with_token(&token).fetches("/p/members").await.status, StatusCode::OK);

    let good = desk.opens("/account").await.field("/account/tokens", "csrf").unwrap();
    let fields = |csrf| [("name", "x"), ("scope", "read"), ("lasts", "60"), ("csrf", csrf)];
    let foreign = desk.posts_from("http://evil.example", "/account/tokens", &fields(&good)).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    for wrong in ["", "x", &csrf] {
        assert_eq!(desk.posts("/account/tokens", &fields(wrong)).await.status, StatusCode::BAD_REQUEST, "{wrong}");
        let revoked = desk.posts("/account/tokens/1/revoke", &[("csrf", wrong)]).await;
        assert_eq!(revoked.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    for (name, scope, lasts) in [("", "read", "60"), ("x", "", "60"), ("x", "write", "60"), ("x", "read", "0")] {
        let fields = [("name", name), ("scope", scope), ("lasts", lasts), ("csrf", &good)];
        assert_eq!(desk.posts("/account/tokens", &fields).await.status, StatusCode::BAD_REQUEST, "{fields:?}");
    }
    assert_eq!(desk.opens("/account").await.body.matches("/revoke\"").count(), 1);
}

#[tokio::test]
async fn what_outlasts_a_session_asks_for_the_password_again() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let mut desk = demo.house.visitor();
    desk.signs_in("alice", demo.password("alice")).await;
    let csrf = desk.opens("/account").await.field("/account/tokens", "csrf").unwrap();
    clock.advance(16 * MINUTE);
    let fields = [("name", "x"), ("scope", "read"), ("lasts", "60"), ("csrf", &*csrf)];
    let answer = desk.posts("/account/tokens", &fields).await;
    assert!(answer.location.as_deref().is_some_and(|to| to.starts_with("/login/again")), "{:?}", answer.location);
}

#[tokio::test]
async fn revoking_a_token_closes_its_boards_within_a_second_and_no_frame_follows() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let mut desk = demo.house.visitor();
    desk.signs_in("alice", demo.password("alice")).await;
    let token = desk.makes_a_token("read", 3600).await;
    let script = demo.house.visitor().with_token(&token);
    let mut board = script.watches_from(None, "/live/members").await.unwrap();
    board.hears_a("snapshot").await;
    let events = script.request(Method::GET, "/events/members").send().await.unwrap();
    let revoked = Instant::now();
    revokes_the_first(&mut desk).await;
    let close = board.is_closed().await;
    assert_eq!((close.bye.unwrap()["reason"].as_str(), close.code), (Some("revoked"), Some(4401)));
    let heard = events.text().await.unwrap();
    assert!(heard.trim_end().ends_with("{\"type\":\"bye\",\"reason\":\"revoked\"}"), "{heard}");
    assert!(revoked.elapsed() < Duration::from_secs(1), "{:?}", revoked.elapsed());
}

#[tokio::test]
async fn a_token_that_expires_closes_its_boards() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let mut desk = demo.house.visitor();
    desk.signs_in("alice", demo.password("alice")).await;
    let token = desk.makes_a_token("read", 120).await;
    let mut board = demo.house.visitor().with_token(&token).watches_from(None, "/live/members").await.unwrap();
    board.hears_a("snapshot").await;
    clock.advance(2 * MINUTE);
    let close = board.is_closed().await;
    assert_eq!((close.bye.unwrap()["reason"].as_str(), close.code), (Some("expired"), Some(4401)));
}

#[tokio::test]
async fn where_nobody_can_ask_about_people_their_signing_in_keeps_tokens_good() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let mut desk = demo.house.visitor();
    desk.signs_in("alice", demo.password("alice")).await;
    let token = desk.makes_a_token("read", 30 * 86_400).await;
    let mut script = demo.house.visitor().with_token(&token);
    clock.advance(6 * 24 * 60 * MINUTE);
    assert_eq!(script.fetches("/p/members").await.status, StatusCode::OK);
    clock.advance(24 * 60 * MINUTE);
    let refused = script.fetches("/p/members").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refused.json()["error"]["code"], "unconfirmed-token");
    demo.house.visitor().signs_in("alice", demo.password("alice")).await;
    assert_eq!(script.fetches("/p/members").await.status, StatusCode::OK);
}

/// A command of the program beside that server, with an account that searches.
fn beside(demo: &DemoServer, arguments: &[&str]) -> Command {
    let folder = demo.house.folder.path();
    let mut command = belvedere(folder, arguments);
    command.env("BELVEDERE_DIRECTORY__URL", demo.ldap_proxy.url()).env("BELVEDERE_STATE", folder.join("state"));
    command
        .env("BELVEDERE_DIRECTORY__BIND_NAME", "carol@belvedere.example")
        .env("BELVEDERE_DIRECTORY__BIND_PASSWORD", demo.password("carol"));
    command
}

#[tokio::test]
async fn the_admin_of_the_machine_makes_lists_and_revokes_tokens_beside_a_running_server() {
    let demo = DemoServer::builder().await.page("members", &page("Members")).page("ops", &page("Ops")).open().await;
    let add = ["token", "add", "--person", "alice", "--name", "wall display", "--scope", "read:members", "--expires", "30d"];
    let added = run_to_end(beside(&demo, &add)).await;
    assert!(added.status.success(), "{}", text(&added.stderr));
    let token = text(&added.stdout).trim().to_owned();
    assert!(token.starts_with("bvt_") && !text(&added.stderr).contains(&token), "{}", text(&added.stderr));
    assert!(text(&added.stderr).contains("token-made"), "it is in the audit: {}", text(&added.stderr));

    let mut script = demo.house.visitor().with_token(&token);
    assert_eq!(script.fetches("/p/members").await.status, StatusCode::OK);
    assert_eq!(script.fetches("/p/ops").await.status, StatusCode::FORBIDDEN);
    let mut board = script.watches_from(None, "/live/members").await.unwrap();
    board.hears_a("snapshot").await;

    let listed = text(&run_to_end(beside(&demo, &["token", "list"])).await.stdout);
    let row = listed.lines().find(|line| line.contains("wall display")).expect("it is listed");
    assert!(row.contains("alice") && row.contains("read:members") && !listed.contains(&token), "{listed}");
    let others = text(&run_to_end(beside(&demo, &["token", "list", "--person", "bob"])).await.stdout);
    assert_eq!(others.lines().count(), 1, "{others}");

    let number = row.split('\t').next().unwrap();
    let revoked = run_to_end(beside(&demo, &["token", "revoke", number])).await;
    assert!(revoked.status.success(), "{}", text(&revoked.stderr));
    let close = tokio::time::timeout(Duration::from_secs(1), board.is_closed()).await.expect("within a second");
    assert_eq!((close.bye.unwrap()["reason"].as_str(), close.code), (Some("revoked"), Some(4401)));
    assert_eq!(script.fetches("/p/members").await.json()["error"]["code"], "revoked-token");
    let again = run_to_end(beside(&demo, &["token", "revoke", number])).await;
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("token list"), "{}", text(&again.stderr));
}

#[tokio::test]
async fn what_cannot_be_made_in_a_shell_says_why() {
    let demo = DemoServer::builder().await.open().await;
    for (person, scope, expires, why) in [
        ("nobody", "read", "30d", "nobody"),
        ("dave", "read", "30d", "cannot sign in"),
        ("alice", "write", "30d", "is no scope"),
        ("alice", "read", "soon", "30d"),
        ("alice", "read", "400d", "tokens.longest"),
    ] {
        let add = ["token", "add", "--person", person, "--name", "x", "--scope", scope, "--expires", expires];
        let refused = run_to_end(beside(&demo, &add)).await;
        assert!(!refused.status.success() && refused.stdout.is_empty(), "{person} {scope} {expires}");
        assert!(text(&refused.stderr).contains(why), "{why} in {}", text(&refused.stderr));
    }
}
