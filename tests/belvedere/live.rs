//! The live channel, over real sockets: who may connect, what is resumed, and what ends it.

use std::time::Duration;

use futures::StreamExt;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::board::Board;
use crate::harness::demo_server::{DemoServer, page};
use crate::harness::json_server::server_with_stock_source;

const CITIES: &str = r#"
title = "Cities"
access = "public"

[[input]]
name = "city"
kind = "dropdown"
options = [
  { value = "LA", label = "Los Angeles", zone = "America/Los_Angeles" },
  { value = "NYC", label = "New York", zone = "America/New_York" },
]

[[panel]]
id = "chosen"
kind = "text"
text = "You have selected **{city}**"

[[panel]]
id = "offset"
title = "Offset"
kind = "stat"
source = "clock"
query = "offset {city.zone}"
every = "1s"

[[panel]]
id = "time"
title = "Time"
kind = "stat"
source = "clock"
query = "time {city.zone}"
every = "100ms"
"#;

async fn house() -> DemoServer {
    DemoServer::builder()
        .await
        .page("open", &format!("access = \"public\"\n{}", page("Open")))
        .page("members", &page("Members"))
        .page("ops", &format!("access = {{ groups = [\"dash-ops\"] }}\n{}", page("Ops")))
        .page("cities", CITIES)
        .open()
        .await
}

#[tokio::test]
async fn another_sites_page_gets_no_channel_and_a_cookie_counts_only_with_an_origin() {
    let demo = house().await;
    let stranger = demo.house.visitor();
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    let ours = demo.house.url("");
    let forbidden = Some(StatusCode::FORBIDDEN);

    for foreign in ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1"] {
        assert_eq!(alice.watches_from(Some(foreign), "/live/members").await.err(), forbidden, "{foreign}");
        assert_eq!(stranger.watches_from(Some(foreign), "/live/open").await.err(), forbidden, "{foreign}");
    }
    assert_eq!(alice.watches_from(None, "/live/members").await.err(), forbidden, "a cookie without an origin");
    assert_eq!(alice.watches_from(Some(&ours), "/live/members").await.err(), None);
    assert_eq!(stranger.watches_from(None, "/live/open").await.err(), None, "a script, on a public page");
    assert_eq!(stranger.watches_from(None, "/live/members").await.err(), Some(StatusCode::UNAUTHORIZED));
    assert_eq!(stranger.watches_from(None, "/live/nowhere").await.err(), Some(StatusCode::NOT_FOUND));
}

#[tokio::test]
async fn a_dead_session_opens_no_channel() {
    let demo = house().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    let dead = alice.clone();
    alice.signs_out().await;
    let mut board = dead.watches("/live/members").await.unwrap();
    let close = board.is_closed().await;
    assert_eq!((close.bye.unwrap()["reason"].as_str(), close.code), (Some("sign-in"), Some(4401)));
}

#[tokio::test]
async fn the_first_paint_and_the_socket_lose_no_seq() {
    let demo = house().await;
    let mut visitor = demo.house.visitor();
    let painted = live_data(&visitor.opens("/p/cities").await.body);
    let (epoch, seq) = (painted["epoch"].as_str().unwrap(), painted["seq"].as_u64().unwrap());

    // The channel goes on while the browser is still reading the page.
    let mut witness = visitor.watches("/live/cities").await.unwrap();
    while witness.hears_a("batch").await["seq"].as_u64().unwrap() < seq + 5 {}

    let mut board = visitor.watches(&format!("/live/cities?epoch={epoch}&seq={seq}")).await.unwrap();
    let hello = board.hears().await;
    assert_eq!((hello["type"].as_str(), hello["epoch"].as_str()), (Some("hello"), Some(epoch)));
    for expected in seq + 1..seq + 10 {
        let batch = board.hears().await;
        assert_eq!((batch["type"].as_str(), batch["seq"].as_u64()), (Some("batch"), Some(expected)), "{batch}");
        assert!(batch["sent"].as_i64().unwrap() > 1_700_000_000_000);
    }
}

#[tokio::test]
async fn a_resume_outside_the_ring_or_from_another_run_begins_with_a_snapshot() {
    let demo = DemoServer::builder().await.set("live.ring", 3).page("cities", CITIES).open().await;
    let visitor = demo.house.visitor();
    let mut board = visitor.watches("/live/cities").await.unwrap();
    let epoch = board.hears().await["epoch"].as_str().unwrap().to_owned();
    let first = board.hears_a("batch").await["seq"].as_u64().unwrap();
    while board.hears_a("batch").await["seq"].as_u64().unwrap() < first + 6 {}

    for (epoch, seq) in [(epoch.as_str(), first), ("0123456789abcdef", first + 6), (epoch.as_str(), first + 9_999)] {
        let mut late = visitor.watches(&format!("/live/cities?epoch={epoch}&seq={seq}")).await.unwrap();
        assert_eq!(late.hears().await["type"], "hello");
        let snapshot = late.hears().await;
        assert_eq!(snapshot["type"], "snapshot", "from {epoch}:{seq}");
        assert!(snapshot["panels"]["time"]["view"]["figure"]["text"].is_string());
        let next = late.hears_a("batch").await;
        assert_eq!(next["seq"].as_u64().unwrap(), snapshot["seq"].as_u64().unwrap() + 1);
    }
}

