use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::asking::Asking;
use super::book::Book;
use super::open_files::raise_open_files;
use super::round::Round;
use super::sockets::Sockets;
use crate::config::ConnectionSettings;
use crate::domain::{Clock, TrustedProxies};

/// How often the connections are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// The same when there are many: a flood fills in a second what a day does not.
const QUICKLY: Duration = Duration::from_millis(100);

/// A look at many thousands takes tens of milliseconds. They are looked at less often then, so that looking takes a twentieth
/// of one processor at most.
const REST_FOR_EACH_LOOK: u32 = 20;

/// What connections may not take of the open files: the directory's, the stores', the sources'.
const RESERVED_FILES: u64 = 256;

/// The connections to one port, and the limits they are held to.
#[derive(Clone)]
pub struct Connections {
    book: Arc<Mutex<Book>>,
    limits: ConnectionSettings,
    proxies: TrustedProxies,
    clock: Arc<dyn Clock>,
}

impl Connections {
    /// None so far. Connections of `proxies` count for many, and are held to `connections.most` alone.
    pub fn new(limits: ConnectionSettings, proxies: TrustedProxies, clock: Arc<dyn Clock>) -> Self {
        Self { book: Arc::new(Mutex::new(Book::default())), limits, proxies, clock }
    }

    /// The head of a request has come whole from `peer`. What is given back is to be kept until it is answered.
    pub fn head_came(&self, peer: SocketAddr) -> Asking {
        Asking::begin(Arc::clone(&self.book), Arc::clone(&self.clock), peer)
    }

    /// Looks after the connections to `port` until it is dropped. Where the system does not show them it says so once, and
    /// ends.
    pub async fn watch(self, port: u16) {
        let most = self.most();
        let sockets = match Sockets::of(port) {
            Ok(sockets) => sockets,
            Err(error) => {
                tracing::warn!(
                    %error,
                    "the number of connections and the time they take to ask are not limited here: put a proxy in front \
                     that does it"
                );
                return;
            }
        };
        self.book.lock().unwrap_or_else(PoisonError::into_inner).is_watched = true;
        let book = Arc::clone(&self.book);
        let mut round = Round::new(sockets, self.book, self.limits, most, self.proxies);
        let mut nap = EVERY;
        loop {
            self.clock.sleep(nap).await;
            let now = self.clock.now();
            // A few microseconds for each connection, in which the files of this process are looked at.
            let done = tokio::task::spawn_blocking(move || {
                let began = Instant::now();
                let shown = round.go(now);
                (round, shown, began.elapsed())
            });
            let Ok((same, shown, took)) = done.await else {
                tracing::error!(
                    "the connections are not looked after any more, by a fault of ours; restart the server"
                );
                // Nobody would strike out those that have gone.
                book.lock().unwrap_or_else(PoisonError::into_inner).is_watched = false;
                return;
            };
            round = same;
            nap = if shown > most / 2 { QUICKLY.max(took * REST_FOR_EACH_LOOK).min(EVERY) } else { EVERY };
        }
    }

    /// How many there may be in all.
    fn most(&self) -> usize {
        let Some(files) = raise_open_files() else { return self.limits.most };
        let room = usize::try_from(files.saturating_sub(RESERVED_FILES).max(files / 2)).unwrap_or(usize::MAX);
        if room < self.limits.most {
            tracing::warn!(
                open_files = files,
                connections = room,
                "the system allows too few open files for `connections.most`, so there are fewer; raise its limit \
                 (LimitNOFILE= of the service, ulimit -n)"
            );
        }
        room.min(self.limits.most)
    }
}
