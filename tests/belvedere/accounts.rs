//! Local accounts: who has one signs in when no directory answers, and passes for nobody else.

use belvedere::domain::{ManualClock, Timestamp};
use reqwest::StatusCode;
use serde_json::Value;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

use crate::harness::accounts::{PASSWORD, account, administers, hires};
use crate::harness::demo_server::{DemoServer, page};
use crate::harness::program::{RunningProgram, belvedere, run_to_end, text};
use crate::harness::test_server::TestServerBuilder;
use crate::harness::visitor::{Response, Visitor};

/// A URL at which there is no directory.
const DEAD: &str = "ldap://127.0.0.1:1";

const OTHER: &str = "copper violin seven moss";

fn only(groups: &str) -> String {
    format!("access = {{ groups = [{groups}] }}\n{}", page("Board"))
}

/// Opens a page that is there for sure, and says whether it opened.
async fn may_open(visitor: &mut Visitor, path: &str) -> bool {
    visitor.opens(path).await.status == StatusCode::OK
}

#[tokio::test]
async fn a_break_glass_admin_signs_in_when_no_directory_answers() {
    let house = TestServerBuilder::with_directory(DEAD)
        .set("admins.groups", vec![r"local\admins"])
        .page("board", &only(r"'local\admins'"))
        .open()
        .await;
    hires(&house, "root", &["admins"]).await;
    let mut root = house.visitor();
    let nobody = root.tries_to_sign_in("alice", PASSWORD, "/").await;
    assert_eq!(nobody.status, StatusCode::SERVICE_UNAVAILABLE, "the directory is down");
    root.signs_in(r"local\root", PASSWORD).await;
    assert!(may_open(&mut root, "/p/board").await && may_open(&mut root, "/admin").await);
    assert!(root.watches("/live/board").await.is_ok());
}

