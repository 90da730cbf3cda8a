//! The member whose page, board and sign-in are measured.

use std::time::{Duration, Instant};

use crate::common::board::Board;
use crate::common::http_client::HttpClient;
use crate::common::report::median_and_p99;
use crate::program::{PASSWORD, Program};
use crate::strangers::Flood;

const PAGE_INTERVAL: Duration = Duration::from_millis(50);
const SIGN_IN_INTERVAL: Duration = Duration::from_millis(500);

/// The address of the member's browser, which signed in well before the flood.
const DESK: &str = "X-Forwarded-For: 198.51.100.7\r\n";

/// Medians and 99th percentiles.
pub(crate) struct Measured {
    pub(crate) page: (Duration, Duration),
    pub(crate) sign_in: (Duration, Duration),
    pub(crate) tries: usize,
    pub(crate) let_in: usize,
    pub(crate) board: (Duration, Duration),
}

pub(crate) async fn measure(program: &Program, flood: Flood, length: Duration) -> Measured {
    // Whoever floods hashing is measured by somebody with a local account, as the others by one of the directory.
    let fields = match flood {
        Flood::Hashes => format!("username=local%5Croot&password={}&next=%2F", PASSWORD.replace(' ', "+")),
        Flood::None | Flood::Audit | Flood::SignIn => "username=alice&password=alice-demo&next=%2F".to_owned(),
    };
    let mut client = HttpClient::new(program.address).await.unwrap();
    let (form, csrf) = client.form().await.unwrap();
    let fields = format!("{fields}&csrf={csrf}");
    let signed_in = loop {
        // The flood has begun, and may leave no place at once.
        let answer = client.sends_form(&fields, &form, DESK).await.unwrap();
        if answer.status != 503 {
            break answer;
        }
    };
    assert_eq!(signed_in.status, 303, "the member cannot sign in: {}", signed_in.body);
    let session = signed_in.cookies.iter().find_map(|cookie| cookie.strip_prefix("belvedere=")).unwrap().to_owned();
    let marks: Vec<&str> =
        signed_in.cookies.iter().map(String::as_str).filter(|cookie| !cookie.starts_with("belvedere=")).collect();
    let cookies = format!("{form}; {}", marks.join("; "));
    let began = Instant::now();
    let (mut page, (mut sign_in, tries), mut board) =
        tokio::join!(pages(program, &session, began, length), sign_ins(program, (&fields, &cookies), began, length), async {
            Board::open(program.address, &session).await.delays(began, length).await
        });
    let let_in = sign_in.len();
    Measured {
        page: median_and_p99(&mut page),
        sign_in: median_and_p99(&mut sign_in),
        tries,
        let_in,
        board: median_and_p99(&mut board),
    }
}

async fn pages(program: &Program, session: &str, began: Instant, length: Duration) -> Vec<Duration> {
    let mut client = HttpClient::new(program.address).await.unwrap();
    let mut times = Vec::new();
    while began.elapsed() < length {
        let start = Instant::now();
        assert_eq!(client.opens("/p/own", Some(session)).await.unwrap().status, 200);
        times.push(start.elapsed());
        tokio::time::sleep(PAGE_INTERVAL).await;
    }
    times
}

/// The times of the sign-ins that let in, and how many there were in all.
async fn sign_ins(
    program: &Program,
    (fields, cookies): (&str, &str),
    began: Instant,
    length: Duration,
) -> (Vec<Duration>, usize) {
    let mut client = HttpClient::new(program.address).await.unwrap();
    let (mut times, mut tries) = (Vec::new(), 0);
    while began.elapsed() < length {
        let start = Instant::now();
        tries += 1;
        if client.sends_form(fields, cookies, DESK).await.unwrap().status == 303 {
            times.push(start.elapsed());
        }
        tokio::time::sleep(SIGN_IN_INTERVAL).await;
    }
    (times, tries)
}
