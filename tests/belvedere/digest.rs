//! Digest (RFC 7616), asked for by real clients, and what it does not open.

use std::sync::Arc;
use std::time::Duration;

use belvedere::domain::ManualClock;
use reqwest::{Method, StatusCode};
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use crate::factors::sets_up_an_app;
use crate::harness::accounts::{PASSWORD, account, administers, hires};
use crate::harness::demo_server::{DemoServer, DemoServerBuilder, page};
use crate::harness::program::text;
use crate::harness::server_process::skipped;
use crate::harness::visitor::{Response, Visitor};
use crate::sessions::START;

const BOARD: &str = "/api/v1/pages/board";

async fn builder(clock: Option<Arc<ManualClock>>) -> DemoServerBuilder {
    let builder = match clock {
        Some(clock) => DemoServer::builder_with_clock(clock).await,
        None => DemoServer::builder().await,
    };
    builder.set("digest.enabled", true).page("board", &page("Board"))
}

/// Makes an account for a device.
async fn installs(demo: &DemoServer, name: &str) {
    administers(&demo.house, &["add", name, "--digest", "--password-stdin"]).await;
}

/// A device that computes its answers as RFC 7616, 3.4, says.
#[derive(Clone)]
pub(crate) struct Device {
    pub(crate) visitor: Visitor,
    name: &'static str,
    password: String,
    nonce: String,
    count: u32,
}

impl Device {
    pub(crate) fn of(demo: &DemoServer, name: &'static str, password: &str) -> Self {
        let password = password.to_owned();
        Self { visitor: demo.house.visitor(), name, password, nonce: String::new(), count: 0 }
    }

    /// Sends a request without credentials, and keeps the nonce of the challenge.
    pub(crate) async fn is_challenged(&mut self) -> Response {
        let answer = self.visitor.fetches(BOARD).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        self.hears(&answer);
        answer
    }

    fn hears(&mut self, answer: &Response) {
        let challenge = challenge(answer).expect("Digest is asked for");
        assert!(challenge.contains("algorithm=SHA-256") && challenge.contains("qop=\"auth\""), "{challenge}");
        challenge.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap().clone_into(&mut self.nonce);
        self.count = 0;
    }

    /// The credentials for a request.
    pub(crate) fn proof(&mut self, path: &str) -> String {
        self.count += 1;
        let hash = |text: String| hex::encode(Sha256::digest(text));
        let ha1 = hash(format!("{}:Belvedere:{}", self.name, self.password));
        let ha2 = hash(format!("GET:{path}"));
        let response = hash(format!("{ha1}:{}:{:08x}:0a4f113b:auth:{ha2}", self.nonce, self.count));
        format!(
            "Digest username=\"{}\", realm=\"Belvedere\", nonce=\"{}\", uri=\"{path}\", cnonce=\"0a4f113b\", \
             nc={:08x}, qop=auth, algorithm=SHA-256, response=\"{response}\"",
            self.name, self.nonce, self.count
        )
    }

    async fn shows(&mut self, path: &str, proof: &str) -> Response {
        let request = self.visitor.request(Method::GET, path).header("Authorization", proof);
        self.visitor.send(request).await
    }

    async fn asks(&mut self, path: &str) -> Response {
        let proof = self.proof(path);
        self.shows(path, &proof).await
    }
}

fn challenge(answer: &Response) -> Option<&str> {
    let challenges = answer.headers.get_all("WWW-Authenticate").iter().filter_map(|value| value.to_str().ok());
    challenges.into_iter().find(|challenge| challenge.starts_with("Digest "))
}

fn is_stale(answer: &Response) -> bool {
    challenge(answer).is_some_and(|challenge| challenge.contains("stale=true"))
}

#[tokio::test]
async fn curl_and_python_read_a_page_by_digest() {
    let demo = builder(None).await.open().await;
    installs(&demo, "cam-1").await;
    let url = demo.house.url(BOARD);
    let curl = |password: &'static str| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--digest", "--user", &format!("cam-1:{password}"), &url]);
        curl
    };
    match curl(PASSWORD).output().await {
        Ok(output) => {
            assert!(text(&output.stdout).contains("\"Board\""), "{output:?}");
            let output = curl("wrong password here").output().await.unwrap();
            assert!(text(&output.stdout).contains("\"sign-in\""), "{output:?}");
        }
        Err(_) => skipped("Digest by curl, which is not installed"),
    }

    let script = "import sys, requests; from requests.auth import HTTPDigestAuth; s = requests.Session(); \
                  s.auth = HTTPDigestAuth('cam-1', sys.argv[2]); \
                  print([s.get(sys.argv[1]).status_code for _ in range(3)])";
    let python = Command::new("python3").args(["-c", script, &url, PASSWORD]).output().await;
    match python {
        Ok(output) if text(&output.stderr).contains("No module named") => skipped("Digest by Python's requests"),
        Ok(output) => assert_eq!(text(&output.stdout).trim(), "[200, 200, 200]", "{output:?}"),
        Err(_) => skipped("Digest by Python, which is not installed"),
    }
}

