//! A store that several servers share: what one writes the others know, and what happens while it cannot be reached.

use std::sync::Arc;

use belvedere::domain::ManualClock;
use reqwest::StatusCode;

use crate::harness::cuttable_proxy::CuttableProxy;
use crate::harness::demo_server::{DemoServer, page};
use crate::harness::pgbouncer;
use crate::harness::postgres::{self, PostgresServer};
use crate::harness::program::{belvedere, run_to_end};
use crate::harness::test_server::TestServerBuilder;
use crate::sessions::{MINUTE, START};

/// A key for servers that share a store.
const SECRET_KEY: &str = "hPRYyVRiMyxpw5sBB1XeCMN1kFsDCqKvBi2QJxBVHQk=";

#[tokio::test]
async fn who_has_signed_in_at_one_server_is_signed_in_at_the_others() {
    let Some(server) = postgres::server() else { return };
    let database = server.create_database();
    let store = server.url(&database);
    let demo = DemoServer::builder().await.page("members", &page("members"));
    let demo = demo.set("store.url", store.as_str()).set("secret_key", SECRET_KEY).open().await;
    let other = TestServerBuilder::with_directory(&demo.directory.url()).page("members", &page("members"));
    // One of them gets there through a pooler.
    let other = match pgbouncer::before(server) {
        Some(pooler) => {
            let pooled = PostgresServer::url_at(pooler, &database);
            other.set("store.url", pooled).set("store.direct_url", store.as_str())
        }
        None => other.set("store.url", store.as_str()),
    };
    let other = other.set("secret_key", SECRET_KEY).open().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    let token = alice.makes_a_token("read", 1).await;
    alice.moves_to(other.address);
    assert_eq!(alice.opens("/p/members").await.status, StatusCode::OK);
    assert_eq!(other.visitor().with_token(&token).fetches("/api/v1/pages/members").await.status, StatusCode::OK);
    alice.signs_out().await;
    alice.moves_to(demo.house.address);
    alice.opens_until("/p/members", |answer| answer.status != StatusCode::OK).await;
}

#[tokio::test]
async fn while_the_store_is_gone_who_is_signed_in_stays_and_nobody_else_comes_in() {
    let Some(server) = postgres::server() else { return };
    let proxy = CuttableProxy::before(&format!("127.0.0.1:{}", server.port)).await;
    let store = PostgresServer::url_at(proxy.port(), &server.create_database());
    let clock = Arc::new(ManualClock::at(START));
    let demo = DemoServer::builder_with_clock(clock.clone()).await.page("members", &page("members"));
    let demo = demo.set("store.url", store).set("sessions.max_staleness", "1h").open().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    assert_eq!(alice.opens("/p/members").await.status, StatusCode::OK);
    assert_eq!(demo.house.visitor().fetches("/readyz").await.status, StatusCode::OK);

    proxy.sever();
    clock.advance(10 * MINUTE);
    assert_eq!(alice.opens("/p/members").await.status, StatusCode::OK, "she was here a moment ago");
    let mut thief = alice.clone();
    thief.cookies.insert("belvedere".to_owned(), "A".repeat(43));
    assert_eq!(thief.opens("/p/members").await.status, StatusCode::SERVICE_UNAVAILABLE, "nobody knows who this is");
    let answer = demo.house.visitor().tries_to_sign_in("bob", demo.password("bob"), "/").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
    assert!(answer.set_cookie("belvedere").is_none());
    let ready = demo.house.visitor().fetches("/readyz").await;
    assert_eq!((ready.status, ready.body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "the store cannot be used\n"));
    clock.advance(51 * MINUTE);
    assert_eq!(alice.opens("/p/members").await.status, StatusCode::SERVICE_UNAVAILABLE, "that was an hour ago");

    proxy.restore();
    clock.advance(MINUTE);
    let mut bob = demo.house.visitor();
    bob.opens_until("/readyz", |answer| {
        // It asks no more often than every few seconds.
        clock.advance(MINUTE);
        answer.status == StatusCode::OK
    })
    .await;
    bob.signs_in("bob", demo.password("bob")).await;
}

#[tokio::test]
async fn check_says_what_is_wrong_with_the_store_and_no_password() {
    let Some(server) = postgres::server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let directory = DemoServer::builder().await.open().await;
    std::fs::create_dir(folder.path().join("pages")).unwrap();
    let check = async |url: &str, arguments: &[&str]| {
        let settings = format!(
            "[default]\n[default.directory]\nurl = \"{}\"\n[default.store]\nurl = \"{url}\"\n",
            directory.directory.url()
        );
        std::fs::write(folder.path().join("Rocket.toml"), settings).unwrap();
        let checked = run_to_end(belvedere(folder.path(), arguments)).await;
        let said = String::from_utf8_lossy(&[checked.stdout, checked.stderr].concat()).into_owned();
        assert!(!said.contains("hunter2"), "{said}");
        said
    };
    let said = check("sqlite://hunter2.db", &["check"]).await;
    assert!(said.contains("leave `url` out") && said.contains("Rocket.toml"), "{said}");
    let missing = format!("postgres://belvedere:hunter2@127.0.0.1:{}/no_such_database", server.port);
    let said = check(&missing, &["check", "--online"]).await;
    assert!(said.contains("no such database") && said.contains("store.url"), "{said}");
}
