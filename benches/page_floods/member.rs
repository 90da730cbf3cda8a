//! A member, and how long it waits.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::common::http_client::HttpClient;
use crate::common::report::median_and_p99;
use crate::pages::OPTIONS;

/// How often a page is opened, and how often somebody signs in.
const PAGE_INTERVAL: Duration = Duration::from_millis(50);
const SIGN_IN_INTERVAL: Duration = Duration::from_millis(500);

/// How long a member waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Member {
    server: SocketAddr,
    token: String,
    choice: usize,
}

/// The times of a member's pages, frames and sign-ins, and how many pages were refused.
#[derive(Default)]
pub(crate) struct Figures {
    pages: Vec<Duration>,
    refused: usize,
    frames: Vec<Duration>,
    sign_ins: Vec<Duration>,
}

impl Member {
    pub(crate) async fn sign_in(server: SocketAddr) -> Self {
        let token = sign_in(server).await.expect("a member signs in before the flood");
        Self { server, token, choice: 0 }
    }

    /// Opens one choice after the other of a page, watches a board, and signs in, all for that long.
    pub(crate) async fn measure(&mut self, length: Duration) -> Figures {
        let (server, token, first) = (self.server, self.token.clone(), self.choice);
        let pages = async {
            let (mut times, mut refused, began) = (Vec::new(), 0, Instant::now());
            for choice in first.. {
                if began.elapsed() >= length {
                    break;
                }
                let path = format!("/p/own?city={}", choice % OPTIONS);
                let asked = Instant::now();
                let opened = tokio::time::timeout(PATIENCE, open(server, &path, &token)).await;
                refused += usize::from(!matches!(opened, Ok(Ok(200))));
                times.push(asked.elapsed());
                tokio::time::sleep(PAGE_INTERVAL).await;
            }
            (times, refused)
        };
        let sign_ins = async {
            let (mut times, began) = (Vec::new(), Instant::now());
            while began.elapsed() < length {
                let asked = Instant::now();
                let _ = tokio::time::timeout(PATIENCE, sign_in(server)).await;
                times.push(asked.elapsed());
                tokio::time::sleep(SIGN_IN_INTERVAL).await;
            }
            times
        };
        let ((pages, refused), frames, sign_ins) = tokio::join!(pages, frames(server, &self.token, length), sign_ins);
        self.choice += pages.len();
        Figures { pages, refused, frames, sign_ins }
    }
}

async fn open(server: SocketAddr, path: &str, token: &str) -> io::Result<u16> {
    Ok(HttpClient::new(server).await?.opens(path, Some(token)).await?.status)
}

/// Signs in, and gives the session's cookie.
async fn sign_in(server: SocketAddr) -> io::Result<String> {
    let mut client = HttpClient::new(server).await?;
    let (cookie, csrf) = client.form().await?;
    let fields = format!("username=alice&password=alice-demo&next=%2F&csrf={csrf}");
    let answer = client.sends_form(&fields, &cookie, "").await?;
    let session = answer.cookies.iter().find_map(|cookie| cookie.strip_prefix("belvedere="));
    session.map(str::to_owned).ok_or_else(|| io::Error::other(format!("no session: {}", answer.status)))
}

/// How late each batch of the board arrives.
async fn frames(server: SocketAddr, token: &str, length: Duration) -> Vec<Duration> {
    let mut late = Vec::new();
    let reading = async {
        let mut stream = BufReader::new(TcpStream::connect(server).await?);
        let request = format!("GET /events/board HTTP/1.1\r\nHost: {server}\r\nCookie: belvedere={token}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut line = String::new();
        while stream.read_line(&mut line).await? > 0 {
            let sent = line.split("\"sent\":").nth(1).and_then(|rest| rest.split(',').next()?.parse().ok());
            if let Some(sent) = sent.map(Duration::from_millis) {
                late.push(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(sent));
            }
            line.clear();
        }
        io::Result::Ok(())
    };
    // It goes on until the time is over.
    let _ = tokio::time::timeout(length, reading).await;
    late
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let both = |times: &[Duration]| median_and_p99(&mut times.to_vec());
        let (page, slowest_page) = both(&self.pages);
        let (frame, latest_frame) = both(&self.frames);
        let (sign_in, slowest_sign_in) = both(&self.sign_ins);
        write!(
            f,
            "{page:.1?} | {slowest_page:.1?} | {} of {} | {frame:.1?} | {latest_frame:.1?} | {sign_in:.1?} | {slowest_sign_in:.1?}",
            self.refused,
            self.pages.len()
        )
    }
}
