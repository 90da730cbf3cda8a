use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::in_flight::InFlightRequest;
use super::open_file_limit::raise_open_file_limit;
use super::sockets::Sockets;
use super::sweep::Sweep;
use super::table::ConnectionTable;
use crate::config::ConnectionSettings;
use crate::domain::{Clock, TrustedProxies};

/// How often the connections are looked at.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The same when there are many: a flood fills in a second what a day does not.
const BUSY_SWEEP_INTERVAL: Duration = Duration::from_millis(100);

/// A look at many thousands takes tens of milliseconds. They are looked at less often then, so that looking takes a twentieth
/// of one processor at most.
const PAUSE_PER_SWEEP: u32 = 20;

/// What connections may not take of the open files: the directory's, the stores', the sources'.
const RESERVED_FILES: u64 = 256;

/// The connections to one port, and the limits they are held to.
#[derive(Clone)]
pub struct Connections {
    table: Arc<Mutex<ConnectionTable>>,
    limits: ConnectionSettings,
    proxies: TrustedProxies,
    clock: Arc<dyn Clock>,
}

impl Connections {
    /// None so far. Connections of `proxies` count for many, and are held to `connections.most` alone.
    pub fn new(limits: ConnectionSettings, proxies: TrustedProxies, clock: Arc<dyn Clock>) -> Self {
        Self { table: Arc::new(Mutex::new(ConnectionTable::default())), limits, proxies, clock }
    }

    /// The head of a request has come whole from `peer`. What is given back is to be kept until it is answered.
    pub fn request_started(&self, peer: SocketAddr) -> InFlightRequest {
        InFlightRequest::start(Arc::clone(&self.table), Arc::clone(&self.clock), peer)
    }

    /// Looks after the connections to `port` until it is dropped. Where the system does not show them it says so once, and
    /// ends.
    pub async fn watch(self, port: u16) {
        let most = self.total_limit();
        let sockets = match Sockets::for_port(port) {
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
        self.table.lock().unwrap_or_else(PoisonError::into_inner).is_watched = true;
        let book = Arc::clone(&self.table);
        let mut round = Sweep::new(sockets, self.table, self.limits, most, self.proxies);
        let mut nap = SWEEP_INTERVAL;
        loop {
            self.clock.sleep(nap).await;
            let now = self.clock.now();
            // A few microseconds for each connection, in which the files of this process are looked at.
            let done = tokio::task::spawn_blocking(move || {
                let began = Instant::now();
                let shown = round.run(now);
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
            nap = if shown > most / 2 {
                BUSY_SWEEP_INTERVAL.max(took * PAUSE_PER_SWEEP).min(SWEEP_INTERVAL)
            } else {
                SWEEP_INTERVAL
            };
        }
    }

    /// How many there may be in all.
    fn total_limit(&self) -> usize {
        let Some(files) = raise_open_file_limit() else { return self.limits.most };
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
