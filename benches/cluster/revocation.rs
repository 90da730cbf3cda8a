//! Somebody's sessions are ended: how soon all their boards are closed, on every node.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use belvedere::demo_directory::DemoDirectory;
use belvedere::domain::{Clock as _, EndReason, SystemClock};
use futures::StreamExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::NODES;
use crate::bus_server::BusServer;
use crate::common::people;
use crate::common::report::{median_and_p99, verdict};
use crate::crowd::{Crowd, viewer_specs};
use crate::node::{Cluster, Engines, PEOPLE};
use crate::pages;
use crate::server::Server;
use crate::shared_sessions::SharedSessions;

/// The sessions, each with a board.
const SESSIONS: usize = 10_000;

/// The people who are sent away, one after the other.
const REVOCATIONS: usize = 100;

/// A client keeps no large buffer: there are a thousand of them in this process.
const BUFFER_BYTES: usize = 2 << 10;

/// The aim for 99 % of the boards.
const MAX_TIME: Duration = Duration::from_secs(1);

/// How long a board may take, so that the measurement ends.
const PATIENCE: Duration = Duration::from_secs(30);

type Board = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(crate) async fn measure(directory: &DemoDirectory, store: &str) {
    let bus = BusServer::start();
    let engines = Engines { bus: Some(bus.url()), store: Some(store.to_owned()) };
    let page_files = [("board".to_owned(), pages::one_stat("1s"))];
    let cluster = Cluster::new(directory, engines, NODES, page_files, 0).await;
    let nodes: Vec<_> = (0..NODES).map(|node| cluster.open(node)).collect();
    let shared = SharedSessions::open(store).await;
    // The sessions of whoever is sent away are those of the first people, and their boards are here. All others are a crowd's.
    let mut boards = Vec::new();
    for person in 0..REVOCATIONS {
        boards.push(boards_of(&shared, person, &nodes).await);
    }
    let others = people::begin(&shared.sessions, SESSIONS - REVOCATIONS * each(), PEOPLE - REVOCATIONS).await;
    let specs = viewer_specs("board", &others);
    let share = specs.len().div_ceil(NODES);
    let crowds: Vec<_> = specs
        .chunks(share)
        .zip(&nodes)
        .zip(0_u8..)
        .map(|((specs, node), number)| Crowd::connect_with_others(node, specs, number * 10, &[]))
        .collect();

    let (mut times, mut slowest) = (Vec::new(), Vec::new());
    for (person, boards) in boards.into_iter().enumerate() {
        let closed = revoke(&shared, person, boards).await;
        slowest.extend(closed.iter().max().copied());
        times.extend(closed);
    }
    let (median, slow) = median_and_p99(&mut times);
    let (median_of_all, slow_of_all) = median_and_p99(&mut slowest);
    println!(
        "\n| {REVOCATIONS} people with {} boards each on {NODES} nodes are sent away, of {SESSIONS} sessions | median | 99 % |",
        each()
    );
    println!("|---|---:|---:|");
    println!("| a board is closed after | {median:.1?} | {slow:.1?} |");
    println!("| all of a person's are | {median_of_all:.1?} | {slow_of_all:.1?} |");
    println!("- aim {MAX_TIME:?} for 99 %: {}", verdict(slow_of_all <= MAX_TIME));
    crowds.into_iter().for_each(Crowd::disconnect);
    nodes.into_iter().for_each(Server::close);
}

/// The number of sessions of each person.
const fn each() -> usize {
    SESSIONS / PEOPLE
}

/// Begins the sessions of a person whom no other session has, with a board of each, on the nodes in turn.
async fn boards_of(shared: &SharedSessions, person: usize, nodes: &[Server]) -> Vec<Board> {
    let tokens = people::begin_of(&shared.sessions, each(), stranger(person)).await;
    let mut boards = Vec::new();
    for (token, node) in tokens.iter().zip(nodes.iter().cycle()) {
        boards.push(open(node.address, token).await);
    }
    boards
}

/// The number of a person who is not in the crowd.
fn stranger(person: usize) -> usize {
    PEOPLE + person
}

async fn open(server: SocketAddr, token: &str) -> Board {
    let mut request = format!("ws://{server}/live/board").into_client_request().unwrap();
    request.headers_mut().insert("Origin", format!("http://{server}").parse().unwrap());
    request.headers_mut().insert("Cookie", format!("belvedere={token}").parse().unwrap());
    let buffers = WebSocketConfig::default().read_buffer_size(BUFFER_BYTES).write_buffer_size(BUFFER_BYTES);
    let (mut board, _) = tokio_tungstenite::connect_async_with_config(request, Some(buffers), true).await.unwrap();
    board.next().await.expect("it says hello").unwrap();
    board
}

/// Ends all sessions of a person, and returns after what time each board was closed.
async fn revoke(shared: &SharedSessions, person: usize, boards: Vec<Board>) -> Vec<Duration> {
    let mut closing = JoinSet::new();
    let began = Instant::now();
    for mut board in boards {
        closing.spawn(async move {
            while let Some(Ok(message)) = board.next().await {
                if message.is_close() {
                    break;
                }
            }
            began.elapsed()
        });
    }
    let person = people::person(stranger(person)).id;
    let ended = shared.sessions.end_all_of(&person, SystemClock.now(), EndReason::Revoked).await.unwrap();
    assert_eq!(ended.len(), each());
    tokio::time::timeout(PATIENCE, closing.join_all()).await.expect("all boards are closed")
}
