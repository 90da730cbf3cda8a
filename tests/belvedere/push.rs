//! What programs push: on screens at once and after a restart, and by nobody who may not.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::demo_server::{DemoServer, DemoServerBuilder};
use crate::harness::test_server::TestServerBuilder;
use crate::harness::visitor::{Response, Visitor};

const PAGE: &str = "title = \"Builds\"\naccess = \"public\"\n[[panel]]\nid = \"count\"\ntitle = \"Builds\"\nkind = \"stat\"\n\
                    source = \"builds\"\nquery = \".count\"\nevery = \"1h\"\n";

async fn builder() -> DemoServerBuilder {
    let builder = DemoServer::builder().await.page("builds", PAGE).set("sources.builds.kind", "push");
    let builder = builder.set("sources.builds.max_bytes", "1KiB").set("sources.builds.rate", 1000);
    let theirs = builder.set("sources.theirs.kind", "push").set("sources.theirs.access", json!({ "users": ["bob"] }));
    theirs.set("sources.slow.kind", "push").set("sources.slow.rate", 1)
}

async fn pushes(visitor: &mut Visitor, path: &str, body: &str) -> Response {
    let request = visitor.request(Method::POST, path).header("Content-Type", "application/json");
    visitor.send(request.body(body.to_owned())).await
}

#[tokio::test]
async fn what_is_pushed_is_on_screens_at_once_and_still_there_after_a_restart() {
    let demo = builder().await.open().await;
    let mut desk = demo.house.visitor();
    desk.signs_in("alice", demo.password("alice")).await;
    let token = desk.makes_a_token("push:builds", 3600).await;
    let mut script = demo.house.visitor().with_token(&token);
    let mut board = demo.house.visitor().watches_from(None, "/live/builds").await.unwrap();
    board.hears_a("snapshot").await;
    for count in ["3", "4"] {
        let pushed = pushes(&mut script, "/api/v1/push/builds", &format!("{{\"count\": {count}}}")).await;
        assert_eq!(pushed.status, StatusCode::NO_CONTENT, "{}", pushed.body);
        // Its interval is an hour: nobody asks.
        loop {
            let batch = board.hears_a("batch").await;
            if batch["panels"]["count"]["view"]["figure"]["text"] == count {
                break;
            }
        }
    }
    let DemoServer { house, directory: _directory, ldap_proxy } = demo;
    let again = TestServerBuilder::restarting(&house, &ldap_proxy.url()).set("sources.builds.kind", "push");
    house.shut_down().await;
    let house = again.open().await;
    let panel = house.visitor().fetches("/api/v1/pages/builds").await.json()["panels"]["count"].clone();
    assert_eq!(panel["view"]["figure"]["text"], "4", "{panel}");
    let mut script = house.visitor().with_token(&token);
    let influx = script.request(Method::POST, "/api/v1/push/builds").header("Content-Type", "text/plain");
    assert_eq!(script.send(influx.body("builds count=5i")).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn nobody_pushes_without_a_token_for_it_and_nobody_learns_which_sources_there_are() {
    let demo = builder().await.open().await;
    let mut desk = demo.house.visitor();
    desk.signs_in("alice", demo.password("alice")).await;
    let mut status = async |scope: &str, name: &str, body: &str| {
        let mut script = demo.house.visitor().with_token(&desk.makes_a_token(scope, 3600).await);
        let answer = pushes(&mut script, &format!("/api/v1/push/{name}"), body).await;
        let code = if answer.body.is_empty() { String::new() } else { answer.json()["error"]["code"].to_string() };
        (answer.status, code)
    };
    for name in ["builds", "theirs", "nowhere", "Not-a-name"] {
        assert_eq!(status("read", name, "1").await, (StatusCode::FORBIDDEN, "\"out-of-scope\"".to_owned()), "{name}");
        assert_eq!(status("push:other", name, "1").await.0, StatusCode::FORBIDDEN, "{name}");
    }
    for name in ["theirs", "nowhere", "host"] {
        assert_eq!(status("push", name, "1").await, (StatusCode::NOT_FOUND, "\"not-found\"".to_owned()), "{name}");
    }
    assert_eq!(status("push", "builds", "1").await.0, StatusCode::NO_CONTENT);
    assert_eq!(status("push", "builds", "{").await, (StatusCode::BAD_REQUEST, "\"bad-request\"".to_owned()));
    let large = format!("[{}1]", "1,".repeat(600));
    assert_eq!(status("push", "builds", &large).await, (StatusCode::PAYLOAD_TOO_LARGE, "\"too-large\"".to_owned()));

    let mut stranger = demo.house.visitor();
    for name in ["builds", "nowhere"] {
        assert_eq!(pushes(&mut stranger, &format!("/api/v1/push/{name}"), "1").await.status, StatusCode::UNAUTHORIZED);
        let with_cookie = pushes(&mut desk, &format!("/api/v1/push/{name}"), "1").await;
        assert_eq!(with_cookie.status, StatusCode::FORBIDDEN, "a browser sends its cookie for whatever page asks");
        let basic =
            stranger.request(Method::POST, &format!("/api/v1/push/{name}")).basic_auth("alice", Some(demo.password("alice")));
        assert_eq!(stranger.send(basic.body("1")).await.status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn who_pushes_too_often_is_told_when_to_come_back() {
    let demo = builder().await.open().await;
    let mut desk = demo.house.visitor();
    desk.signs_in("alice", demo.password("alice")).await;
    let mut script = demo.house.visitor().with_token(&desk.makes_a_token("push:slow", 3600).await);
    let mut answers = Vec::new();
    for _ in 0..20 {
        answers.push(pushes(&mut script, "/api/v1/push/slow", "1").await);
        if answers.last().unwrap().status == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
    }
    let refused = answers.last().unwrap();
    assert_eq!((refused.status, refused.header("Retry-After")), (StatusCode::TOO_MANY_REQUESTS, Some("1")), "{}", refused.body);
    assert_eq!(answers[0].status, StatusCode::NO_CONTENT);
}
