//! How many connections strangers may hold, and how long they may say nothing, with real sockets.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use belvedere::domain::{Clock, SystemClock};
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::harness::demo_server::{DemoServer, DemoServerBuilder, page};

/// How long a test waits for what must come. It never decides a test that passes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection of somebody who does not speak as a browser does.
struct RawClient(TcpStream);

/// Connects from an address of the stranger's own: loopback has sixteen million.
async fn connects(house: SocketAddr, stranger: u32) -> RawClient {
    let socket = TcpSocket::new_v4().unwrap();
    let [_, a, b, c] = stranger.to_be_bytes();
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, a, b, c), 0))).unwrap();
    let connected = tokio::time::timeout(PATIENCE, socket.connect(house)).await.expect("the house accepts in time");
    RawClient(connected.unwrap())
}

impl RawClient {
    async fn says(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Everything that the server sends until it closes the connection, which it must.
    async fn is_hung_up_on(&mut self) -> String {
        let mut said = Vec::new();
        // A reset is the end too.
        let end = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut said)).await.expect("the house hangs up");
        drop(end);
        String::from_utf8_lossy(&said).into_owned()
    }

    /// The first bytes of an answer.
    async fn hears(&mut self) -> String {
        let mut said = vec![0; 4096];
        let length = tokio::time::timeout(PATIENCE, self.0.read(&mut said)).await.expect("an answer comes").unwrap();
        String::from_utf8_lossy(&said[..length]).into_owned()
    }

    /// Sends `text` a byte at a time until the server closes the connection, and returns how long that took.
    async fn trickles(self, text: &'static str) -> Duration {
        let began = Instant::now();
        let (mut ears, mut mouth) = self.0.into_split();
        let mut said = Vec::new();
        let trickle = async {
            for byte in text.bytes().cycle() {
                if mouth.write_all(&[byte]).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            _ = ears.read_to_end(&mut said) => {}
            () = trickle => {}
            () = tokio::time::sleep(PATIENCE) => panic!("the house listens for ever"),
        }
        began.elapsed()
    }
}

/// A server that is as impatient as it can be set, with a page for all and one for members.
async fn impatient() -> DemoServerBuilder {
    let builder = DemoServer::builder().await;
    let builder = builder.page("open", &format!("access = \"public\"\n{}", page("Open"))).page("own", &page("Own"));
    builder.set("connections.head_timeout", "1s").set("connections.idle_timeout", "1s").set("connections.body_timeout", "1s")
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_nothing_half_a_word_or_a_letter_now_and_then_is_hung_up_on() {
    let demo = impatient().await.open().await;
    let house = demo.house.address;
    let mut silent = connects(house, 2).await;
    let mut half = connects(house, 3).await;
    half.says("GET /p/open HTTP/1.1\r\nHost: localhost\r\n").await;
    let slow = connects(house, 4).await.trickles("GET / HTTP/1.1\r\nHost: localhost\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaa");
    let (silent, half, _) = tokio::join!(silent.is_hung_up_on(), half.is_hung_up_on(), slow);
    assert!(!silent.contains("200 OK") && !half.contains("200 OK"), "{silent}{half}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_question_may_not_trickle_either() {
    let demo = impatient().await.open().await;
    let mut line = connects(demo.house.address, 2).await;
    line.says("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(line.hears().await.starts_with("HTTP/1.1 200"));
    line.trickles("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: aaaaaaaaaaaaaaaaaaaa").await;
}

/// On a connection of HTTP/2 strangers could have as many requests under way as they like, which Rocket does not bound.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_talks_http_2_to_the_house() {
    let demo = impatient().await.open().await;
    let mut line = connects(demo.house.address, 1).await;
    // The connection preface, with empty settings (RFC 9113, 3.4).
    line.says("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0").await;
    let said = line.is_hung_up_on().await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_trickles_is_not_waited_for() {
    let demo = impatient().await.open().await;
    let mut line = connects(demo.house.address, 2).await;
    line.says(
        "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: 500\r\n\r\nusername=alice&password=",
    )
    .await;
    let answer = line.is_hung_up_on().await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn boards_stay_while_the_silent_go() {
    let demo = impatient().await.open().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    let mut board = alice.watches("/live/own").await.unwrap();
    let mut events = connects(demo.house.address, 2).await;
    events.says("GET /events/open HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n").await;
    assert!(events.hears().await.starts_with("HTTP/1.1 200"));
    // Two of them, one after the other: longer than any connection may say nothing.
    for stranger in [3, 4] {
        connects(demo.house.address, stranger).await.is_hung_up_on().await;
    }
    board.hears_of("uptime").await;
    assert!(!events.hears().await.is_empty(), "events still come");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_takes_no_more_than_its_share() {
    let demo = impatient().await.set("connections.head_timeout", "1h").set("connections.per_address", 8).open().await;
    let house = demo.house.address;
    let mut crowd = Vec::new();
    for _ in 0..20 {
        crowd.push(connects(house, 2).await);
    }
    let mut other = connects(house, 3).await;
    let mut hung_up = futures::stream::FuturesUnordered::new();
    for mut line in crowd {
        hung_up.push(async move { line.is_hung_up_on().await });
    }
    for _ in 0..12 {
        tokio::time::timeout(PATIENCE, futures::StreamExt::next(&mut hung_up)).await.expect("the surplus goes");
    }
    other.says("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(other.hears().await.starts_with("HTTP/1.1 200"), "another address is not meant");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_idle_connections_keep_no_member_out() {
    let builder = impatient().await.set("connections.head_timeout", "1h").set("connections.idle_timeout", "1h");
    let demo = builder.set("connections.most", 500).open().await;
    let house = demo.house.address;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    let mut board = alice.watches("/live/own").await.unwrap();

    let mut flood: Vec<RawClient> = Vec::new();
    for stranger in 0..2_000_u32 {
        flood.push(connects(house, 2 + stranger).await);
        if stranger % 400 == 0 {
            assert_eq!(alice.opens("/p/own").await.status, StatusCode::OK);
        }
    }
    // As many as are too many are hung up on, wherever they are in the order.
    let mut hung_up = futures::stream::FuturesUnordered::new();
    for mut line in flood {
        hung_up.push(async move { line.is_hung_up_on().await });
    }
    for _ in 0..1_500 {
        tokio::time::timeout(PATIENCE, futures::StreamExt::next(&mut hung_up)).await.expect("the surplus goes");
    }
    board.hears_of("uptime").await;
    let mut bob = demo.house.visitor();
    bob.signs_in("bob", demo.password("bob")).await;
    assert_eq!(bob.opens("/p/own").await.status, StatusCode::OK, "somebody who comes now gets in");
}

#[tokio::test]
async fn behind_a_proxy_of_ours_visitors_are_where_it_says_and_behind_a_strangers_where_that_is() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    for (proxies, expected) in [("127.0.0.0/8", "203.0.113.9"), ("10.0.0.0/8", "127.0.0.1")] {
        let builder = DemoServer::builder_with_clock(Arc::clone(&clock)).await.set("site.trusted_proxies", vec![proxies]);
        let demo = builder.open().await;
        let mut alice = demo.house.visitor().behind_a_proxy_at("198.51.100.1, 203.0.113.9");
        alice.signs_in("alice", demo.password("alice")).await;
        let account = alice.opens("/account").await;
        assert!(account.body.contains(&format!(">{expected}</td>")), "{proxies}: {}", account.body);
    }
}
