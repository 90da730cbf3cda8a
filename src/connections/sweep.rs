use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::policy::{Eviction, EvictionReason, select_evictions};
use super::sockets::Sockets;
use super::table::ConnectionTable;
use crate::config::ConnectionSettings;
use crate::domain::{Timestamp, TrustedProxies};

/// The least time between two log entries about too many connections; each has the counts since the last.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// The sweep over the connections that ends those the policy selects.
pub(super) struct Sweep {
    sockets: Sockets,
    table: Arc<Mutex<ConnectionTable>>,
    limits: ConnectionSettings,
    max_total: usize,
    proxies: TrustedProxies,
    overload_log: OverloadLog,
}

impl Sweep {
    pub(super) fn new(
        sockets: Sockets,
        table: Arc<Mutex<ConnectionTable>>,
        limits: ConnectionSettings,
        max_total: usize,
        proxies: TrustedProxies,
    ) -> Self {
        Self { sockets, table, limits, max_total, proxies, overload_log: OverloadLog::default() }
    }

    /// Lists the connections, ends those that have to go, and returns how many there were.
    pub(super) fn run(&mut self, now: Timestamp) -> usize {
        let table = &self.table;
        let is_in_flight = |peer: &SocketAddr, inode| lock(table).is_in_flight(peer, inode);
        let listed = match self.sockets.list(is_in_flight) {
            Ok(listed) => listed,
            Err(error) => {
                self.overload_log.log_list_failure(&error, now);
                return 0;
            }
        };
        let evictions = {
            let mut table = lock(&self.table);
            let evictions = select_evictions(&mut table, &listed, &self.limits, self.max_total, &self.proxies, now);
            table.retain_listed(&listed, now);
            evictions
        };
        if !evictions.is_empty() {
            self.sockets.shut_down(&evictions.iter().map(|eviction| (eviction.peer, eviction.mode)).collect());
            self.overload_log.record(&evictions);
        }
        self.overload_log.log_if_due(now);
        listed.len()
    }
}

fn lock(table: &Mutex<ConnectionTable>) -> MutexGuard<'_, ConnectionTable> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The counts of connections ended for want of room that are not logged yet.
#[derive(Default)]
struct OverloadLog {
    logged_at: Option<Timestamp>,
    over_total_limit: usize,
    over_address_limit: usize,
    /// The other end of one of those above the limit per address.
    example_peer: Option<SocketAddr>,
}

impl OverloadLog {
    fn record(&mut self, evictions: &[Eviction]) {
        let mut counts: HashMap<EvictionReason, usize> = HashMap::new();
        for eviction in evictions {
            *counts.entry(eviction.reason).or_default() += 1;
            if eviction.reason == EvictionReason::PerAddressLimit {
                self.example_peer = Some(eviction.peer);
            }
        }
        let count = |reason| counts.get(&reason).copied().unwrap_or(0);
        self.over_total_limit += count(EvictionReason::TotalLimit);
        self.over_address_limit += count(EvictionReason::PerAddressLimit);
        tracing::debug!(?counts, "connections ended");
    }

    fn log_if_due(&mut self, now: Timestamp) {
        if self.over_total_limit + self.over_address_limit == 0 || !self.is_due(now) {
            return;
        }
        let Self { over_total_limit, over_address_limit, example_peer, .. } = *self;
        if over_address_limit > 0 {
            tracing::warn!(
                ended = over_address_limit,
                address = example_peer.map(|peer| peer.ip().to_string()),
                "an address or a member has more connections than `connections.per_address`; if the address is that of a proxy \
                 of yours, name it in `site.trusted_proxies`"
            );
        }
        if over_total_limit > 0 {
            tracing::warn!(
                ended = over_total_limit,
                "there are more connections than `connections.most`; strangers' were ended"
            );
        }
        *self = Self { logged_at: Some(now), ..Self::default() };
    }

    fn log_list_failure(&mut self, error: &std::io::Error, now: Timestamp) {
        if self.is_due(now) {
            tracing::error!(%error, "the connections cannot be looked at; while that is so nothing limits them");
            self.logged_at = Some(now);
        }
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.logged_at.is_none_or(|logged_at| now >= logged_at + LOG_INTERVAL)
    }
}
