//! Moving what must last between the state folder and a database: who is signed in stays so, and no try is given back.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use belvedere::domain::{Clock as _, ManualClock, SystemClock};
use reqwest::StatusCode;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::factors::sets_up_an_app;
use crate::harness::demo_server::{DemoServer, page};
use crate::harness::postgres;
use crate::harness::program::{RunningProgram, STORE_URL_FILE, belvedere, run_to_end, text};
use crate::harness::test_server::{TestServer, TestServerBuilder};
use crate::harness::visitor::Visitor;

/// A key for the servers of both engines: what is encrypted stays as it is.
const SECRET_KEY: &str = "hPRYyVRiMyxpw5sBB1XeCMN1kFsDCqKvBi2QJxBVHQk=";

/// The tables that a server of this test fills.
const FILLED: [&str; 11] = [
    "sessions",
    "tokens",
    "signing_keys",
    "invitations",
    "factor_people",
    "authenticator_apps",
    "recovery_codes",
    "throttle_names",
    "throttle_people",
    "throttle_failures",
    "audit_events",
];

/// What people hold who have used a server.
struct Holdings {
    alice: Visitor,
    api_token: String,
    signed_token: String,
}

impl Holdings {
    /// Somebody who signs in and sets up a second factor, beside an account of the program's own and a stranger who guesses.
    async fn from_use_of(demo: &DemoServer, clock: &Arc<ManualClock>) -> Self {
        let mut alice = demo.house.visitor();
        alice.signs_in("alice", demo.password("alice")).await;
        // All that was proved without it is over.
        sets_up_an_app(&mut alice, clock, "").await;
        let api_token = alice.makes_a_token("read", 1).await;
        // One for a password is good on one server until it stops.
        let signed_token = demo.house.visitor().with_token(&api_token).gets_a_signed_token().await;
        demo.house.visitor().tries_to_sign_in("bob", "a wrong password", "/").await;
        let mut invite = belvedere(demo.house.folder.path(), &["account", "invite", "ann"]);
        invite.env("BELVEDERE_DIRECTORY__URL", demo.directory.url()).env("ROCKET_SECRET_KEY", SECRET_KEY);
        assert!(run_to_end(invite).await.status.success());
        Self { alice, api_token, signed_token }
    }

    async fn are_good_at(&mut self, house: &TestServer, password: &str) {
        self.alice.moves_to(house.address);
        assert_eq!(self.alice.opens("/p/members").await.status, StatusCode::OK);
        for token in [&self.api_token, &self.signed_token] {
            let answer = house.visitor().with_token(token).fetches("/api/v1/pages/members").await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        }
        let asked = house.visitor().tries_to_sign_in("alice", password, "/").await;
        assert!(asked.location.is_some_and(|location| location.starts_with("/login/factor")), "{}", asked.body);
    }
}

/// Moves, and returns what is printed of each table.
async fn moves(folder: &Path, to: &str) -> BTreeMap<String, String> {
    let moved = run_to_end(belvedere(folder, &["move-store", "--to", to])).await;
    assert!(moved.status.success(), "{}", text(&moved.stderr));
    let printed = text(&moved.stdout);
    let tables = printed.lines().filter_map(|line| line.split_once(": ")).filter(|(_, rest)| rest.contains("SHA-256"));
    tables.map(|(table, rest)| (table.to_owned(), rest.to_owned())).collect()
}

#[tokio::test]
async fn what_a_server_has_kept_is_moved_to_a_database_and_back_though_the_first_move_is_killed() {
    let Some(server) = postgres::server() else { return };
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let demo = DemoServer::builder_with_clock(clock.clone()).await.set("secret_key", SECRET_KEY);
    let demo = demo.page("members", &page("members")).open().await;
    let folder = Arc::clone(&demo.house.folder);
    if folder.path().join(STORE_URL_FILE).exists() {
        // Where all servers of the tests have a database, there is nothing to move.
        return;
    }
    let mut holdings = Holdings::from_use_of(&demo, &clock).await;
    let password = demo.password("alice").to_owned();
    let DemoServer { house, directory, ldap_proxy: _proxy } = demo;
    house.shut_down().await;

    let database = server.create_database();
    let store = server.url(&database);
    let [empty, back] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    for folder in [folder.path(), empty.path(), back.path()] {
        let settings = format!(
            "[default]\nsecret_key = \"{SECRET_KEY}\"\nstate = \"state\"\n[default.directory]\nurl = \"{}\"\n[default.store]\nurl = \
             \"{store}\"\n",
            directory.url()
        );
        std::fs::write(folder.join("Rocket.toml"), settings).unwrap();
        std::fs::create_dir_all(folder.join("pages")).unwrap();
    }
    // The tables are there from now on; nothing is in them.
    moves(empty.path(), "postgres").await;
    let mut lock = PgConnection::connect(&store).await.unwrap();
    lock.execute("BEGIN; LOCK TABLE audit_events IN SHARE MODE").await.unwrap();
    let mut killed = RunningProgram::start(belvedere(folder.path(), &["move-store", "--to", "postgres"]));
    killed.prints_until("throttle_releases").await;
    killed.dies().await;
    let refused = run_to_end(belvedere(empty.path(), &["serve"])).await;
    assert!(text(&refused.stderr).contains("belvedere move-store --to postgres"), "{}", text(&refused.stderr));
    lock.execute("ROLLBACK").await.unwrap();

    let there = moves(folder.path(), "postgres").await;
    for table in FILLED {
        assert!(!there[table].starts_with("0 "), "{table}: {there:?}");
    }
    // As while what is in the database is copied out of it.
    lock.execute("INSERT INTO store_moves VALUES ('00000000-0000-0000-0000-000000000001', false)").await.unwrap();
    for command in [&["serve"][..], &["release", "bob"], &["account", "list"], &["token", "list"]] {
        let refused = run_to_end(belvedere(empty.path(), command)).await;
        assert!(text(&refused.stderr).contains("belvedere move-store --to embedded"), "{command:?}: {}", text(&refused.stderr));
    }
    lock.execute("DELETE FROM store_moves").await.unwrap();
    let again = moves(back.path(), "embedded").await;
    for (table, rows) in there.iter().filter(|(table, _)| *table != "epoch_counter") {
        assert_eq!(again.get(table), Some(rows), "{table}");
    }

    let builder = || TestServerBuilder::with_directory(&directory.url()).clock(clock.clone()).page("members", &page("members"));
    let house = builder().set("secret_key", SECRET_KEY).set("store.url", store).open().await;
    holdings.are_good_at(&house, &password).await;
    let released = run_to_end(belvedere(folder.path(), &["release", "bob"])).await;
    assert!(text(&released.stdout).contains("are forgotten"), "{}", text(&released.stdout));
    house.shut_down().await;
    let state = back.path().join("state").display().to_string();
    let house = builder().set("secret_key", SECRET_KEY).set("state", state).open().await;
    holdings.are_good_at(&house, &password).await;
}
