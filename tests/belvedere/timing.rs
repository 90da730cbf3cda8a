//! The time that a refused sign-in takes says nothing of the name.

use std::net::Ipv4Addr;
use std::time::Instant;

use futures::{StreamExt, stream};
use reqwest::StatusCode;

use crate::harness::slapd;
use crate::harness::statistics::mann_whitney_p;
use crate::harness::test_server::{TestServer, TestServerBuilder};
use crate::harness::visitor::Visitor;
use crate::sign_in::WRONG;

/// Of each kind in a round.
const TRIES: u32 = 400;

/// So many pairs are under way at the same time.
const AT_ONCE: usize = 24;

/// Below this the two kinds differ by more than chance.
const BY_CHANCE: f64 = 0.01;

/// Once in a hundred rounds chance alone is below [`BY_CHANCE`], and once in a million thrice in a row; what can be told
/// apart is told apart in each.
const ROUNDS: u32 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_and_a_wrong_password_cannot_be_told_apart_by_their_time() {
    let Some(server) = slapd::server() else { return };
    let people: String = (0..ROUNDS * TRIES).map(|n| slapd::person(slapd::BASE_DN, &known(n), &known(n)).ldif()).collect();
    server.administrator().apply(&people).unwrap();
    let ca_file = server.ca_file.to_str().unwrap();
    let builder = TestServerBuilder::with_directory(&server.ldaps_url()).set("directory.ca_file", ca_file);
    let house = builder.set("site.trusted_proxies", vec!["127.0.0.1"]).open().await;
    let mut found = Vec::new();
    for round in 0..ROUNDS {
        let (unknown, wrong) = measure(&house, round).await;
        found.push(mann_whitney_p(&unknown, &wrong));
        if found.last().is_some_and(|probability| *probability > BY_CHANCE) {
            return;
        }
    }
    panic!("an unknown name and a wrong password take different times; by chance only with {found:?}");
}

/// How long each try took, of both kinds. One of each is under way at the same time, so that whatever else the machine
/// does meanwhile is done to both.
async fn measure(house: &TestServer, round: u32) -> (Vec<f64>, Vec<f64>) {
    // One form does for all: it is the address and the name that tell people apart.
    let mut stranger = house.visitor();
    let csrf = &stranger.opens("/login").await.field("/login", "csrf").unwrap();
    let stranger = &stranger;
    let pairs = stream::iter(0..TRIES).map(|n| async move {
        let unknown = takes(stranger.clone(), address(round, n, 0), csrf, format!("nobody-{round}-{n}"));
        // Somebody else each round: the same wrong password again would not be sent.
        let wrong = takes(stranger.clone(), address(round, n, 1), csrf, known(round * TRIES + n));
        // Whichever is polled first begins first.
        if n % 2 == 0 {
            tokio::join!(unknown, wrong)
        } else {
            let (wrong, unknown) = tokio::join!(wrong, unknown);
            (unknown, wrong)
        }
    });
    let pairs: Vec<(f64, f64)> = pairs.buffer_unordered(AT_ONCE).collect().await;
    pairs.into_iter().unzip()
}

/// An address that is nobody else's, with few others in its network.
fn address(round: u32, n: u32, kind: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(198, 18, 0, 0).to_bits() + ((round * TRIES + n) * 2 + kind) * 64)
}

/// Milliseconds from sending the form to the end of the answer, which is a refusal.
async fn takes(visitor: Visitor, address: Ipv4Addr, csrf: &str, name: String) -> f64 {
    let mut visitor = visitor.behind_a_proxy_at(&address.to_string());
    let fields = [("username", name.as_str()), ("password", WRONG), ("next", "/"), ("csrf", csrf)];
    let began = Instant::now();
    let answer = visitor.posts("/login", &fields).await;
    let took = began.elapsed().as_secs_f64() * 1_000.0;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}: {}", answer.body);
    took
}

fn known(n: u32) -> String {
    format!("timed-{n}")
}