#[tokio::test]
async fn signing_out_closes_that_sessions_boards_within_a_second_and_no_others() {
    let demo = house().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    let mut elsewhere = demo.house.visitor();
    elsewhere.signs_in("alice", demo.password("alice")).await;
    let mut boards = Vec::new();
    for path in ["/live/ops", "/live/members", "/live/open"] {
        let mut board = alice.watches(path).await.unwrap();
        board.hears_a("snapshot").await;
        boards.push(board);
    }
    let mut other = elsewhere.watches("/live/ops").await.unwrap();

    alice.signs_out().await;
    let all_closed = async {
        for board in &mut boards {
            let close = board.is_closed().await;
            assert_eq!((close.bye.unwrap()["reason"].as_str(), close.code), (Some("signed-out"), Some(4401)));
        }
    };
    tokio::time::timeout(Duration::from_secs(1), all_closed).await.expect("within a second");
    other.hears_a("batch").await;
}

#[tokio::test]
async fn inputs_move_to_another_channel_without_a_reconnect() {
    let demo = house().await;
    let mut board = demo.house.visitor().watches("/live/cities?city=LA").await.unwrap();
    let snapshot = board.hears_a("snapshot").await;
    assert!(snapshot["panels"]["chosen"]["view"]["html"].as_str().unwrap().contains("<strong>LA</strong>"));
    board.chooses(json!({ "city": "NYC" })).await;
    let snapshot = board.hears_a("snapshot").await;
    assert!(snapshot["panels"]["chosen"]["view"]["html"].as_str().unwrap().contains("<strong>NYC</strong>"));
    let offset = loop {
        let message = board.hears().await;
        if let Some(text) = message["panels"]["offset"]["view"]["figure"]["text"].as_str() {
            break text.to_owned();
        }
    };
    assert!(offset == "UTC−05:00" || offset == "UTC−04:00", "New York's, not {offset}");
}

