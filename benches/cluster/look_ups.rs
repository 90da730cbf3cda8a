//! The time that it takes to know a session: one that was read within the second, and one that was not, in a file and in a database.

use std::time::{Duration, Instant};

use belvedere::sessions::{SessionLookup, SessionToken, Sessions};

use crate::common::people;
use crate::common::report::{median_and_p99, verdict};
use crate::shared_sessions::SharedSessions;

/// The sessions: each is looked for once.
const SESSIONS: usize = 20_000;
const PEOPLE: usize = 1_000;

/// How often one of them is looked for again at once.
const REPEATS: usize = 100_000;

/// The aim: the median of a look-up over loopback, …
const MAX_TIME: Duration = Duration::from_millis(1);

/// … and how many times what it costs with a file one may cost that is cached, which is the same work.
const MAX_TIMES: f64 = 1.2;

pub(crate) async fn measure(store: &str) {
    println!("\n| a session is looked up, one at a time | cached, each | not: median | 99 % |");
    println!("|---|---:|---:|---:|");
    let folder = tempfile::tempdir().unwrap();
    let embedded = people::sessions_in(folder.path()).await;
    let (cached_here, _) = line("embedded", &embedded).await;
    embedded.close().await;
    let shared = SharedSessions::open(store).await;
    let (cached_there, median) = line("PostgreSQL", &shared.sessions).await;
    let times = cached_there.div_duration_f64(cached_here);
    println!("- cached {times:.2} x as long, aim {MAX_TIMES}: {}", verdict(times <= MAX_TIMES));
    println!("- not cached {median:.2?}, aim {MAX_TIME:?}: {}", verdict(median <= MAX_TIME));
}

/// Measures a line of the table. Returns the time of a look-up that is cached, and the median of those that are not.
async fn line(what: &str, sessions: &Sessions) -> (Duration, Duration) {
    let mut tokens: Vec<SessionToken> = Vec::new();
    for token in people::begin(sessions, SESSIONS, PEOPLE).await {
        tokens.push(token.parse().unwrap());
    }
    let mut times = Vec::with_capacity(SESSIONS);
    for token in &tokens {
        let began = Instant::now();
        find(sessions, token).await;
        times.push(began.elapsed());
    }
    let (median, slow) = median_and_p99(&mut times);
    let began = Instant::now();
    for _ in 0..REPEATS {
        find(sessions, &tokens[0]).await;
    }
    let cached = began.elapsed() / u32::try_from(REPEATS).unwrap();
    println!("| {what} | {cached:.2?} | {median:.2?} | {slow:.2?} |");
    (cached, median)
}

async fn find(sessions: &Sessions, token: &SessionToken) {
    assert!(matches!(sessions.find(token).await, Ok(SessionLookup::Valid(_))));
}
