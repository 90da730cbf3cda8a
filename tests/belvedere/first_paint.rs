//! The first paint: what all visitors share is rendered and compressed once, what is a visitor's own is neither, and nothing of one
//! visitor's part reaches another.

use std::io::Read as _;

use flate2::read::GzDecoder;
use reqwest::header::{ACCEPT, ETAG, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::demo_server::{DemoServer, page};
use crate::harness::visitor::Visitor;

/// A page that never changes: its channel stays at one position, and so its rendition is one.
fn notes(access: &str) -> String {
    let rows = (0..200).map(|row| format!("| line {row} | the same words again |\n")).collect::<Vec<_>>().concat();
    format!(
        "title = \"Notes\"\naccess = {access}\n[[panel]]\nid = \"notes\"\nkind = \"text\"\ntext = \"\"\"\n| a | b |\n|---|---|\n{rows}\"\"\"\n"
    )
}

/// An answer as it stands on the wire: its head, and its body.
async fn asks(visitor: &Visitor, demo: &DemoServer, method: &str, path: &str, headers: &str) -> (String, Vec<u8>) {
    let cookies = visitor.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let mut stream = TcpStream::connect(demo.house.address).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nAccept: text/html\r\nCookie: {cookies}\r\nConnection: close\r\n{headers}\r\n",
        demo.house.address
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    (String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase(), answer[end + 4..].to_vec())
}

fn unpacked(gzipped: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(gzipped).read_to_string(&mut text).expect("a whole gzip stream");
    text
}

#[tokio::test]
async fn nothing_of_one_visitors_part_reaches_another() {
    let demo =
        DemoServer::builder().await.page("notes", &notes("\"public\"")).page("members", &notes("\"signed-in\"")).open().await;
    let mut people = Vec::new();
    for name in ["alice", "carol"] {
        let mut visitor = demo.house.visitor();
        visitor.signs_in(name, demo.password(name)).await;
        let form = visitor.opens("/").await;
        let (own, token) = (form.signed_in_name().unwrap(), form.field("/logout", "csrf").unwrap());
        people.push((visitor, own, token));
    }
    let stranger = demo.house.visitor();
    for (round, headers) in ["", "Accept-Encoding: gzip\r\n", "", "Accept-Encoding: gzip\r\n"].into_iter().enumerate() {
        for (at, (visitor, name, token)) in people.iter().enumerate() {
            let (_, other_name, other_token) = &people[1 - at];
            let path = format!("/p/members?round={round}-of-{at}");
            let (head, body) = asks(visitor, &demo, "GET", &path, headers).await;
            assert!(head.starts_with("http/1.1 200"), "{head}");
            let html = if headers.is_empty() { String::from_utf8(body).unwrap() } else { unpacked(&body) };
            assert!(html.contains(name) && html.contains("Sign out") && html.contains(&format!("round={round}-of-{at}")));
            assert_eq!(html.matches(token.as_str()).count(), 2, "in the form of the theme, and in that of signing out");
            assert!(!html.contains(other_name) && !html.contains(other_token.as_str()));
        }
        let (head, body) = asks(&stranger, &demo, "GET", "/p/members", headers).await;
        assert!(head.starts_with("http/1.1 303"), "the door comes first, whatever is rendered already: {head}");
        assert!(!String::from_utf8_lossy(&body).contains("the same words again"));
        let (_, body) = asks(&stranger, &demo, "GET", "/p/notes", headers).await;
        let html = if headers.is_empty() { String::from_utf8(body).unwrap() } else { unpacked(&body) };
        assert!(html.contains("Sign in") && !html.contains("Sign out"));
        for (_, name, token) in &people {
            assert!(!html.contains(name) && !html.contains(token.as_str()));
        }
    }
    // Whoever signs out is a stranger at once.
    let (mut visitor, _, token) = people.remove(0);
    visitor.posts("/logout", &[("csrf", &token)]).await;
    let (head, _) = asks(&visitor, &demo, "GET", "/p/members", "").await;
    assert!(head.starts_with("http/1.1 303"), "{head}");
}

#[tokio::test]
async fn what_all_share_is_compressed_and_what_is_ones_own_is_not() {
    let demo = DemoServer::builder().await.page("notes", &notes("\"public\"")).open().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    let token = alice.opens("/").await.field("/logout", "csrf").unwrap();
    let path = "/p/notes?guess=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let (head, plain) = asks(&alice, &demo, "GET", path, "").await;
    assert!(head.contains("vary: accept-encoding") && !head.contains("content-encoding"), "{head}");
    let (head, gzipped) = asks(&alice, &demo, "GET", path, "Accept-Encoding: gzip, deflate, br\r\n").await;
    assert!(head.contains("vary: accept-encoding") && head.contains("content-encoding: gzip"), "{head}");
    assert!(head.contains(&format!("content-length: {}", gzipped.len())) && !head.contains("etag"), "{head}");
    assert_eq!(unpacked(&gzipped), String::from_utf8(plain.clone()).unwrap());
    assert!(gzipped.len() * 5 < plain.len(), "{} of {} bytes", gzipped.len(), plain.len());
    let stands = |words: &str| gzipped.windows(words.len()).filter(|window| *window == words.as_bytes()).count();
    assert_eq!(stands(&token), 2, "a token is stored, as often as it is there");
    assert_eq!(stands("guess=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), 1, "so is what was asked for");
    assert_eq!(stands("the same words again"), 0);
    // The length tells nothing of whether a guess is right.
    let length_of = async |guess: &str| {
        let path = format!("/p/notes?guess={guess}");
        asks(&alice, &demo, "GET", &path, "Accept-Encoding: gzip\r\n").await.1.len()
    };
    let wrong: String = token.chars().rev().collect();
    assert_eq!(length_of(&token).await, length_of(&wrong).await);
    for refused in ["Accept-Encoding: gzip;q=0\r\n", "Accept-Encoding: br, *;q=0\r\n", "Accept-Encoding: identity\r\n"] {
        let (head, body) = asks(&alice, &demo, "GET", path, refused).await;
        assert!(!head.contains("content-encoding") && body == plain, "{refused}: {head}");
    }
    let (head, body) = asks(&alice, &demo, "HEAD", path, "Accept-Encoding: gzip\r\n").await;
    assert!(head.contains(&format!("content-length: {}", gzipped.len())) && body.is_empty(), "{head}");
}

#[tokio::test]
async fn a_page_as_json_is_not_sent_again_until_it_has_changed_nor_to_whom_may_not_read_it() {
    let demo = DemoServer::builder().await.page("notes", &notes("\"signed-in\"")).page("moving", &page("Moving")).open().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    let first = alice.fetches("/api/v1/pages/notes").await;
    let tag = first.header("ETag").unwrap().to_owned();
    let again = alice.send(alice.request(Method::GET, "/api/v1/pages/notes").header(IF_NONE_MATCH, &tag)).await;
    assert_eq!((again.status, again.headers[ETAG].to_str().unwrap(), &*again.body), (StatusCode::NOT_MODIFIED, &*tag, ""));
    let (head, plain) = asks(&alice, &demo, "GET", "/api/v1/pages/notes", "").await;
    assert!(!head.contains(&tag), "the tag of a compressed body is another: {head}");
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&plain).unwrap(), first.json());
    // A page that moves has another tag after each batch.
    let moving = alice.fetches("/api/v1/pages/moving").await;
    let tag_of_moving = moving.header("ETag").unwrap().to_owned();
    alice.opens_until("/api/v1/pages/moving", |answer| answer.header("ETag") != Some(&*tag_of_moving)).await;
    let mut stranger = demo.house.visitor();
    for tag in [&*tag, "*"] {
        let request =
            stranger.request(Method::GET, "/api/v1/pages/notes").header(ACCEPT, "application/json").header(IF_NONE_MATCH, tag);
        assert_eq!(stranger.send(request).await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn of_the_sign_in_form_too_browsers_share_all_but_their_tokens_and_where_they_go() {
    let demo = DemoServer::builder().await.page("notes", &notes("\"signed-in\"")).open().await;
    let mut shared = Vec::new();
    for next in ["/p/notes", "/account"] {
        let written = next.replace('/', "&#x2F;");
        for headers in ["", "Accept-Encoding: gzip\r\n"] {
            let mut browser = demo.house.visitor();
            let whole = browser.opens(&format!("/login?next={next}")).await;
            let token = whole.field("/login", "csrf").expect("a token for this browser");
            let (head, body) = asks(&browser, &demo, "GET", &format!("/login?next={next}"), headers).await;
            let text = if headers.is_empty() { String::from_utf8(body.clone()).unwrap() } else { unpacked(&body) };
            assert!(text.contains(&format!("value=\"{token}\"")) && text.contains(&format!("value=\"{written}\"")), "{head}");
            let stands = body.windows(token.len()).filter(|window| *window == token.as_bytes()).count();
            assert_eq!(stands, text.matches(&token).count(), "no token is compressed together with anything");
            assert_eq!(text, whole.body, "the same form each time");
            shared.push((next, text.replace(&token, "").replace(&written, "")));
        }
    }
    assert_eq!(shared[0], shared[1]);
    assert_eq!(shared[2], shared[3]);
    assert_ne!(shared[0].1, shared[2].1, "one says which page they came for");
}

#[tokio::test]
async fn a_page_whose_template_an_overlay_replaces_is_still_each_visitors_own() {
    let overlay = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(overlay.path().join("templates/pages")).unwrap();
    let whole = "<p>{{ page.title }}</p>{{ layout.csrf }}{% if layout.visitor %}{{ layout.visitor.name }}{% endif %}";
    std::fs::write(overlay.path().join("templates/pages/show.html.tera"), whole).unwrap();
    let demo = DemoServer::builder().await.set("overlay", overlay.path().to_str().unwrap());
    let demo = demo.page("notes", &notes("\"public\"")).open().await;
    let mut visitor = demo.house.visitor();
    visitor.signs_in("alice", demo.password("alice")).await;
    let home = visitor.opens("/").await;
    let (name, token) = (home.signed_in_name().unwrap(), home.field("/logout", "csrf").unwrap());
    for _ in 0..2 {
        let (head, body) = asks(&visitor, &demo, "GET", "/p/notes", "Accept-Encoding: gzip\r\n").await;
        assert!(!head.contains("content-encoding"), "{head}");
        assert_eq!(String::from_utf8(body).unwrap(), format!("<p>Notes</p>{token}{name}"));
    }
    let (_, body) = asks(&demo.house.visitor(), &demo, "GET", "/p/notes", "").await;
    assert_eq!(String::from_utf8(body).unwrap(), "<p>Notes</p>");
}