/// Sixty connections from as many links of one site, each trying one name of a local account after the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_from_one_site_takes_no_place_of_a_break_glass_admin() {
    let house = TestServerBuilder::with_directory(DEAD)
        .set("admins.groups", vec![r"local\admins"])
        .set("site.trusted_proxies", vec!["127.0.0.1"])
        .open()
        .await;
    hires(&house, "root", &["admins"]).await;
    let mut root = house.visitor().behind_a_proxy_at("198.51.100.7");
    root.signs_in(r"local\root", PASSWORD).await;
    root.signs_out().await;
    let (turned_away, has_ended) = (&AtomicUsize::new(0), &AtomicBool::new(false));
    let flood = (0..60).map(|link| {
        let stranger = house.visitor().behind_a_proxy_at(&format!("2001:db8:0:{link:x}::1"));
        async move {
            for number in 0.. {
                if has_ended.load(Ordering::Relaxed) {
                    break;
                }
                let answer = stranger.clone().tries_to_sign_in(&format!(r"local\name-{link}-{number}"), OTHER, "/").await;
                if answer.status == StatusCode::SERVICE_UNAVAILABLE {
                    assert_eq!(answer.header("Retry-After"), Some("5"));
                    turned_away.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    });
    let owner = async {
        while turned_away.load(Ordering::Relaxed) < 20 {
            tokio::task::yield_now().await;
        }
        for _ in 0..25 {
            root.signs_in(r"local\root", PASSWORD).await;
            root.signs_out().await;
        }
        // From another network, in a browser that nobody has marked: the site's strangers have no more than their turn.
        house.visitor().behind_a_proxy_at("198.51.100.8").signs_in(r"local\root", PASSWORD).await;
        has_ended.store(true, Ordering::Relaxed);
    };
    tokio::join!(futures::future::join_all(flood), owner);
}

#[tokio::test]
async fn a_name_of_the_directory_is_never_a_local_accounts_nor_the_other_way_round() {
    let demo =
        DemoServer::builder().await.page("theirs", &only("'dash-ops'")).page("ours", &only(r"'local\dash-ops'")).open().await;
    hires(&demo.house, "alice", &["dash-ops"]).await;
    let theirs = demo.password("alice").to_owned();

    let mut alice = demo.house.visitor();
    assert_eq!(alice.tries_to_sign_in("alice", PASSWORD, "/").await.status, StatusCode::UNAUTHORIZED);
    alice.signs_in("alice", &theirs).await;
    assert!(may_open(&mut alice, "/p/theirs").await && !may_open(&mut alice, "/p/ours").await);

    let said = demo.ldap_proxy.bytes_sent();
    let mut guest = demo.house.visitor();
    assert_eq!(guest.tries_to_sign_in(r"local\alice", &theirs, "/").await.status, StatusCode::UNAUTHORIZED);
    guest.signs_in(r"LOCAL\Alice", PASSWORD).await;
    assert!(may_open(&mut guest, "/p/ours").await && !may_open(&mut guest, "/p/theirs").await);
    assert_eq!(demo.ldap_proxy.bytes_sent(), said, "the directory never hears of local accounts");
}

#[tokio::test]
async fn a_mail_address_signs_in_with_its_account_and_passes_for_nobodys_principal_name() {
    let named = format!("access = {{ users = [\"guest@partner.example\"] }}\n{}", page("Board"));
    let builder = DemoServer::builder().await.set("accounts.mail_domains", vec!["Partner.example"]);
    let demo = builder.page("named", &named).page("members", &page("Members")).open().await;
    let add = ["add", "guest", "--mail", "guest@partner.example", "--name", "A Guest", "--password-stdin"];
    administers(&demo.house, &add).await;
    let mut guest = demo.house.visitor();
    guest.signs_in("Guest@Partner.Example", PASSWORD).await;
    assert_eq!(guest.opens("/").await.signed_in_name().as_deref(), Some("A Guest"));
    assert!(may_open(&mut guest, "/p/members").await);
    assert!(!may_open(&mut guest, "/p/named").await, "an address written down here passed for the directory's");
}

#[tokio::test]
async fn a_local_accounts_mail_address_takes_nobodys_sign_in_name() {
    let demo = DemoServer::builder().await.page("members", &page("Members")).open().await;
    let add = ["add", "guest", "--mail", "alice@belvedere.example", "--name", "A Guest", "--password-stdin"];
    administers(&demo.house, &add).await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice@belvedere.example", demo.password("alice")).await;
    assert_ne!(alice.opens("/").await.signed_in_name().as_deref(), Some("A Guest"));
    let refused = demo.house.visitor().tries_to_sign_in("alice@belvedere.example", PASSWORD, "/").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    demo.house.visitor().signs_in(r"local\guest", PASSWORD).await;
}

#[tokio::test]
async fn a_disabled_guests_live_page_closes_and_they_cannot_come_back_until_they_are_enabled() {
    let demo = DemoServer::builder().await.page("board", &page("Board")).open().await;
    hires(&demo.house, "guest", &[]).await;
    let mut guest = demo.house.visitor();
    guest.signs_in(r"local\guest", PASSWORD).await;
    let mut board = guest.watches("/live/board").await.unwrap();
    board.hears_a("snapshot").await;
    administers(&demo.house, &["disable", "guest"]).await;
    let close = board.is_closed().await;
    assert_eq!((close.code, &close.bye.unwrap()["reason"]), (Some(4401), &Value::from("revoked")));
    assert!(!may_open(&mut guest, "/p/board").await);
    let refused = guest.tries_to_sign_in(r"local\guest", PASSWORD, "/").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.form_message().unwrap().contains("disabled"), "{:?}", refused.form_message());
    administers(&demo.house, &["enable", "guest"]).await;
    guest.signs_in(r"local\guest", PASSWORD).await;
}

#[tokio::test]
async fn groups_passwords_and_removal_reach_boards_too() {
    let demo = DemoServer::builder().await.page("board", &only(r"'local\guests'")).open().await;
    hires(&demo.house, "guest", &["guests"]).await;
    let mut guest = demo.house.visitor();
    guest.signs_in(r"local\guest", PASSWORD).await;
    let mut board = guest.watches("/live/board").await.unwrap();
    board.hears_a("snapshot").await;
    administers(&demo.house, &["groups", "guest"]).await;
    assert_eq!(board.is_closed().await.code, Some(4403), "the group is gone");
    assert_eq!(guest.opens("/p/board").await.status, StatusCode::FORBIDDEN, "they are still signed in");

    administers(&demo.house, &["groups", "guest", "guests"]).await;
    guest.opens_until("/p/board", |answer| answer.status == StatusCode::OK).await;
    let mut board = guest.watches("/live/board").await.unwrap();
    let output = account(&demo.house, &["password", "guest", "--password-stdin"], OTHER).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(board.is_closed().await.code, Some(4401), "the old password is good no more");
    assert_eq!(guest.tries_to_sign_in(r"local\guest", PASSWORD, "/").await.status, StatusCode::UNAUTHORIZED);
    guest.signs_in(r"local\guest", OTHER).await;

    let mut board = guest.watches("/live/board").await.unwrap();
    administers(&demo.house, &["remove", "guest"]).await;
    assert_eq!(board.is_closed().await.code, Some(4401));
    let gone = guest.tries_to_sign_in(r"local\guest", OTHER, "/").await;
    assert_eq!(gone.status, StatusCode::UNAUTHORIZED, "nobody can tell that there was one");
}

#[tokio::test]
async fn an_account_lets_nobody_in_from_its_end_on_and_those_inside_are_out() {
    // A day that is over by that clock, and not by the command line's.
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(4_102_444_800_000 - 1_000)));
    let demo = DemoServer::builder_with_clock(clock.clone()).await.page("board", &page("Board")).open().await;
    administers(&demo.house, &["add", "guest", "--expires", "2099-12-31", "--password-stdin"]).await;
    let mut guest = demo.house.visitor();
    guest.signs_in(r"local\guest", PASSWORD).await;
    let mut board = guest.watches("/live/board").await.unwrap();
    board.hears_a("snapshot").await;
    clock.advance(Duration::from_secs(1));
    assert_eq!(board.is_closed().await.code, Some(4401));
    let refused = guest.tries_to_sign_in(r"local\guest", PASSWORD, "/").await;
    assert!(refused.form_message().unwrap().contains("expired"), "{:?}", refused.form_message());
}

