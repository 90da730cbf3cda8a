//! A small HTTP server on loopback that answers JSON, or fails as it is told.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::demo_server::DemoServer;

/// The current answer.
#[derive(Clone)]
enum HttpBehaviour {
    Answers(Value),
    /// Answers how many requests there were, this one too: `{"count": 3}`.
    Counts,
    FailsWith(u16),
}

pub(crate) struct JsonServer {
    address: SocketAddr,
    behaviour: Arc<Mutex<HttpBehaviour>>,
    requests: Arc<AtomicUsize>,
    served: JoinHandle<()>,
}

/// A public page on a source of its own, whose one panel `share` shows 98.1 for as long as the server is well.
pub(crate) async fn server_with_stock_source() -> (JsonServer, DemoServer) {
    let stock = JsonServer::start(json!({ "stock": { "share": 98.1 } })).await;
    let page = "title = \"Stock\"\naccess = \"public\"\n[[panel]]\nid = \"share\"\ntitle = \"Share\"\nkind = \"stat\"\n\
                source = \"stock\"\nquery = \".stock.share\"\nunit = \"percent\"\nevery = \"100ms\"\n";
    let builder = DemoServer::builder().await.set("sources.stock.kind", "http").set("sources.stock.url", stock.url("/stock"));
    let demo = builder.page("stock", page).open().await;
    (stock, demo)
}

impl JsonServer {
    /// A server that answers `value` to everything.
    pub(crate) async fn start(value: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let behaviour = Arc::new(Mutex::new(HttpBehaviour::Answers(value)));
        let requests = Arc::new(AtomicUsize::new(0));
        let served = tokio::spawn({
            let (behaviour, requests) = (Arc::clone(&behaviour), Arc::clone(&requests));
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(answer(stream, Arc::clone(&behaviour), Arc::clone(&requests)));
                }
            }
        });
        Self { address, behaviour, requests, served }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on it answers `value`.
    pub(crate) fn answers(&self, value: Value) {
        *self.behaviour.lock().unwrap() = HttpBehaviour::Answers(value);
    }

    /// A server that answers how many requests there were.
    pub(crate) async fn counting() -> Self {
        let server = Self::start(Value::Null).await;
        *server.behaviour.lock().unwrap() = HttpBehaviour::Counts;
        server
    }

    /// How many requests there were.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// From now on it fails with that status.
    pub(crate) fn fails_with(&self, status: u16) {
        *self.behaviour.lock().unwrap() = HttpBehaviour::FailsWith(status);
    }
}

impl Drop for JsonServer {
    fn drop(&mut self) {
        self.served.abort();
    }
}

async fn answer(mut stream: TcpStream, behaviour: Arc<Mutex<HttpBehaviour>>, requests: Arc<AtomicUsize>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let count = requests.fetch_add(1, Ordering::SeqCst) + 1;
    let (status, body) = match behaviour.lock().unwrap().clone() {
        HttpBehaviour::Answers(value) => (200, value.to_string()),
        HttpBehaviour::Counts => (200, json!({ "count": count }).to_string()),
        HttpBehaviour::FailsWith(status) => (status, "no".to_owned()),
    };
    let answer = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    // A client that hung up has made up its mind.
    let _ = stream.write_all(answer.as_bytes()).await;
}
