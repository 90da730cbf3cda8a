use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::table::{ConnectionTable, TrackedConnection};
use crate::config::ConnectionSettings;
use crate::domain::{Network, Timestamp, TrustedProxies};

/// The time that a connection has to write its response after it was shut down for reading.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// The directions in which a connection is shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShutdownMode {
    /// Reading alone: a response under way is still written.
    Read,
    /// Both directions: the connection ends at once.
    Both,
}

/// The reason why a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum EvictionReason {
    /// Its first request has not come within `connections.head_timeout`.
    HeadTimeout,
    /// There was no request for `connections.idle_timeout`.
    IdleTimeout,
    /// It did not close after it was shut down for reading.
    NotClosed,
    /// Its client does not take what it is sent.
    WriteStalled,
    /// There are more than `connections.per_address` from its address.
    PerAddressLimit,
    /// There are more than `connections.most` in all.
    TotalLimit,
}

/// A connection to be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Eviction {
    pub(super) peer: SocketAddr,
    pub(super) mode: ShutdownMode,
    pub(super) reason: EvictionReason,
}

/// The order in which connections are ended when there is no room for all: by class, then the lesser number first.
type EvictionRank = (ConnectionClass, Reverse<i64>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ConnectionClass {
    /// No request was ever sent. The oldest goes first: a client that means to send one does so at once.
    NoRequestYet,
    /// A stranger's, between two requests. The one that has been idle longest goes first.
    IdleStranger,
    /// A stranger's request or board. The newest goes first, so that what is there stays.
    ActiveStranger,
    IdleMember,
    ActiveMember,
    /// A trusted proxy's: many clients are behind it, and it limits them itself.
    Proxy,
}

/// Selects the connections to end among those that the system lists at `now`, and marks them as shut down. `max_total` is how
/// many there may be in all.
pub(super) fn select_evictions(
    table: &mut ConnectionTable,
    listed: &HashMap<SocketAddr, u64>,
    limits: &ConnectionSettings,
    max_total: usize,
    proxies: &TrustedProxies,
    now: Timestamp,
) -> Vec<Eviction> {
    let mut evictions = Vec::new();
    let mut staying = Vec::with_capacity(listed.len());
    for (&peer, &inode) in listed {
        let connection = table.observe(peer, inode, now);
        let is_proxy = proxies.contains(peer.ip());
        match overdue(connection, is_proxy, limits, now) {
            Some((mode, reason)) => {
                connection.shut_down_at = Some(now);
                evictions.push(Eviction { peer, mode, reason });
            }
            // It was shut down, and has a moment to close.
            None if connection.shut_down_at.is_some() => {}
            None => staying.push((rank(connection, is_proxy), peer)),
        }
    }
    let mut surplus = over_address_limit(&mut staying, limits.per_address);
    staying.sort_unstable();
    let over_total = staying.len().saturating_sub(max_total);
    surplus.extend(staying.drain(..over_total).map(|(_, peer)| (peer, EvictionReason::TotalLimit)));
    for (peer, reason) in surplus {
        if let Some(connection) = table.connections.get_mut(&peer) {
            connection.shut_down_at = Some(now);
        }
        evictions.push(Eviction { peer, mode: ShutdownMode::Both, reason });
    }
    evictions
}

/// Whether a connection is past one of its timeouts, whatever room there is.
fn overdue(
    connection: &TrackedConnection,
    is_proxy: bool,
    limits: &ConnectionSettings,
    now: Timestamp,
) -> Option<(ShutdownMode, EvictionReason)> {
    if let Some(shut_down_at) = connection.shut_down_at {
        return (now >= shut_down_at + SHUTDOWN_GRACE).then_some((ShutdownMode::Both, EvictionReason::NotClosed));
    }
    if connection.close_requested {
        return Some((ShutdownMode::Both, EvictionReason::WriteStalled));
    }
    if connection.in_flight > 0 || is_proxy {
        return None;
    }
    match connection.answered_at {
        None if now >= connection.opened_at + limits.head_timeout => Some((ShutdownMode::Read, EvictionReason::HeadTimeout)),
        Some(answered_at) if now >= answered_at + limits.idle_timeout => {
            Some((ShutdownMode::Read, EvictionReason::IdleTimeout))
        }
        _ => None,
    }
}

fn rank(connection: &TrackedConnection, is_proxy: bool) -> EvictionRank {
    let opened = connection.opened_at.as_millis();
    let idle_since = connection.answered_at.filter(|_| connection.in_flight == 0);
    match (is_proxy, connection.is_member, idle_since) {
        (true, ..) => (ConnectionClass::Proxy, Reverse(opened)),
        (_, true, Some(since)) => (ConnectionClass::IdleMember, Reverse(-since.as_millis())),
        (_, true, None) => (ConnectionClass::ActiveMember, Reverse(opened)),
        (_, false, Some(since)) => (ConnectionClass::IdleStranger, Reverse(-since.as_millis())),
        (_, false, None) if connection.in_flight == 0 => (ConnectionClass::NoRequestYet, Reverse(-opened)),
        (_, false, None) => (ConnectionClass::ActiveStranger, Reverse(opened)),
    }
}

/// Takes the connections above the limit per address out of `staying`, for networks in steps: many links of one site are not
/// many addresses. Proxies may have as many as they like.
fn over_address_limit(staying: &mut Vec<(EvictionRank, SocketAddr)>, max: usize) -> Vec<(SocketAddr, EvictionReason)> {
    let networks = |peer: &SocketAddr| Network::steps_of(Some(peer.ip()));
    let mut held: HashMap<Network, usize> = HashMap::new();
    for ((class, _), peer) in staying.iter() {
        if *class != ConnectionClass::Proxy {
            networks(peer).for_each(|(network, _)| *held.entry(network).or_default() += 1);
        }
    }
    let mut out = Vec::new();
    // The narrowest networks first: what goes for their sake goes from the wider ones, too.
    for step in 0..Network::MOST_STEPS {
        let is_over = |held: &HashMap<Network, usize>, peer: &SocketAddr| {
            let step = networks(peer).nth(step);
            step.is_some_and(|(network, shares)| held.get(&network).is_some_and(|held| *held > max.saturating_mul(shares)))
        };
        if !staying.iter().any(|(_, peer)| is_over(&held, peer)) {
            continue;
        }
        staying.sort_unstable();
        staying.retain(|((class, _), peer)| {
            let stays = *class == ConnectionClass::Proxy || !is_over(&held, peer);
            if !stays {
                networks(peer).for_each(|(network, _)| *held.entry(network).or_default() -= 1);
                out.push((*peer, EvictionReason::PerAddressLimit));
            }
            stays
        });
    }
    out
}
