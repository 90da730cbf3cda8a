//! The floods, each by its name.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::common::http_client::HttpClient;
use crate::inner_source::InnerSource;
use crate::pages::{FLOODED, HUNGRY, OPTIONS};
use crate::program::Program;

/// How long a flood goes on before anything is measured.
const RUN_UP: Duration = Duration::from_secs(5);

/// The choices of each page that are held: more than a page has places for.
const HELD: usize = 300;

/// The connections of whoever walks through the choices.
const WALKERS: usize = 8;

/// Starts a flood.
type StartFlood = fn(&Program, &InnerSource) -> Flood;

/// All floods.
pub(crate) const FLOODS: [(&str, StartFlood); 3] = [("channels", channels), ("sources", sources), ("filters", filters)];

/// A flood, which ends when it is dropped.
pub(crate) struct Flood {
    strangers: JoinSet<()>,
    /// What they got: boards or pages.
    got: Arc<AtomicUsize>,
    most_memory: Arc<AtomicU64>,
    asked_before: usize,
    began: Instant,
}

impl Flood {
    fn start(source: &InnerSource) -> Self {
        Self {
            strangers: JoinSet::new(),
            got: Arc::default(),
            most_memory: Arc::default(),
            asked_before: source.asked(),
            began: Instant::now(),
        }
    }

    /// Waits until it is in full course.
    pub(crate) async fn has_begun(&self) {
        tokio::time::sleep(RUN_UP).await;
    }

    /// Ends it, and says what it had.
    pub(crate) fn end(self, server: &Program, source: &InnerSource) -> String {
        let seconds = self.began.elapsed().as_secs().max(1);
        let asked = u64::try_from(source.asked() - self.asked_before).unwrap_or(u64::MAX) / seconds;
        let memory = self.most_memory.load(Ordering::Relaxed).max(server.resident_mebibytes());
        format!("{} answers, {asked} queries a second at the source, {memory} MiB", self.got.load(Ordering::Relaxed))
    }
}

/// Strangers of a few addresses hold all the choices of four pages.
fn channels(server: &Program, source: &InnerSource) -> Flood {
    let mut flood = Flood::start(source);
    for (at, slug) in FLOODED.into_iter().enumerate() {
        for choice in 0..HELD {
            let from = Ipv4Addr::new(127, 1, u8::try_from(at).unwrap_or(0), 1);
            let (server, got) = (server.address, Arc::clone(&flood.got));
            flood.strangers.spawn(async move {
                let path = format!("/events/{slug}?city={choice}");
                // It is refused, or goes on until it is dropped.
                let _ = watch(from, server, &path, &got).await;
            });
        }
    }
    flood
}

/// A stranger walks through the choices of a page as fast as it is answered.
fn sources(server: &Program, source: &InnerSource) -> Flood {
    let mut flood = Flood::start(source);
    for walker in 0..WALKERS {
        let (server, got) = (server.address, Arc::clone(&flood.got));
        flood.strangers.spawn(async move {
            for choice in (walker..).step_by(WALKERS) {
                let path = format!("/p/{}?city={}", FLOODED[choice / OPTIONS % FLOODED.len()], choice % OPTIONS);
                if visit(server, &path).await.is_ok_and(|status| status == 200) {
                    got.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    flood
}

/// A stranger looks at a page whose filters want much memory.
fn filters(server: &Program, source: &InnerSource) -> Flood {
    let mut flood = Flood::start(source);
    let (address, got) = (server.address, Arc::clone(&flood.got));
    flood.strangers.spawn(async move {
        let _ = watch(Ipv4Addr::new(127, 1, 0, 1), address, &format!("/events/{HUNGRY}"), &got).await;
    });
    let (memory, sampler) = (Arc::clone(&flood.most_memory), server.sampler());
    flood.strangers.spawn(async move {
        loop {
            memory.fetch_max(sampler.resident_mebibytes(), Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    flood
}

async fn visit(server: SocketAddr, path: &str) -> io::Result<u16> {
    Ok(HttpClient::from(Ipv4Addr::new(127, 1, 0, 1), server).await?.opens(path, None).await?.status)
}

/// Watches a page's events until it is dropped.
async fn watch(from: Ipv4Addr, server: SocketAddr, path: &str, got: &AtomicUsize) -> io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let mut stream: TcpStream = socket.connect(server).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {server}\r\n\r\n").as_bytes()).await?;
    let mut bytes = vec![0; 4096];
    let read = stream.read(&mut bytes).await?;
    got.fetch_add(usize::from(bytes[..read].starts_with(b"HTTP/1.1 200")), Ordering::Relaxed);
    while stream.read(&mut bytes).await? > 0 {}
    Ok(())
}