#[tokio::test]
async fn what_is_no_message_of_ours_ends_the_connection() {
    let demo = house().await;
    let abuse: [(&str, &str); 4] = [
        ("not json", "protocol"),
        (r#"{"type":"batch"}"#, "protocol"),
        (r#"{"type":"inputs","values":{"city":"Paris"}}"#, "bad-inputs"),
        (r#"{"type":"inputs","values":{"city":"LA' OR 1=1"}}"#, "bad-inputs"),
    ];
    for (text, reason) in abuse {
        let mut board = demo.house.visitor().watches("/live/cities").await.unwrap();
        board.says(text).await;
        let close = board.is_closed().await;
        assert_eq!((close.bye.unwrap()["reason"].as_str(), close.code), (Some(reason), Some(1008)), "{text}");
    }
    let mut board = demo.house.visitor().watches("/live/cities").await.unwrap();
    board.says(&"x".repeat(20_000)).await;
    assert_eq!(board.is_closed().await.code, Some(1008), "an oversize message is not taken in");
    let mut board = demo.house.visitor().watches("/live/cities").await.unwrap();
    board.says(r#"{"type":"pong"}"#).await;
    board.hears_a("batch").await;
}

#[tokio::test]
async fn a_changed_page_sends_its_viewers_to_the_new_one_and_a_closed_one_sends_them_away() {
    let demo = house().await;
    let visitor = demo.house.visitor();
    let mut board = visitor.watches("/live/open").await.unwrap();
    demo.house.write_page("open", &format!("access = \"public\"\n{}", page("Opened anew")));
    let close = board.is_closed().await;
    let bye = close.bye.unwrap();
    assert_eq!((bye["reason"].as_str(), close.code), (Some("changed"), Some(1001)));
    assert!(bye["retry_ms"].is_u64());

    let mut board = visitor.watches("/live/open").await.unwrap();
    demo.house.write_page("open", &page("Closed"));
    let close = board.is_closed().await;
    assert_eq!((close.bye.unwrap()["reason"].as_str(), close.code), (Some("sign-in"), Some(4401)));

    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    let mut board = alice.watches("/live/open").await.unwrap();
    demo.house.write_page("open", &format!("access = {{ groups = [\"dash-finance\"] }}\n{}", page("Finance")));
    let close = board.is_closed().await;
    assert_eq!((close.bye.unwrap()["reason"].as_str(), close.code), (Some("not-allowed"), Some(4403)));

    let mut board = alice.watches("/live/ops").await.unwrap();
    demo.house.remove_page("ops");
    let close = board.is_closed().await;
    assert_eq!((close.bye.unwrap()["reason"].as_str(), close.code), (Some("gone"), Some(1001)));
}

/// The times of the first chart that the board shows.
async fn times_of_the_chart(board: &mut Board) -> Vec<i64> {
    loop {
        let frame = board.hears_of("load").await;
        if let Some(times) = frame["view"]["times"].as_array() {
            return times.iter().map(|time| time.as_i64().unwrap()).collect();
        }
    }
}

#[tokio::test]
async fn a_chart_keeps_its_past_when_its_page_is_saved_and_shows_it_on_another_page() {
    let demo = house().await;
    let visitor = demo.house.visitor();
    let chart = |title: &str| {
        let panel = "[[panel]]\nid = \"load\"\ntitle = \"Load\"\nkind = \"line\"\nsource = \"host\"\nquery = \"load.1\"\nevery = \"1s\"";
        format!("title = \"{title}\"\naccess = \"public\"\n{panel}\n")
    };
    let mut before = visitor.watches("/live/open").await.unwrap();
    demo.house.write_page("open", &chart("A chart"));
    before.is_closed().await;
    let mut board = visitor.watches("/live/open").await.unwrap();
    let first = times_of_the_chart(&mut board).await[0];
    board.hears_of("load").await;

    demo.house.write_page("open", &chart("Another title"));
    board.is_closed().await;
    let mut board = visitor.watches("/live/open").await.unwrap();
    let times = times_of_the_chart(&mut board).await;
    assert!(times[0] == first && times.len() > 1, "{times:?} begins at {first}");

    let mut other = visitor.watches("/live/cities").await.unwrap();
    demo.house.write_page("cities", &chart("A second page"));
    other.is_closed().await;
    let times = times_of_the_chart(&mut visitor.watches("/live/cities").await.unwrap()).await;
    assert!(times[0] == first && times.len() > 1, "{times:?} begins at {first}");
}

#[tokio::test]
async fn the_page_and_its_channel_tell_the_same_revision_until_the_file_changes() {
    let demo = house().await;
    let mut visitor = demo.house.visitor();
    let painted = live_data(&visitor.opens("/p/open").await.body)["revision"].clone();
    let mut board = visitor.watches("/live/open").await.unwrap();
    let greeted = board.hears().await["revision"].clone();
    assert!(painted.is_string() && painted == greeted, "{painted} and {greeted}");
    demo.house.write_page("open", &format!("access = \"public\"\n{}", page("Opened anew")));
    board.is_closed().await;
    let anew = visitor.watches("/live/open").await.unwrap().hears().await["revision"].clone();
    assert_ne!(anew, painted);
}

#[tokio::test]
async fn who_floods_a_channel_with_choices_is_sent_away() {
    let demo = house().await;
    let mut board = demo.house.visitor().watches("/live/cities").await.unwrap();
    for city in ["LA", "NYC"].iter().cycle().take(40) {
        // The close may come before all are sent.
        if board.tries_to_say(&json!({ "type": "inputs", "values": { "city": city } }).to_string()).await.is_err() {
            break;
        }
    }
    let close = board.is_closed().await;
    assert_eq!((close.bye.unwrap()["reason"].as_str(), close.code), (Some("protocol"), Some(1008)));
}

#[tokio::test]
async fn one_viewer_too_many_is_told_when_to_ask_again() {
    let builder = DemoServer::builder().await.page("open", &format!("access = \"public\"\n{}", page("Open")));
    let demo = builder.page("members", &page("Members")).set("live.per_session", 1).set("live.most", 2).open().await;
    let (mut stranger, ours) = (demo.house.visitor(), demo.house.url(""));
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;

    let first = alice.watches("/live/members").await.unwrap();
    let mut second = alice.watches_from(Some(&ours), "/live/members").await.unwrap();
    let close = second.is_closed().await;
    let bye = close.bye.unwrap();
    assert_eq!((bye["reason"].as_str(), close.code), (Some("crowded"), Some(1013)));
    assert!(bye["retry_ms"].as_u64().unwrap() <= 60_000, "{bye}");

    let _other = stranger.watches("/live/open").await.unwrap();
    let refused = stranger.watches_from(None, "/live/open").await.err();
    assert_eq!(refused, Some(StatusCode::SERVICE_UNAVAILABLE), "a script is refused at the handshake");
    let events = stranger.fetches("/events/open").await;
    assert_eq!(events.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(events.header("Retry-After").is_some());

    drop(first);
    let mut freed = loop {
        let mut again = alice.watches("/live/members").await.unwrap();
        if again.hears().await["type"] == "hello" {
            break again;
        }
    };
    freed.hears_a("snapshot").await;
}

#[tokio::test]
async fn a_shutdown_tells_viewers_when_to_come_back() {
    let demo = house().await;
    let mut board = demo.house.visitor().watches("/live/open").await.unwrap();
    board.hears_a("snapshot").await;
    let DemoServer { house, directory, .. } = demo;
    let (close, ()) = tokio::join!(board.is_closed(), house.shut_down());
    let bye = close.bye.unwrap();
    assert_eq!((bye["reason"].as_str(), close.code), (Some("shutdown"), Some(1001)));
    assert!(bye["retry_ms"].as_u64().unwrap() <= 5_000);
    drop(directory);
}

#[tokio::test]
async fn events_carry_the_same_frames_and_resume_by_last_event_id() {
    let demo = house().await;
    let visitor = demo.house.visitor();
    let stream = |last: Option<String>| {
        let mut request = visitor.request(Method::GET, "/events/cities");
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        async move {
            let response = request.send().await.unwrap();
            assert_eq!(response.headers()["content-type"], "text/event-stream");
            assert_eq!(response.headers()["x-accel-buffering"], "no");
            response.bytes_stream()
        }
    };
    let heard = read_events(stream(None).await, 5).await;
    let kinds: Vec<_> = heard.iter().map(|(_, message)| message["type"].as_str().unwrap()).collect();
    assert_eq!(&kinds[..2], ["hello", "snapshot"]);
    assert!(kinds[2..].iter().all(|kind| *kind == "batch"), "{kinds:?}");

    let (id, snapshot) = &heard[1];
    let again = read_events(stream(id.clone()).await, 3).await;
    assert_eq!(again[1].1["type"], "batch");
    assert_eq!(again[1].1["seq"].as_u64().unwrap(), snapshot["seq"].as_u64().unwrap() + 1);
}

#[tokio::test]
async fn a_failing_http_source_keeps_the_last_value_and_says_why() {
    let (stock, demo) = server_with_stock_source().await;
    let mut visitor = demo.house.visitor();
    let mut board = visitor.watches("/live/stock").await.unwrap();
    while board.hears_of("share").await["view"]["figure"]["text"] != "98.1" {}

    stock.fails_with(503);
    let failing = loop {
        let heard = board.hears_of("share").await;
        if !heard["trouble"].is_null() {
            break heard;
        }
    };
    let reason = failing["trouble"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("stock gave an answer that cannot be used (reference "), "{reason}");
    assert!(!reason.contains("503") && !reason.contains("127.0.0.1"), "{reason}");
    assert!(failing["trouble"]["retry_at"].as_i64().unwrap() > failing["trouble"]["since"].as_i64().unwrap());

    let shown = visitor.fetches("/api/v1/pages/stock").await.json();
    assert_eq!(shown["panels"]["share"]["view"]["figure"]["text"], "98.1", "the last value stays: {shown}");
    assert!(visitor.opens("/p/stock").await.body.contains(reason), "the page says why");

    stock.answers(json!({ "stock": { "share": 97.4 } }));
    loop {
        let heard = board.hears_of("share").await;
        if heard["view"]["figure"]["text"] == "97.4" {
            assert!(heard["trouble"].is_null(), "{heard}");
            break;
        }
    }
}

/// The data block that the page's script begins with.
fn live_data(html: &str) -> Value {
    let block = html.split("id=\"live-data\">").nth(1).unwrap().split("</script>").next().unwrap();
    serde_json::from_str(block).unwrap()
}

/// The first `count` events of a stream: id and message.
async fn read_events(
    stream: impl futures::Stream<Item = reqwest::Result<impl AsRef<[u8]>>>,
    count: usize,
) -> Vec<(Option<String>, Value)> {
    let mut stream = Box::pin(stream);
    let mut text = String::new();
    loop {
        let events: Vec<_> = text.split("\n\n").filter(|event| event.contains("data:")).map(parse_event).collect();
        if text.ends_with("\n\n") && events.len() >= count {
            return events.into_iter().take(count).collect();
        }
        let chunk = tokio::time::timeout(Duration::from_secs(20), stream.next()).await.unwrap().unwrap().unwrap();
        text.push_str(std::str::from_utf8(chunk.as_ref()).unwrap());
    }
}

fn parse_event(event: &str) -> (Option<String>, Value) {
    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let data = field("data:").unwrap();
    (field("id:").map(ToOwned::to_owned), serde_json::from_str(data).unwrap_or(Value::Null))
}
