use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::policy::{Eviction, EvictionReason, select_evictions};
use super::sockets::Sockets;
use super::table::ConnectionTable;
use crate::config::ConnectionSettings;
use crate::domain::{Timestamp, TrustedProxies};

/// A flood is told of once so often, with what there was of it.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// One look at the connections after the other.
pub(super) struct Sweep {
    sockets: Sockets,
    table: Arc<Mutex<ConnectionTable>>,
    limits: ConnectionSettings,
    most: usize,
    proxies: TrustedProxies,
    overload_log: OverloadLog,
}

impl Sweep {
    pub(super) fn new(
        sockets: Sockets,
        table: Arc<Mutex<ConnectionTable>>,
        limits: ConnectionSettings,
        most: usize,
        proxies: TrustedProxies,
    ) -> Self {
        Self { sockets, table, limits, most, proxies, overload_log: OverloadLog::default() }
    }

    /// Looks at the connections, ends those that have to go, and says how many there were.
    pub(super) fn run(&mut self, now: Timestamp) -> usize {
        let shown = match self.sockets.list() {
            Ok(shown) => shown,
            Err(error) => {
                self.overload_log.log_list_failure(&error, now);
                return 0;
            }
        };
        let verdicts = {
            let mut book = self.table.lock().unwrap_or_else(PoisonError::into_inner);
            let verdicts = select_evictions(&mut book, &shown, &self.limits, self.most, &self.proxies, now);
            book.retain_listed(&shown, now);
            verdicts
        };
        if !verdicts.is_empty() {
            self.sockets.shut_down(&verdicts.iter().map(|verdict| (verdict.peer, verdict.mode)).collect());
            self.overload_log.record(&verdicts);
        }
        self.overload_log.log_if_due(now);
        shown.len()
    }
}

/// What has not been told yet of those who were too many.
#[derive(Default)]
struct OverloadLog {
    logged_at: Option<Timestamp>,
    over_total_limit: usize,
    over_address_limit: usize,
    /// One of those of whom there were too many.
    example_peer: Option<SocketAddr>,
}

impl OverloadLog {
    fn record(&mut self, verdicts: &[Eviction]) {
        let mut counts: HashMap<EvictionReason, usize> = HashMap::new();
        for verdict in verdicts {
            *counts.entry(verdict.reason).or_default() += 1;
            if verdict.reason == EvictionReason::PerAddressLimit {
                self.example_peer = Some(verdict.peer);
            }
        }
        let count = |why| counts.get(&why).copied().unwrap_or(0);
        self.over_total_limit += count(EvictionReason::TotalLimit);
        self.over_address_limit += count(EvictionReason::PerAddressLimit);
        tracing::debug!(?counts, "connections ended");
    }

    fn log_if_due(&mut self, now: Timestamp) {
        if self.over_total_limit + self.over_address_limit == 0 || !self.is_due(now) {
            return;
        }
        let Self { over_total_limit: too_many, over_address_limit: from_one_place, example_peer: such_as, .. } = *self;
        if from_one_place > 0 {
            tracing::warn!(
                ended = from_one_place,
                address = such_as.map(|peer| peer.ip().to_string()),
                "an address has more connections than `connections.per_address`; if it is a proxy of yours, name it in \
                 `site.trusted_proxies`"
            );
        }
        if too_many > 0 {
            tracing::warn!(
                ended = too_many,
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
        self.logged_at.is_none_or(|said_at| now >= said_at + LOG_INTERVAL)
    }
}
