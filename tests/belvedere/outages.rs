//! When something behind the program does not answer: people are told so, nobody is let in who was not, and nobody who
//! was is sent away.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use belvedere::demo_directory::{DemoDirectory, SampleDomain};
use belvedere::domain::{ManualClock, SystemClock};
use reqwest::StatusCode;
use serde_json::json;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::harness::demo_server::{DemoServer, page};
use crate::harness::program::{RunningProgram, belvedere};
use crate::harness::slapd;
use crate::harness::stalled_controller::StalledController;
use crate::harness::test_server::TestServerBuilder;
use crate::harness::visitor::{Response, Visitor};
use crate::sessions::{START, is_a_stranger};
use crate::sign_in::{WRONG, is_welcomed, refused};

#[tokio::test]
async fn when_the_directory_is_out_of_reach_the_form_says_so_and_nothing_of_the_person() {
    let demo = DemoServer::builder().await.page("all", &format!("access = \"public\"\n{}", page("all"))).open().await;
    demo.ldap_proxy.cut();
    let said = refused(&demo.house, "alice", demo.password("alice")).await;
    assert_eq!(said.0, StatusCode::SERVICE_UNAVAILABLE);
    assert!(said.1.contains("The company directory cannot be reached right now"), "{}", said.1);
    assert!(said.1.contains("Your password was not checked."), "{}", said.1);
    // More often than the throttle would bear, had these been wrong passwords.
    for (name, password) in [("nobody", WRONG), ("alice", WRONG), ("alice", "x y"), ("alice", WRONG), ("dave", "dave-demo")] {
        assert_eq!(refused(&demo.house, name, password).await, said, "{name}");
    }
    assert_eq!(demo.house.visitor().opens("/p/all").await.status, StatusCode::OK, "public pages need no directory");
    demo.ldap_proxy.restore();
    is_welcomed(&demo.house, "alice", demo.password("alice"), "Alice Johnson").await;
}

