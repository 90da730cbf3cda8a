//! Short-lived signed tokens (JWT): what they say, who can verify them, and what they end with.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use belvedere::domain::ManualClock;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::credentials::{house, of_session, revokes_the_first};
use crate::harness::demo_server::DemoServer;
use crate::harness::visitor::Visitor;
use crate::sessions::{MINUTE, START};

/// The claims of a token, whoever signed it.
fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

async fn signed_in(demo: &DemoServer) -> Visitor {
    let mut desk = demo.house.visitor();
    desk.signs_in("alice", demo.password("alice")).await;
    desk
}

#[tokio::test]
async fn the_answer_and_the_token_are_as_agreed_and_anybody_can_verify_it() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let mut script = demo.house.visitor().with_password("alice", demo.password("alice"));
    let answer = script.asks_for_a_signed_token(None).await;
    assert_eq!(answer.header("Cache-Control"), Some("no-store"));
    let said = answer.json();
    assert_eq!(said["token_type"], "Bearer");
    assert_eq!(said["expires_in"], 180);
    assert_eq!(said["scope"], "read push");

    let token = said["access_token"].as_str().unwrap();
    let now = START.as_millis() / 1_000;
    let claims = part(token, 1);
    for (claim, value) in [
        ("iss", json!("Belvedere")),
        ("aud", json!("belvedere")),
        ("iat", json!(now)),
        ("nbf", json!(now)),
        ("exp", json!(now + 180)),
        ("scope", json!("read push")),
    ] {
        assert_eq!(claims[claim], value, "{claim}");
    }
    assert!(claims["sub"].as_str().unwrap().contains(':'), "{claims}");
    let second = script.gets_a_signed_token().await;
    assert_ne!(claims["jti"], part(&second, 1)["jti"]);

    let keys = demo.house.visitor().fetches("/.well-known/jwks.json").await;
    assert_eq!(keys.header("Cache-Control"), Some("public, max-age=300"));
    let keys: JwkSet = serde_json::from_str(&keys.body).unwrap();
    let header = jsonwebtoken::decode_header(token).unwrap();
    assert_eq!(header.alg, Algorithm::EdDSA);
    let key = keys.find(&header.kid.unwrap()).expect("its key is published");
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&["belvedere"]);
    validation.validate_exp = false;
    jsonwebtoken::decode::<Value>(token, &DecodingKey::from_jwk(key).unwrap(), &validation).unwrap();
    let published = serde_json::to_string(&keys).unwrap();
    assert!(!published.contains("\"d\""), "no private half is published: {published}");
}

#[tokio::test]
async fn the_address_that_browsers_use_is_who_signs() {
    let demo = DemoServer::builder().await.set("site.public_url", "https://boards.corp.example.com").open().await;
    let token = demo.house.visitor().with_password("alice", demo.password("alice")).gets_a_signed_token().await;
    assert_eq!(part(&token, 1)["iss"], "https://boards.corp.example.com");
}

#[tokio::test]
async fn a_token_that_was_not_signed_here_opens_nothing() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let mut desk = signed_in(&demo).await;
    let token = of_session(&mut desk).await;
    let (header, claims) = (part(&token, 0), part(&token, 1));
    let pieces: Vec<&str> = token.split('.').collect();
    let encoded = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap());
    let keys = demo.house.visitor().fetches("/.well-known/jwks.json").await.json();
    let public = BASE64_URL_SAFE_NO_PAD.decode(keys["keys"][0]["x"].as_str().unwrap()).unwrap();
    let kid = header["kid"].as_str().unwrap().to_owned();

    let with = |name: &str, value: Value| {
        let mut changed = header.clone();
        changed[name] = value;
        format!("{}.{}.{}", encoded(&changed), pieces[1], pieces[2])
    };
    let mut greedy = claims.clone();
    greedy["exp"] = json!(claims["exp"].as_i64().unwrap() + 3_600);
    // The public key as a secret: the oldest trick with these.
    let confused = Header { kid: Some(kid.clone()), ..Header::new(Algorithm::HS256) };
    let confused = jsonwebtoken::encode(&confused, &claims, &EncodingKey::from_secret(&public)).unwrap();
    let stranger = [&[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20][..], &[7; 32]].concat();
    let strangers_header = Header { kid: Some(kid), ..Header::new(Algorithm::EdDSA) };
    let strangers = jsonwebtoken::encode(&strangers_header, &claims, &EncodingKey::from_ed_der(&stranger)).unwrap();
    for (what, forged) in [
        ("no algorithm", with("alg", json!("none"))),
        ("another algorithm", with("alg", json!("HS256"))),
        ("no key's name", with("kid", Value::Null)),
        ("another key's name", with("kid", json!("x"))),
        ("a key of its own", with("jwk", keys["keys"][0].clone())),
        ("something critical", with("crit", json!(["exp"]))),
        ("an unsigned one", format!("{}.{}.AA", encoded(&json!({ "alg": "none" })), pieces[1])),
        ("other claims", format!("{}.{}.{}", pieces[0], encoded(&greedy), pieces[2])),
        ("the public key as a secret", confused),
        ("another key", strangers),
        ("a part of it", token[..token.len() - 2].to_owned()),
        ("a long one", format!("{token}{}", "A".repeat(8_000))),
    ] {
        let refused = demo.house.visitor().with_token(&forged).fetches("/p/members").await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{what}");
    }
    assert_eq!(demo.house.visitor().with_token(&token).fetches("/p/members").await.status, StatusCode::OK);
}

