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

/// The interval of sweeps over the connections.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The interval when there are many connections: a flood fills in a second what a day does not.
const BUSY_SWEEP_INTERVAL: Duration = Duration::from_millis(100);

/// The least pause between sweeps, as a multiple of the last sweep's duration. A sweep over many thousands takes tens of
/// milliseconds; so it takes a twentieth of one processor at most.
const PAUSE_PER_SWEEP: u32 = 20;

/// The open files that connections may not take: the directory's, the stores', the sources'.
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
    /// A table without connections. Those of `proxies` stand for many clients, and are held to `connections.most` alone.
    pub fn new(limits: ConnectionSettings, proxies: TrustedProxies, clock: Arc<dyn Clock>) -> Self {
        Self { table: Arc::new(Mutex::new(ConnectionTable::default())), limits, proxies, clock }
    }

    /// Records that the head of a request was received from `peer`. The guard is to be kept until it is answered.
    pub fn request_started(&self, peer: SocketAddr) -> InFlightRequest {
        InFlightRequest::start(Arc::clone(&self.table), Arc::clone(&self.clock), peer)
    }

    /// Sweeps over the connections to `port` until it is dropped. Where the system does not show them it logs that once, and
    /// ends.
    pub async fn watch(self, port: u16) {
        let max_total = self.total_limit();
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
        let table = Arc::clone(&self.table);
        let mut sweep = Sweep::new(sockets, self.table, self.limits, max_total, self.proxies);
        let mut pause = SWEEP_INTERVAL;
        loop {
            self.clock.sleep(pause).await;
            let now = self.clock.now();
            // A few microseconds for each connection, in which the open files of this process are listed.
            let done = tokio::task::spawn_blocking(move || {
                let began = Instant::now();
                let count = sweep.run(now);
                (sweep, count, began.elapsed())
            });
            let Ok((same, count, took)) = done.await else {
                tracing::error!("the connections are not looked after any more, by a fault of ours; restart the server");
                // Nobody would remove those that have gone.
                table.lock().unwrap_or_else(PoisonError::into_inner).is_watched = false;
                return;
            };
            sweep = same;
            pause = if count > max_total / 2 {
                BUSY_SWEEP_INTERVAL.max(took * PAUSE_PER_SWEEP).min(SWEEP_INTERVAL)
            } else {
                SWEEP_INTERVAL
            };
        }
    }

    /// The most connections in all: the setting, or fewer where the system allows too few open files.
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
