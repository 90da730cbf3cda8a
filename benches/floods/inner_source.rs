//! A source behind the program, which counts what it is asked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct InnerSource {
    pub(crate) address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl InnerSource {
    /// Starts a source that answers a small object to `/stock`, and one with a long text to everything else.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
        let counter = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&counter)));
            }
        });
        Self { address, asked }
    }

    /// How often it was asked for its stock.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// Answers until the connection is closed.
async fn answer(stream: TcpStream, asked: Arc<AtomicUsize>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let text = format!("{{\"text\": \"{}\"}}", "a b".repeat(340_000));
    loop {
        let mut path = String::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            match line.trim_end() {
                "" => break,
                line if path.is_empty() => line.split(' ').nth(1)?.clone_into(&mut path),
                _ => (),
            }
        }
        let is_stock = path.starts_with("/stock");
        asked.fetch_add(usize::from(is_stock), Ordering::Relaxed);
        let body = if is_stock { "{\"stock\": 7}" } else { &text };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.ok()?;
        stream.write_all(body.as_bytes()).await.ok()?;
    }
}