#[tokio::test]
async fn it_is_good_for_no_more_than_what_it_was_made_from_and_for_less_where_less_is_asked_for() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let mut desk = signed_in(&demo).await;
    let token = desk.makes_a_token("read:ops read:members", 3600).await;
    let mut script = demo.house.visitor().with_token(&token);
    let narrow = script.asks_for_a_signed_token(Some("read:ops")).await.json();
    assert_eq!(narrow["scope"], "read:ops");
    let mut narrow = demo.house.visitor().with_token(narrow["access_token"].as_str().unwrap());
    assert_eq!(narrow.fetches("/p/ops").await.status, StatusCode::OK);
    let refused = narrow.fetches("/p/members").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.json()["error"]["code"], "out-of-scope");
    assert_eq!(refused.header("WWW-Authenticate"), Some("Bearer realm=\"Belvedere\", error=\"insufficient_scope\""));

    for (scope, status) in [("read", 403), ("read:ops push", 403), ("write", 400), ("read:../x", 400)] {
        assert_eq!(script.asks_for_a_signed_token(Some(scope)).await.status, status, "{scope}");
    }
    let again = narrow.asks_for_a_signed_token(None).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN, "a signed token makes no other");
    let json = script.request(Method::POST, "/api/v1/token").header("Content-Type", "application/json");
    assert_eq!(script.send(json.body("{\"scope\":\"read:ops\"}")).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_cookie_makes_one_only_for_a_page_of_ours() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let mut desk = signed_in(&demo).await;
    for origin in [None, Some("http://evil.example")] {
        let mut request = desk.request(Method::POST, "/api/v1/token");
        if let Some(origin) = origin {
            request = request.header("Origin", origin);
        }
        assert_eq!(desk.send(request).await.status, StatusCode::FORBIDDEN, "{origin:?}");
    }
    of_session(&mut desk).await;
    assert_eq!(demo.house.visitor().asks_for_a_signed_token(None).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_live_connection_ends_with_the_token_s_time() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let token = demo.house.visitor().with_password("alice", demo.password("alice")).gets_a_signed_token().await;
    let script = demo.house.visitor().with_token(&token);
    let mut board = script.watches_from(None, "/live/members").await.unwrap();
    board.hears_a("snapshot").await;
    clock.advance(3 * MINUTE);
    let close = board.is_closed().await;
    assert_eq!((close.bye.unwrap()["reason"].as_str(), close.code), (Some("expired"), Some(4401)));
    assert_eq!(script.watches_from(None, "/live/members").await.err(), Some(StatusCode::UNAUTHORIZED));
}

#[tokio::test]
async fn it_ends_at_once_with_what_it_was_made_from() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = house(&clock).await;
    let mut desk = signed_in(&demo).await;
    let token = desk.makes_a_token("read", 3600).await;
    let of_token = demo.house.visitor().with_token(&token).gets_a_signed_token().await;
    let of_desk = of_session(&mut desk).await;
    let (mut of_token, mut of_desk) = (demo.house.visitor().with_token(&of_token), demo.house.visitor().with_token(&of_desk));
    let mut boards = Vec::new();
    for script in [&of_token, &of_desk] {
        let mut board = script.watches_from(None, "/live/members").await.unwrap();
        board.hears_a("snapshot").await;
        boards.push(board);
    }
    revokes_the_first(&mut desk).await;
    assert_eq!(of_token.fetches("/p/members").await.json()["error"]["code"], "revoked-token");
    assert_eq!(of_desk.fetches("/p/members").await.status, StatusCode::OK);
    desk.signs_out().await;
    assert_eq!(of_desk.fetches("/p/members").await.json()["error"]["code"], "revoked-token");
    for (mut board, reason) in boards.into_iter().zip(["revoked", "signed-out"]) {
        let close = tokio::time::timeout(Duration::from_secs(1), board.is_closed()).await.expect("in a second");
        assert_eq!((close.bye.unwrap()["reason"].as_str(), close.code), (Some(reason), Some(4401)));
    }
}

#[tokio::test]
async fn a_restart_and_a_new_key_leave_tokens_good() {
    let demo = DemoServer::builder().await.page("members", &crate::harness::demo_server::page("Members")).open().await;
    let mut desk = signed_in(&demo).await;
    let token = desk.makes_a_token("read", 3600).await;
    let signed = demo.house.visitor().with_token(&token).gets_a_signed_token().await;
    let demo = demo.restart().await;
    assert_eq!(demo.house.visitor().with_token(&signed).fetches("/p/members").await.status, StatusCode::OK);
    assert_eq!(demo.house.visitor().with_token(&token).fetches("/p/members").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_script_that_asks_for_signed_tokens_without_end_is_told_to_wait() {
    let demo = DemoServer::builder().await.open().await;
    let script = demo.house.visitor().with_password("alice", demo.password("alice"));
    let mut issued = 0;
    let refused = loop {
        let answer = script.request(Method::POST, "/api/v1/token").send().await.unwrap();
        if answer.status() != StatusCode::OK {
            break answer;
        }
        issued += 1;
        assert!(issued < 1_000, "without end");
    };
    assert_eq!((refused.status(), issued >= 60), (StatusCode::TOO_MANY_REQUESTS, true));
    assert_eq!(refused.headers()["Retry-After"], "1");
    let bob = demo.house.visitor().with_password("bob", demo.password("bob"));
    let answer = bob.request(Method::POST, "/api/v1/token").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "nobody else waits");
}
