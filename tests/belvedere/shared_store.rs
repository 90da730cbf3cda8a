//! A store that several servers share: what one writes the others know, and what happens while it cannot be reached.

use reqwest::StatusCode;

use crate::harness::cuttable_proxy::CuttableProxy;
use crate::harness::demo_server::{DemoServer, page};
use crate::harness::postgres::{self, PostgresServer};
use crate::harness::test_server::TestServerBuilder;

/// A key for servers that share a store.
const SECRET_KEY: &str = "hPRYyVRiMyxpw5sBB1XeCMN1kFsDCqKvBi2QJxBVHQk=";

#[tokio::test]
async fn who_has_signed_in_at_one_server_is_signed_in_at_the_others() {
    let Some(server) = postgres::server() else { return };
    let store = server.url(&server.create_database());
    let demo = DemoServer::builder().await.page("members", &page("members"));
    let demo = demo.set("store.url", store.as_str()).set("secret_key", SECRET_KEY).open().await;
    let other = TestServerBuilder::with_directory(&demo.directory.url()).page("members", &page("members"));
    let other = other.set("store.url", store.as_str()).set("secret_key", SECRET_KEY).open().await;
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
async fn while_the_store_is_gone_nobody_signs_in_and_it_is_used_again_when_it_is_back() {
    let Some(server) = postgres::server() else { return };
    let proxy = CuttableProxy::before(&format!("127.0.0.1:{}", server.port)).await;
    let store = PostgresServer::url_at(proxy.port(), &server.create_database());
    let demo = DemoServer::builder().await.set("store.url", store).set("store.connect_timeout", "1s").open().await;
    demo.house.visitor().signs_in("alice", demo.password("alice")).await;
    proxy.sever();
    let answer = demo.house.visitor().tries_to_sign_in("bob", demo.password("bob"), "/").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
    proxy.restore();
    demo.house.visitor().signs_in("bob", demo.password("bob")).await;
}
