//! Whoever watches: a process with thousands of viewers on one thread, each a task that reads into a buffer shared by all.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::task::LocalSet;
use tokio::time::timeout;

use crate::common::process;
use crate::tally::Tally;
use crate::viewer;

/// How many come at the same time, at first: a morning, not a storm.
const ARRIVING: usize = 64;

/// Past this, whoever is not back is given up.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a process is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WorkerOptions {
    pub(crate) server: SocketAddr,
    pub(crate) viewers: Vec<Place>,
    /// Which process this is, so that each comes from addresses of its own.
    pub(crate) process: u8,
    /// Whether they take what they are sent.
    pub(crate) reads: bool,
}

/// Who watches what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) slug: String,
    /// The cookie's value; empty for nobody.
    pub(crate) token: String,
}

/// What it is told.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Word {
    /// Counts from now on. Not answered.
    Begin,
    /// Says the [`Tally`].
    Count,
    /// Cuts every connection, has all come again at once, and says how that went: [`Return`].
    Return,
    /// The server is about to go away: has all come again as it tells them to, and says how that went.
    Await,
}

/// How a return went.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Return {
    /// How many were told something again, of those who were there.
    pub(crate) back: usize,
    pub(crate) of: usize,
    /// Until the last of them was.
    pub(crate) elapsed: Duration,
    pub(crate) tally: Tally,
}

/// What the viewers of this process share.
pub(crate) struct Ledger {
    pub(crate) server: SocketAddr,
    pub(crate) process: u8,
    pub(crate) tally: RefCell<Tally>,
    pub(crate) buffer: RefCell<Vec<u8>>,
    /// Changes when every connection is to be cut.
    pub(crate) cut: watch::Sender<()>,
    /// How many connect at once. Without a bound once everybody was there.
    pub(crate) arriving: Semaphore,
    back: Cell<usize>,
    of: usize,
    all_back: Notify,
}

impl Ledger {
    /// Somebody was told where the page is.
    pub(crate) fn one_is_back(&self) {
        self.back.set(self.back.get() + 1);
        if self.back.get() == self.of {
            self.all_back.notify_one();
        }
    }
}

pub(crate) fn run(options: WorkerOptions) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        if options.reads { watches(options).await } else { takes_nothing(options).await }
    });
}

async fn watches(options: WorkerOptions) {
    let ledger = Rc::new(Ledger {
        server: options.server,
        process: options.process,
        tally: RefCell::default(),
        buffer: RefCell::new(vec![0; 64 << 10]),
        cut: watch::Sender::new(()),
        arriving: Semaphore::new(ARRIVING),
        back: Cell::new(0),
        of: options.viewers.len(),
        all_back: Notify::new(),
    });
    for (n, place) in options.viewers.into_iter().enumerate() {
        tokio::task::spawn_local(viewer::watches_for_ever(n, place, Rc::clone(&ledger)));
    }
    let arrived = timeout(PATIENCE, ledger.all_back.notified()).await;
    let tally = || ledger.tally.borrow().clone();
    assert!(arrived.is_ok(), "{} of {} came, {} were lost", ledger.back.get(), ledger.of, tally().lost);
    ledger.arriving.add_permits(ledger.of);
    process::say(&ledger.of);
    let mut words = words();
    while let Some(word) = words.recv().await {
        match word {
            Word::Begin => *ledger.tally.borrow_mut() = Tally::default(),
            Word::Count => process::say(&tally()),
            Word::Return => process::say(&come_back(&ledger, true).await),
            Word::Await => process::say(&come_back(&ledger, false).await),
        }
    }
    // Thousands of connections are closed by the system, sooner than one by one.
    std::process::exit(0);
}

async fn come_back(ledger: &Ledger, is_cut: bool) -> Return {
    let began = Instant::now();
    *ledger.tally.borrow_mut() = Tally::default();
    ledger.back.set(0);
    if is_cut {
        ledger.cut.send_replace(());
    }
    // Who is not back by then is seen in the numbers.
    let _ = timeout(PATIENCE, ledger.all_back.notified()).await;
    Return { back: ledger.back.get(), of: ledger.of, elapsed: began.elapsed(), tally: ledger.tally.borrow().clone() }
}

/// Viewers that ask, and then never read.
async fn takes_nothing(options: WorkerOptions) {
    let mut kept = Vec::new();
    for (n, place) in options.viewers.iter().enumerate() {
        kept.push(viewer::asks_and_takes_nothing(n, place, options.server, options.process).await.unwrap());
    }
    process::say(&kept.len());
    let mut words = words();
    while let Some(word) = words.recv().await {
        if matches!(word, Word::Count) {
            process::say(&Tally::default());
        }
    }
    std::process::exit(0);
}

/// What this process is told, while its one thread goes on.
fn words() -> mpsc::Receiver<Word> {
    let (sender, words) = mpsc::channel(1);
    std::thread::spawn(move || while process::next_word().is_some_and(|word| sender.blocking_send(word).is_ok()) {});
    words
}
