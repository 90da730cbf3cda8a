//! The whole program, in this process, with a page of charts, and the source that they hang on.

use std::sync::Arc;
use std::time::Duration;

use belvedere::demo_directory::{DemoDirectory, SampleDomain};
use belvedere::domain::{Clock as _, ManualClock, SystemClock};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::common::running_server::{RunningServer, settings};

/// The number of charts on the page.
pub(crate) const CHARTS: usize = 50;

/// The interval of readings: ten a second.
pub(crate) const EVERY: Duration = Duration::from_millis(100);

/// The number of points in the charts' window of six minutes, and some more, to be sure.
const POINTS: usize = 3_600 + 50;

/// The real time for each reading while the server's clock runs ahead.
const AHEAD_EVERY: Duration = Duration::from_millis(2);

pub(crate) struct BenchServer {
    open: RunningServer,
    clock: Arc<ManualClock>,
    _measured: AbortOnDropHandle<()>,
    _directory: DemoDirectory,
    _folder: TempDir,
}

impl BenchServer {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pages = folder.path().join("pages");
        std::fs::create_dir(&pages).unwrap();
        std::fs::write(pages.join("charts.toml"), page()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let source = listener.local_addr().unwrap();
        let measured = AbortOnDropHandle::new(tokio::spawn(serve_values(listener)));
        let directory = DemoDirectory::start(&SampleDomain::demo(), Arc::new(SystemClock)).await.unwrap();
        let figment = settings(folder.path())
            .merge(("directory.url", directory.url()))
            .merge(("sources.plant.kind", "http"))
            .merge(("sources.plant.url", format!("http://{source}/")));
        let clock = Arc::new(ManualClock::at(SystemClock.now()));
        let open = RunningServer::start_with_clock(figment, Arc::clone(&clock) as _).await;
        Self { open, clock, _measured: measured, _directory: directory, _folder: folder }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/p/charts", self.open.address)
    }

    /// Runs the clock ahead until the charts have as many points as they ever have.
    pub(crate) async fn fill_charts(&self) {
        for _ in 0..POINTS {
            self.clock.advance(EVERY);
            tokio::time::sleep(AHEAD_EVERY).await;
        }
    }

    /// Runs the clock in real time from now on, as long as the handle is kept.
    pub(crate) fn run_in_real_time(&self) -> AbortOnDropHandle<()> {
        let clock = Arc::clone(&self.clock);
        AbortOnDropHandle::new(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(EVERY);
            loop {
                ticks.tick().await;
                clock.advance(EVERY);
            }
        }))
    }

    pub(crate) async fn close(self) {
        self.open.close().await;
    }
}

fn page() -> String {
    let panels = (1..=CHARTS).map(|n| {
        format!(
            "\n[[panel]]\ntitle = \"Chart {n}\"\nkind = \"line\"\nspan = 2\nsource = \"plant\"\nquery = \".value\"\n\
             every = \"100ms\"\nwindow = \"6m\"\nunit = \"percent\"\n"
        )
    });
    format!("title = \"Charts\"\naccess = \"public\"\nkeep = true\n{}", panels.collect::<String>())
}

/// Serves a value that walks up and down, as measurements do.
async fn serve_values(listener: TcpListener) {
    let (mut value, mut dice) = (50.0_f64, 0x2545_F491_4F6C_DD1D_u64);
    while let Ok((stream, _)) = listener.accept().await {
        // Xorshift (Marsaglia, 2003): the same walk in every run.
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        let step = f64::from(u16::try_from(dice >> 48).unwrap()) / f64::from(u16::MAX) - 0.5;
        value = (value + step * 8.0).clamp(0.0, 100.0);
        tokio::spawn(answer(stream, value));
    }
}

async fn answer(mut stream: TcpStream, value: f64) {
    let mut head = [0; 4096];
    // A client that hung up has made up its mind.
    let _ = stream.read(&mut head).await;
    let body = format!("{{\"value\":{value}}}");
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}