#[tokio::test]
async fn a_password_that_was_sent_and_not_answered_counts_and_is_not_called_unchecked() {
    let controller = StalledController::start().await;
    let house = TestServerBuilder::with_directory(&format!("ldap://127.0.0.1:{}", controller.port))
        .set("directory.operation_timeout", "1s")
        .open()
        .await;
    // Its policy is not known: five are assumed, and half of what is below for each of two names.
    for binds in 1..=2 {
        let said = refused(&house, "alice", WRONG).await;
        assert_eq!(said.0, StatusCode::SERVICE_UNAVAILABLE);
        assert!(said.1.contains("Your password may have been checked"), "{}", said.1);
        assert!(!said.1.contains("not checked"), "{}", said.1);
        assert_eq!(controller.binds().len(), binds);
    }
    assert_eq!(refused(&house, "alice", WRONG).await.0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(controller.binds().len(), 2, "a third password was sent");
}

#[tokio::test]
async fn while_the_service_account_is_refused_the_server_is_not_ready_until_its_file_is_corrected() {
    let Some(server) = slapd::server() else { return };
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), WRONG).unwrap();
    let clock = Arc::new(ManualClock::at(START));
    let house = TestServerBuilder::with_directory(&server.ldaps_url())
        .clock(clock.clone())
        .set("directory.ca_file", server.ca_file.to_str().unwrap())
        .set("directory.base_dn", "dc=example,dc=org")
        .set("directory.bind_name", slapd::SERVICE_DN)
        .set("directory.bind_password_file", secret.path().to_str().unwrap())
        .set("metrics.token", "9f86d081884c7d659a2feaa0c55ad015")
        .open()
        .await;
    let up = format!("belvedere_directory_server_up{{server=\"{}\"}} ", server.ldaps_url());
    let is_up = || async {
        let metrics =
            house.visitor().sends_authorization("Bearer 9f86d081884c7d659a2feaa0c55ad015").fetches("/metrics").await.body;
        metrics.lines().find_map(|line| line.strip_prefix(&*up).map(str::to_owned)).unwrap_or_else(|| panic!("{metrics}"))
    };
    assert_eq!(house.visitor().fetches("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(is_up().await, "0");
    assert_eq!(refused(&house, "alice", slapd::PASSWORD).await.0, StatusCode::SERVICE_UNAVAILABLE);
    clock.advance(Duration::from_secs(6));
    assert_eq!(house.visitor().fetches("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(house.visitor().fetches("/healthz").await.status, StatusCode::OK);

    std::fs::write(secret.path(), format!("{}\n", slapd::PASSWORD)).unwrap();
    house.visitor().signs_in("alice", slapd::PASSWORD).await;
    assert_eq!(is_up().await, "1");
    clock.advance(Duration::from_secs(6));
    assert_eq!(house.visitor().fetches("/readyz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn who_is_signed_in_stays_so_when_the_directory_is_out_of_reach() {
    let demo = DemoServer::builder().await.open().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    demo.ldap_proxy.cut();
    assert_eq!(alice.opens("/account").await.status, StatusCode::OK);
}

#[tokio::test]
async fn when_the_session_store_cannot_be_asked_nobody_is_let_in_or_sent_away() {
    let clock = Arc::new(ManualClock::at(START));
    let builder = DemoServer::builder_with_clock(clock.clone()).await.page("members", &page("Members"));
    let demo = builder.page("all", &format!("access = \"public\"\n{}", page("all"))).open().await;
    let (mut alice, mut bob, mut stranger) = (demo.house.visitor(), demo.house.visitor(), demo.house.visitor());
    alice.signs_in("alice", demo.password("alice")).await;
    let csrf = alice.opens("/").await.field("/logout", "csrf").unwrap();
    let form = bob.opens("/login").await.field("/login", "csrf").unwrap();
    let mut store = store_of(&demo).await;
    sqlx::query("ALTER TABLE sessions RENAME TO elsewhere").execute(&mut store).await.unwrap();
    // What was read a moment ago is believed for a second.
    clock.advance(Duration::from_secs(1));

    for path in ["/", "/p/members", "/p/all", "/account", "/login"] {
        is_an_outage(&alice.opens(path).await, path);
    }
    let object = alice.fetches("/api/v1/pages/members").await;
    assert_eq!((object.status, &object.json()["error"]["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
    assert_eq!(alice.watches("/live/members").await.err(), Some(StatusCode::SERVICE_UNAVAILABLE));
    let (mut thief, left) = (alice.clone(), alice.posts("/logout", &[("csrf", &csrf)]).await);
    assert_eq!(left.status, StatusCode::SEE_OTHER, "who wants to leave leaves: {}", left.body);
    assert!(!alice.cookies.contains_key("belvedere"));

    let fields = [("username", "bob"), ("password", demo.password("bob")), ("next", "/"), ("csrf", &form)];
    is_an_outage(&bob.posts("/login", &fields).await, "signing in");
    assert!(!bob.cookies.contains_key("belvedere"));
    assert_eq!(stranger.opens("/p/all").await.status, StatusCode::OK, "public pages need no store");
    assert_eq!(stranger.fetches("/healthz").await.status, StatusCode::OK);

    sqlx::query("ALTER TABLE elsewhere RENAME TO sessions").execute(&mut store).await.unwrap();
    is_a_stranger(&mut thief).await;
    assert_eq!(bob.posts("/login", &fields).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_fault_of_ours_shows_a_reference_and_not_its_cause() {
    let overlay = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(overlay.path().join("templates/pages")).unwrap();
    std::fs::write(overlay.path().join("templates/pages/home.html.tera"), "{{ no.such.value }}").unwrap();
    let demo = DemoServer::builder().await.set("overlay", overlay.path().to_str().unwrap()).open().await;
    let mut visitor = demo.house.visitor();
    let page = visitor.opens("/").await;
    assert_eq!((page.status, page.heading().as_deref()), (StatusCode::INTERNAL_SERVER_ERROR, Some("Our mistake")));
    is_a_reference(&reference_on(&page));
    let object = visitor.fetches("/").await;
    assert_eq!(object.json()["error"]["code"], "internal");
    is_a_reference(object.json()["error"]["reference"].as_str().unwrap());
    for answer in [page, object] {
        for cause in ["no.such", "tera", "overlay", "pages/home"] {
            assert!(!answer.body.contains(cause), "{cause} in {}", answer.body);
        }
    }
}

#[tokio::test]
async fn the_log_has_the_cause_under_the_reference() {
    let directory = DemoDirectory::start(&SampleDomain::demo(), Arc::new(SystemClock)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pages")).unwrap();
    let mut command = belvedere(folder.path(), &["serve"]);
    command.env("BELVEDERE_DIRECTORY__URL", directory.url());
    let mut program = RunningProgram::start(command);
    let mut alice = Visitor::new(program.is_open_at().await);
    alice.signs_in("alice", "alice-demo").await;
    let mut store = store_in(folder.path()).await;
    sqlx::query("ALTER TABLE sessions RENAME TO elsewhere").execute(&mut store).await.unwrap();
    let reference = reference_on(&alice.opens("/account").await);
    let log = program.ends_after("TERM").await;
    let lines = log.lines().filter(|line| line.contains("no such table")).count();
    let told = log.lines().find(|line| line.contains(&reference)).expect("a line with the reference");
    assert!(told.contains("no such table: sessions") && told.contains("state/sessions.db"), "{told}");
    assert_eq!(lines, 1, "a failure is logged once: {log}");
}

/// The server's own session store, from outside.
async fn store_of(demo: &DemoServer) -> SqliteConnection {
    store_in(demo.house.folder.path()).await
}

async fn store_in(folder: &Path) -> SqliteConnection {
    let file = folder.join("state/sessions.db");
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file)).await.unwrap()
}

fn is_an_outage(answer: &Response, at: &str) {
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{at}: {:?}", answer.location);
    assert_eq!(answer.heading().as_deref(), Some("Not at the moment"), "{at}");
    assert!(answer.header("Retry-After").is_some(), "{at}");
    assert!(!answer.body.contains("sessions.db") && !answer.body.contains("no such table"), "{at}: {}", answer.body);
    is_a_reference(&reference_on(answer));
}

/// The reference that an error page shows, for whoever runs the site.
fn reference_on(page: &Response) -> String {
    let reference = page.body.split("class=\"reference\"").nth(1).expect("a reference");
    reference.split("<code>").nth(1).unwrap().split('<').next().unwrap().to_owned()
}

fn is_a_reference(text: &str) {
    assert!(text.len() == 10 && text.chars().all(|c| c.is_ascii_hexdigit()), "{text:?}");
}

#[tokio::test]
async fn on_a_full_disk_people_sign_out_and_the_server_says_that_it_is_not_ready() {
    let demo = DemoServer::builder().await.page("members", &page("Members")).open().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    let csrf = alice.opens("/account").await.field("/logout", "csrf").unwrap();
    assert_eq!(demo.house.visitor().fetches("/readyz").await.status, StatusCode::OK);

    let options = SqliteConnectOptions::new().filename(demo.house.folder.path().join("state/sessions.db"));
    let mut file = SqliteConnection::connect_with(&options).await.unwrap();
    let full = "CREATE TRIGGER full BEFORE UPDATE ON sessions BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END";
    sqlx::query(full).execute(&mut file).await.unwrap();
    let answer = alice.posts("/logout", &[("csrf", &csrf)]).await;
    assert_eq!((answer.status, answer.location.as_deref()), (StatusCode::SEE_OTHER, Some("/logout")), "{}", answer.body);
    let opened = alice.opens("/p/members").await;
    assert!(opened.location.as_deref().is_some_and(|to| to.starts_with("/login")), "{:?}", opened.location);
    let ready = demo.house.visitor().fetches("/readyz").await;
    assert_eq!((ready.status, ready.body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "the state folder cannot be written\n"));
}
