//! Several servers on one database: what is begun, changed or ended on one is so on all, and one of them does what is done once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use belvedere::domain::{Clock as _, ManualClock, SystemClock};
use belvedere::server::Server;
use belvedere::sources::FilterWorkers;
use reqwest::StatusCode;

use crate::factors::{gives_the_password, shows, with_an_app};
use crate::harness::demo_server::{DemoServer, page};
use crate::harness::postgres;
use crate::harness::test_server::{TestServer, TestServerBuilder};

/// The secret key of all nodes: 64 bytes, in base64.
const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBw==";

/// The longest that a revocation may take on a busy machine. Without news it would take a minute.
const SOON: Duration = Duration::from_secs(10);

/// Two servers on one database, with the same people.
struct TwoNodes {
    demo: DemoServer,
    other: TestServer,
    url: String,
}

impl TwoNodes {
    /// `None`, said loudly, where there is no PostgreSQL.
    async fn open() -> Option<Self> {
        let server = postgres::server()?;
        let url = server.url(&server.create_database());
        let demo = DemoServer::builder().await.set("store.url", &*url).set("secret_key", KEY);
        let demo = demo.set("admins.users", vec!["grace"]).page("board", &page("Board")).open().await;
        let other = Self::beside(&demo, &url).set("secret_key", KEY).page("board", &page("Another board")).open().await;
        Some(Self { demo, other, url })
    }

    fn beside(demo: &DemoServer, url: &str) -> TestServerBuilder {
        TestServerBuilder::with_directory(&demo.directory.url()).set("store.url", url).set("admins.users", vec!["grace"])
    }
}

#[tokio::test]
async fn a_session_that_ends_on_one_node_is_over_on_all_and_so_are_its_boards() {
    let Some(TwoNodes { demo, other, .. }) = TwoNodes::open().await else { return };
    let (mut desk, mut phone) = (demo.house.visitor(), demo.house.visitor());
    desk.signs_in("alice", demo.password("alice")).await;
    phone.signs_in("alice", demo.password("alice")).await;
    phone.moves_to(other.address);
    let mut boards = Vec::new();
    for _ in 0..20 {
        let mut board = phone.watches("/live/board").await.unwrap();
        board.hears_of("uptime").await;
        boards.push(board);
    }
    let csrf = desk.opens("/account").await.field("/account/sessions/end-others", "csrf").unwrap();
    desk.posts("/account/sessions/end-others", &[("csrf", &csrf)]).await;
    let ended = Instant::now();
    for board in &mut boards {
        assert_eq!(board.is_closed().await.code, Some(4401));
    }
    assert!(ended.elapsed() < SOON, "{:?}", ended.elapsed());
    assert_eq!(phone.opens("/p/board").await.status, StatusCode::SEE_OTHER);
    desk.moves_to(other.address);
    assert_eq!(desk.opens("/p/board").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_admin_page_lists_the_nodes_what_differs_and_who_does_what() {
    let Some(TwoNodes { demo, other, url: _ }) = TwoNodes::open().await else { return };
    let mut grace = demo.house.visitor();
    grace.signs_in("grace", demo.password("grace")).await;
    let listed = |body: &str| body.contains(">other pages<") && !body.contains(">nobody<");
    let nodes = grace.opens_until("/admin/nodes", |nodes| listed(&nodes.body)).await;
    assert_eq!(nodes.body.matches("this one").count(), 1);
    assert_eq!(nodes.body.matches("Asking directories").count(), 1);
    other.shut_down().await;
    let alone = grace.opens("/admin/nodes").await;
    assert!(!alone.body.contains(">other pages<") && !alone.body.contains(">gone<"), "it has left in good order");
    let embedded = DemoServer::builder().await.set("admins.users", vec!["grace"]).open().await;
    let mut grace = embedded.house.visitor();
    grace.signs_in("grace", embedded.password("grace")).await;
    assert!(grace.opens("/admin/nodes").await.body.contains("This server is alone"));
}

#[tokio::test]
async fn a_node_with_another_key_does_not_start_and_says_why() {
    let Some(TwoNodes { demo, url, .. }) = TwoNodes::open().await else { return };
    let other = TwoNodes::beside(&demo, &url);
    let filters = FilterWorkers::of_program(env!("CARGO_BIN_EXE_belvedere").into());
    let clock = std::sync::Arc::new(belvedere::domain::SystemClock);
    let refused = Server::build(other.figment(), clock, filters).await.err().unwrap().to_string();
    assert!(refused.contains("another secret key") && refused.contains("`secret_key`"), "{refused}");
}

#[tokio::test]
async fn a_code_that_is_sent_to_two_nodes_at_once_signs_in_once() {
    let Some(server) = postgres::server() else { return };
    let url = server.url(&server.create_database());
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let demo = DemoServer::builder_with_clock(clock.clone()).await.set("store.url", &*url).set("secret_key", KEY);
    let demo = demo.page("board", &page("Board")).open().await;
    let other = TwoNodes::beside(&demo, &url).set("secret_key", KEY).clock(clock.clone()).open().await;
    let (_, phone, _) = with_an_app(&demo, &clock, "alice").await;
    let mut visitors = [demo.house.visitor(), other.visitor(), demo.house.visitor(), other.visitor()];
    for visitor in &mut visitors {
        gives_the_password(visitor, &demo, "alice", "/p/board").await;
    }
    let code = phone.shows_next();
    let sent = visitors.iter_mut().map(|visitor| shows(visitor, "/login/factor?next=/p/board", "code", &code));
    let answers = futures::future::join_all(sent).await;
    let signed_in = answers.iter().filter(|answer| answer.set_cookie("belvedere").is_some()).count();
    assert_eq!(signed_in, 1, "{:?}", answers.iter().map(|answer| &answer.body).collect::<Vec<_>>());
}
