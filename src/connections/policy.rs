use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::table::{ConnectionTable, TrackedConnection};
use crate::config::ConnectionSettings;
use crate::domain::{Timestamp, TrustedProxies, network_of};

/// A connection whose reading was shut down still writes what it owes, so long at most.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// How a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShutdownMode {
    /// Nothing more is read from it; what is owed is still written.
    Read,
    /// At once.
    Both,
}

/// Why a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum EvictionReason {
    /// Its first request has not come within `connections.head_timeout`.
    HeadTimeout,
    /// Nothing more has been asked for `connections.idle_timeout`.
    IdleTimeout,
    /// It did not close after its reading was shut down.
    NotClosed,
    /// It does not take what it is sent.
    WriteStalled,
    /// There are more than `connections.per_address` from its address.
    PerAddressLimit,
    /// There are more than `connections.most` in all.
    TotalLimit,
}

/// A connection that has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Eviction {
    pub(super) peer: SocketAddr,
    pub(super) mode: ShutdownMode,
    pub(super) reason: EvictionReason,
}

/// Those who go first when there is no room for all, in this order; within one kind the lesser number goes first.
type EvictionRank = (ConnectionClass, Reverse<i64>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ConnectionClass {
    /// Nothing was ever asked. The oldest goes first: who means to ask does so at once.
    NoRequestYet,
    /// A stranger's, between two requests. The one that has been quiet longest goes first.
    IdleStranger,
    /// A stranger's request or board. The newest goes first, so that what is there stays.
    ActiveStranger,
    IdleMember,
    ActiveMember,
    /// Behind it are many, and it bounds them itself.
    Proxy,
}

/// Judges those that the system shows at `now`, and notes who is told to end. `most` is how many there may be in all.
pub(super) fn select_evictions(
    book: &mut ConnectionTable,
    shown: &HashMap<SocketAddr, u64>,
    limits: &ConnectionSettings,
    most: usize,
    proxies: &TrustedProxies,
    now: Timestamp,
) -> Vec<Eviction> {
    let mut verdicts = Vec::new();
    let mut staying = Vec::with_capacity(shown.len());
    for (&peer, &socket) in shown {
        let connection = book.observe(peer, socket, now);
        let is_proxy = proxies.contains(peer.ip());
        match overdue(connection, is_proxy, limits, now) {
            Some((end, why)) => {
                connection.shut_down_at = Some(now);
                verdicts.push(Eviction { peer, mode: end, reason: why });
            }
            // It has been told, and has a moment to go.
            None if connection.shut_down_at.is_some() => {}
            None => staying.push((rank(connection, is_proxy), peer)),
        }
    }
    let mut crowded_out = over_address_limit(&mut staying, limits.per_address);
    staying.sort_unstable();
    let surplus = staying.len().saturating_sub(most);
    crowded_out.extend(staying.drain(..surplus).map(|(_, peer)| (peer, EvictionReason::TotalLimit)));
    for (peer, why) in crowded_out {
        if let Some(connection) = book.connections.get_mut(&peer) {
            connection.shut_down_at = Some(now);
        }
        verdicts.push(Eviction { peer, mode: ShutdownMode::Both, reason: why });
    }
    verdicts
}

/// Whether time is over for it, whatever there is beside it.
fn overdue(
    connection: &TrackedConnection,
    is_proxy: bool,
    limits: &ConnectionSettings,
    now: Timestamp,
) -> Option<(ShutdownMode, EvictionReason)> {
    if let Some(ended_at) = connection.shut_down_at {
        return (now >= ended_at + SHUTDOWN_GRACE).then_some((ShutdownMode::Both, EvictionReason::NotClosed));
    }
    if connection.close_requested {
        return Some((ShutdownMode::Both, EvictionReason::WriteStalled));
    }
    if connection.in_flight > 0 || is_proxy {
        return None;
    }
    match connection.answered_at {
        None if now >= connection.opened_at + limits.head_timeout => {
            Some((ShutdownMode::Read, EvictionReason::HeadTimeout))
        }
        Some(answered_at) if now >= answered_at + limits.idle_timeout => {
            Some((ShutdownMode::Read, EvictionReason::IdleTimeout))
        }
        _ => None,
    }
}

fn rank(connection: &TrackedConnection, is_proxy: bool) -> EvictionRank {
    let opened = connection.opened_at.as_millis();
    let quiet_since = connection.answered_at.filter(|_| connection.in_flight == 0);
    match (is_proxy, connection.is_members, quiet_since) {
        (true, ..) => (ConnectionClass::Proxy, Reverse(opened)),
        (_, true, Some(since)) => (ConnectionClass::IdleMember, Reverse(-since.as_millis())),
        (_, true, None) => (ConnectionClass::ActiveMember, Reverse(opened)),
        (_, false, Some(since)) => (ConnectionClass::IdleStranger, Reverse(-since.as_millis())),
        (_, false, None) if connection.in_flight == 0 => (ConnectionClass::NoRequestYet, Reverse(-opened)),
        (_, false, None) => (ConnectionClass::ActiveStranger, Reverse(opened)),
    }
}

/// Takes out of `staying` whoever is too many from one address. Proxies may have as many as they like.
fn over_address_limit(staying: &mut Vec<(EvictionRank, SocketAddr)>, most: usize) -> Vec<(SocketAddr, EvictionReason)> {
    let mut places: HashMap<IpAddr, usize> = HashMap::new();
    for ((kind, _), peer) in staying.iter() {
        if *kind != ConnectionClass::Proxy {
            *places.entry(network_of(peer.ip())).or_default() += 1;
        }
    }
    places.retain(|_, count| *count > most);
    if places.is_empty() {
        return Vec::new();
    }
    staying.sort_unstable();
    let mut out = Vec::new();
    staying.retain(|((kind, _), peer)| match places.get_mut(&network_of(peer.ip())) {
        Some(count) if *count > most && *kind != ConnectionClass::Proxy => {
            *count -= 1;
            out.push((*peer, EvictionReason::PerAddressLimit));
            false
        }
        _ => true,
    });
    out
}
