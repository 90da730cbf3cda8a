//! The member whose page, board and sign-in are measured.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::common::board::Board;
use crate::common::http_client::HttpClient;
use crate::common::report::median_and_p99;
use crate::pages::OPTIONS;
use crate::program::PASSWORD;

/// How often a page is opened, and how often somebody signs in.
const PAGE_INTERVAL: Duration = Duration::from_millis(50);
const SIGN_IN_INTERVAL: Duration = Duration::from_millis(500);

/// How long a member waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The address of the member's browser, which signed in well before the flood.
const DESK: &str = "X-Forwarded-For: 198.51.100.7\r\n";

/// Whose sign-in is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Account {
    /// Somebody's of the directory.
    Directory,
    /// The local account `root`, whose password is hashed here.
    Local,
}

pub(crate) struct Member {
    server: SocketAddr,
    fields: String,
    /// The cookies of the form, and the mark of a browser that is known.
    cookies: String,
    session: String,
    choice: usize,
}

/// The times of a member's pages, board and sign-ins, and how many of them were refused.
#[derive(Default)]
pub(crate) struct Figures {
    pages: Vec<Duration>,
    refused_pages: usize,
    board: Vec<Duration>,
    sign_ins: Vec<Duration>,
    refused_sign_ins: usize,
}

impl Member {
    pub(crate) async fn sign_in(server: SocketAddr, account: Account) -> Self {
        let fields = match account {
            Account::Directory => "username=alice&password=alice-demo&next=%2F".to_owned(),
            Account::Local => format!("username=local%5Croot&password={}&next=%2F", PASSWORD.replace(' ', "+")),
        };
        let mut client = HttpClient::new(server).await.unwrap();
        let (form, csrf) = client.form().await.unwrap();
        let fields = format!("{fields}&csrf={csrf}");
        let signed_in = client.sends_form(&fields, &form, DESK).await.unwrap();
        assert_eq!(signed_in.status, 303, "the member signs in before the flood: {}", signed_in.body);
        let session = signed_in.cookies.iter().find_map(|cookie| cookie.strip_prefix("belvedere=")).unwrap().to_owned();
        let mut cookies = form;
        for mark in signed_in.cookies.iter().filter(|cookie| !cookie.starts_with("belvedere=")) {
            cookies = format!("{cookies}; {mark}");
        }
        Self { server, fields, cookies, session, choice: 0 }
    }

    /// Opens one choice after the other of a page, watches a board, and signs in, all for that long.
    pub(crate) async fn measure(&mut self, length: Duration) -> Figures {
        let began = Instant::now();
        let board = async { Board::open(self.server, &self.session).await.delays(began, length).await };
        let ((pages, refused_pages), (sign_ins, refused_sign_ins), board) =
            tokio::join!(self.opens_pages(began, length), self.signs_in_again(began, length), board);
        self.choice += pages.len();
        Figures { pages, refused_pages, board, sign_ins, refused_sign_ins }
    }

    async fn opens_pages(&self, began: Instant, length: Duration) -> (Vec<Duration>, usize) {
        let (mut times, mut refused) = (Vec::new(), 0);
        for choice in self.choice.. {
            if began.elapsed() >= length {
                break;
            }
            let (path, start) = (format!("/p/choices?city={}", choice % OPTIONS), Instant::now());
            let opened = tokio::time::timeout(PATIENCE, self.opens(&path)).await;
            refused += usize::from(!matches!(opened, Ok(Ok(200))));
            times.push(start.elapsed());
            tokio::time::sleep(PAGE_INTERVAL).await;
        }
        (times, refused)
    }

    async fn opens(&self, path: &str) -> io::Result<u16> {
        Ok(HttpClient::new(self.server).await?.opens(path, Some(&self.session)).await?.status)
    }

    async fn signs_in_again(&self, began: Instant, length: Duration) -> (Vec<Duration>, usize) {
        let (mut times, mut refused) = (Vec::new(), 0);
        while began.elapsed() < length {
            let start = Instant::now();
            let answered = tokio::time::timeout(PATIENCE, self.sends_form()).await;
            refused += usize::from(!matches!(answered, Ok(Ok(303))));
            times.push(start.elapsed());
            tokio::time::sleep(SIGN_IN_INTERVAL).await;
        }
        (times, refused)
    }

    async fn sends_form(&self) -> io::Result<u16> {
        Ok(HttpClient::new(self.server).await?.sends_form(&self.fields, &self.cookies, DESK).await?.status)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let both = |times: &[Duration]| median_and_p99(&mut times.to_vec());
        let (page, slowest_page) = both(&self.pages);
        let (board, latest_board) = both(&self.board);
        let (sign_in, slowest_sign_in) = both(&self.sign_ins);
        write!(
            f,
            "{page:.1?} | {slowest_page:.1?} | {} of {} | {board:.1?} | {latest_board:.1?} | {sign_in:.1?} | {slowest_sign_in:.1?} \
             | {} of {}",
            self.refused_pages,
            self.pages.len(),
            self.refused_sign_ins,
            self.sign_ins.len()
        )
    }
}
