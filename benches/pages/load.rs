//! The load: connections that ask for pages, in a process of their own.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::common::process::{send_to_parent, wait_for_go};
use crate::common::report::median_and_p99;
use crate::worker_options::{LoadOptions, LoadReport};

/// How long a crowd is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn run(options: &LoadOptions) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    wait_for_go();
    send_to_parent(&runtime.block_on(ask(options)));
}

async fn ask(options: &LoadOptions) -> LoadReport {
    let began = Instant::now();
    let requests: Vec<_> = options.requests.iter().map(|request| request.bytes(options.server)).collect();
    let mut working = JoinSet::new();
    for at in 0..options.connections {
        let (server, length, is_crowd) = (options.server, options.length, options.is_crowd);
        let request = requests[at % requests.len()].clone();
        let arrival = length * u32::try_from(at).unwrap() / u32::try_from(options.connections).unwrap();
        working.spawn(async move {
            if is_crowd {
                tokio::time::sleep_until((began + arrival).into()).await;
                let start = Instant::now();
                let opened = tokio::time::timeout(PATIENCE, async { Connection::open(server).await?.ask(&request).await });
                return opened.await.ok().and_then(Result::ok).map_or_else(Done::default, |bytes| Done::one(start, bytes));
            }
            let mut done = Done::default();
            let mut connection = Connection::open(server).await.unwrap();
            while began.elapsed() < length {
                let start = Instant::now();
                done.bytes = connection.ask(&request).await.unwrap();
                done.times.push(start.elapsed());
            }
            done
        });
    }
    let done = working.join_all().await;
    if options.is_crowd {
        tokio::time::sleep_until((began + options.length).into()).await;
    }
    let elapsed = began.elapsed();
    let bytes = done.iter().map(|done| done.bytes).max().unwrap_or_default();
    let mut times: Vec<Duration> = done.into_iter().flat_map(|done| done.times).collect();
    let (median, slowest) = median_and_p99(&mut times);
    LoadReport { count: times.len(), elapsed, median, slowest, bytes, ..LoadReport::default() }
}

/// The work of one connection.
#[derive(Default)]
struct Done {
    times: Vec<Duration>,
    bytes: usize,
}

impl Done {
    fn one(start: Instant, bytes: usize) -> Self {
        Self { times: vec![start.elapsed()], bytes }
    }
}

struct Connection {
    stream: BufReader<TcpStream>,
    line: String,
    body: Vec<u8>,
}

impl Connection {
    async fn open(server: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::with_capacity(64 << 10, stream), line: String::new(), body: Vec::new() })
    }

    /// Asks, and reads the whole answer. Returns the bytes of its body.
    async fn ask(&mut self, request: &[u8]) -> io::Result<usize> {
        self.stream.get_mut().write_all(request).await?;
        let mut length = None;
        let mut is_ok = false;
        loop {
            self.line.clear();
            if self.stream.read_line(&mut self.line).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match self.line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().ok(),
                Some(_) => (),
                None if self.line.trim_end().is_empty() => break,
                None => is_ok = self.line.starts_with("HTTP/1.1 200"),
            }
        }
        let length: usize = length.filter(|_| is_ok).ok_or_else(|| io::Error::other("no page"))?;
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body).await?;
        Ok(length)
    }
}