#[tokio::test]
async fn guessing_at_a_local_account_is_held_back_like_any_other_and_unknown_looks_like_wrong() {
    let demo = DemoServer::builder().await.open().await;
    hires(&demo.house, "guest", &[]).await;
    let mut stranger = demo.house.visitor();
    let unknown = stranger.tries_to_sign_in(r"local\nobody", OTHER, "/").await;
    let mut wrong = stranger.tries_to_sign_in(r"local\guest", OTHER, "/").await;
    let looks = |answer: &Response| (answer.status, answer.form_message());
    assert_eq!(looks(&unknown), looks(&wrong));
    for number in 0..9 {
        wrong = stranger.tries_to_sign_in(r"local\guest", &format!("{OTHER} {number}"), "/").await;
    }
    assert_eq!(wrong.status, StatusCode::TOO_MANY_REQUESTS);
    let right = stranger.tries_to_sign_in(r"local\guest", PASSWORD, "/").await;
    assert_eq!(looks(&right), looks(&wrong), "the limit is spent, and nobody can tell");
}

#[tokio::test]
async fn its_owner_changes_a_password_under_the_rules_and_hears_what_is_wrong() {
    let demo = DemoServer::builder().await.open().await;
    hires(&demo.house, "guest", &[]).await;
    let (mut guest, mut elsewhere) = (demo.house.visitor(), demo.house.visitor());
    guest.signs_in(r"local\guest", PASSWORD).await;
    elsewhere.signs_in(r"local\guest", PASSWORD).await;
    let form = guest.opens("/account/password").await;
    assert!(form.body.contains("your account here"), "{}", form.body);
    let csrf = form.field("/account/password", "csrf").unwrap();
    let fields =
        |new: &'static str| [("csrf", csrf.clone()), ("old", PASSWORD.into()), ("new", new.into()), ("again", new.into())];
    for (new, words) in [("kurz", "needs 12 or more"), ("guest guest guest", "tried first")] {
        let fields = fields(new);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
        let said = guest.posts("/account/password", &fields).await.form_message().unwrap();
        assert!(said.contains(words) && !said.contains("capital"), "{said}");
    }
    let fields = fields(OTHER);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
    let changed = guest.posts("/account/password", &fields).await;
    assert_eq!(changed.location.as_deref(), Some("/account?password=changed"), "{}", changed.body);
    assert!(may_open(&mut guest, "/account").await && !may_open(&mut elsewhere, "/account").await);
    demo.house.visitor().signs_in(r"local\guest", OTHER).await;
}