#[tokio::test]
async fn a_proof_is_good_once_for_its_own_address_and_for_minutes() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = builder(Some(clock.clone())).await.open().await;
    installs(&demo, "cam-1").await;
    let mut device = Device::of(&demo, "cam-1", PASSWORD);
    device.is_challenged().await;
    let proof = device.proof(BOARD);
    assert_eq!(device.shows(BOARD, &proof).await.status, StatusCode::OK);
    let replayed = device.shows(BOARD, &proof).await;
    assert!(replayed.status == StatusCode::UNAUTHORIZED && is_stale(&replayed), "{:?}", replayed.headers);
    let proof = device.proof("/api/v1/pages");
    let moved = device.shows(BOARD, &proof).await;
    assert!(moved.status == StatusCode::UNAUTHORIZED && !is_stale(&moved), "{:?}", moved.headers);
    assert_eq!(device.asks(BOARD).await.status, StatusCode::OK, "the next count of the same nonce");

    clock.advance(Duration::from_mins(5));
    let late = device.asks(BOARD).await;
    assert!(late.status == StatusCode::UNAUTHORIZED && is_stale(&late), "{:?}", late.headers);
    device.hears(&late);
    assert_eq!(device.asks(BOARD).await.status, StatusCode::OK, "with the new nonce, without asking anybody");
    let changed = device.proof(BOARD).replace("SHA-256", "MD5");
    assert_eq!(device.shows(BOARD, &changed).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn digest_opens_nothing_of_whoever_has_a_second_factor() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = builder(Some(clock.clone())).await.open().await;
    installs(&demo, "cam-1").await;
    let mut device = Device::of(&demo, "cam-1", PASSWORD);
    device.is_challenged().await;
    assert_eq!(device.asks(BOARD).await.status, StatusCode::OK);
    let mut owner = demo.house.visitor();
    owner.signs_in("local\\cam-1", PASSWORD).await;
    sets_up_an_app(&mut owner, &clock, "").await;
    let answer = device.asks(BOARD).await;
    assert_eq!((answer.status, is_stale(&answer)), (StatusCode::UNAUTHORIZED, false));
}

#[tokio::test]
async fn digest_is_for_those_local_accounts_alone_that_were_made_for_it() {
    let demo = builder(None).await.open().await;
    installs(&demo, "cam-1").await;
    hires(&demo.house, "guest", &[]).await;
    let theirs = demo.password("alice").to_owned();
    let said = demo.ldap_proxy.bytes_sent();
    for (name, password) in [("guest", PASSWORD), ("alice", &theirs), ("nobody", PASSWORD), ("cam-1", "wrong one here")] {
        let mut device = Device::of(&demo, name, password);
        device.is_challenged().await;
        let answer = device.asks(BOARD).await;
        assert_eq!((answer.status, is_stale(&answer)), (StatusCode::UNAUTHORIZED, false), "{name}");
    }
    assert_eq!(demo.ldap_proxy.bytes_sent(), said, "no directory hears of it");
    let mut device = Device::of(&demo, "cam-1", PASSWORD);
    device.is_challenged().await;
    assert_eq!(device.asks(BOARD).await.status, StatusCode::OK);
    administers(&demo.house, &["disable", "cam-1"]).await;
    assert_eq!(device.asks(BOARD).await.status, StatusCode::UNAUTHORIZED);
    administers(&demo.house, &["enable", "cam-1"]).await;
    assert_eq!(device.asks(BOARD).await.status, StatusCode::OK);
    administers(&demo.house, &["digest", "cam-1", "off"]).await;
    assert_eq!(device.asks(BOARD).await.status, StatusCode::UNAUTHORIZED);
    administers(&demo.house, &["digest", "cam-1", "on", "--password-stdin"]).await;
    assert_eq!(device.asks(BOARD).await.status, StatusCode::OK);
    let said = account(&demo.house, &["password", "cam-1", "--password-stdin"], "copper violin seven moss").await;
    assert!(text(&said.stdout).contains("Digest is off now"), "{}", text(&said.stdout));
    assert_eq!(device.asks(BOARD).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn wrong_answers_count_with_wrong_passwords_in_one_limit() {
    let demo = builder(None).await.open().await;
    installs(&demo, "cam-1").await;
    let mut guesser = Device::of(&demo, "cam-1", "not the password");
    guesser.is_challenged().await;
    for _ in 0..8 {
        assert_eq!(guesser.asks(BOARD).await.status, StatusCode::UNAUTHORIZED);
    }
    guesser.password = PASSWORD.to_owned();
    assert_eq!(guesser.asks(BOARD).await.status, StatusCode::UNAUTHORIZED, "the limit is spent");
    let form = demo.house.visitor().tries_to_sign_in(r"local\cam-1", PASSWORD, "/").await;
    assert_eq!(form.status, StatusCode::TOO_MANY_REQUESTS, "at the form, too");
}

#[tokio::test]
async fn nobody_is_asked_for_digest_unless_it_is_on_and_a_browser_never_is() {
    let demo = builder(None).await.open().await;
    let mut browser = demo.house.visitor();
    assert!(challenge(&browser.opens("/p/board").await).is_none());
    assert!(challenge(&browser.tries_to_sign_in("alice", "wrong", "/").await).is_none());
    assert!(challenge(&browser.fetches(BOARD).await).is_some());

    let off = DemoServer::builder().await.page("board", &page("Board")).open().await;
    installs(&off, "cam-1").await;
    let mut script = off.house.visitor();
    assert!(challenge(&script.fetches(BOARD).await).is_none());
    let mut device = Device::of(&off, "cam-1", PASSWORD);
    let mut elsewhere = Device::of(&demo, "cam-1", PASSWORD);
    elsewhere.is_challenged().await;
    device.nonce = elsewhere.nonce;
    assert_ne!(device.asks(BOARD).await.status, StatusCode::OK);
}