#[tokio::test]
async fn the_command_line_says_what_it_did_and_what_is_wrong() {
    let demo = DemoServer::builder().await.open().await;
    let house = &demo.house;
    let none = administers(house, &["list"]).await;
    assert!(none.contains("There is no local account"), "{none}");
    let add = ["add", "Guest", "--name", "A Guest", "--mail", "g@partner.example", "--group", "Guests", "--password-stdin"];
    assert!(administers(house, &add).await.contains(r"local\guest is made"));
    administers(house, &["invite", "bob", "--second-factor"]).await;
    let list = administers(house, &["list"]).await;
    for part in [r"local\guest", "A Guest <g@partner.example>", r"local\guests", r"local\bob", "invited until"] {
        assert!(list.contains(part), "{part} in {list}");
    }
    let all: Value = serde_json::from_str(&administers(house, &["list", "--json"]).await).unwrap();
    assert_eq!((&all["accounts"][0]["name"], &all["accounts"][0]["state"]), (&"guest".into(), &"open".into()));
    assert_eq!((&all["invitations"][0]["name"], &all["invitations"][0]["second_factor"]), (&"bob".into(), &true.into()));
    administers(house, &["withdraw", "bob"]).await;
    for (arguments, typed, words) in [
        (&["add", "guest", "--password-stdin"][..], PASSWORD, "choose another name"),
        (&["add", "a b", "--password-stdin"], PASSWORD, "is no name"),
        (&["add", "bob", "--password-stdin"], "password1234", "tried first"),
        (&["add", "bob", "--password-stdin"], "", "empty"),
        (&["add", "bob"], PASSWORD, "--password-stdin"),
        (&["add", "bob", "--expires", "soon", "--password-stdin"], PASSWORD, "2027-01-31"),
        (&["add", "bob", "--password", PASSWORD], "", "--password"),
        (&["disable", "bob"], "", "belvedere account list"),
        (&["withdraw", "bob"], "", "no open invitation"),
        (&["digest", "guest", "on", "--password-stdin"], OTHER, "is not the password"),
    ] {
        let output = account(house, arguments, typed).await;
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains(words), "{arguments:?}: {said}");
        assert!(typed.is_empty() || arguments.contains(&typed) || !said.contains(typed), "{said}");
    }
}

#[tokio::test]
async fn what_the_command_line_does_beside_a_running_server_is_in_its_audit_and_no_secret_is() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pages")).unwrap();
    std::fs::write(folder.path().join("pages/board.toml"), page("Board")).unwrap();
    let here = |arguments: &[&str]| {
        let mut command = belvedere(folder.path(), arguments);
        command.env("BELVEDERE_DIRECTORY__URL", DEAD);
        command
    };
    let mut server = RunningProgram::start(here(&["serve"]));
    let address = server.is_open_at().await;
    let mut add = here(&["account", "add", "root", "--password-stdin"]);
    let mut child = add.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).await.unwrap();
    assert!(child.wait().await.unwrap().success());
    let link = text(&run_to_end(here(&["account", "invite", "ann"])).await.stdout);
    let code = link.lines().next().unwrap().rsplit_once('#').unwrap().1.to_owned();

    let mut root = Visitor::new(address);
    root.signs_in(r"local\root", PASSWORD).await;
    let mut guest = Visitor::new(address);
    guest.opens(&format!("/invitation#{code}")).await;
    let board = root.watches("/live/board").await;
    assert!(run_to_end(here(&["account", "disable", "root"])).await.status.success());
    assert_eq!(board.unwrap().is_closed().await.code, Some(4401));

    let log = server.ends_after("TERM").await;
    for secret in [PASSWORD, &code, "$argon2"] {
        assert!(!log.contains(secret), "the log tells {secret}: {log}");
    }
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (event, field, value) in [
        ("account-added", "detail", r"local\root"),
        ("invited", "detail", r"local\ann"),
        ("signed-in", "who", r"local\root"),
        ("account-disabled", "reason", "command-line"),
        ("account-closed", "who", r"local\root"),
    ] {
        assert!(lines.iter().any(|line| line["event"] == event && line[field] == value), "{event} in {log}");
    }
}
