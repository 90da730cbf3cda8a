use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::table::{ConnectionTable, TrackedConnection};
use crate::config::ConnectionSettings;
use crate::domain::{Holder, HolderCounts, Network, Timestamp, TrustedProxies};

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
    /// There are more than `connections.per_address` from its address, or of one member.
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

/// The order in which the connections of one holder are ended when there is no room for all: by class, then the lesser number
/// first.
type EvictionRank = (ConnectionClass, Reverse<i64>);

/// A connection that stays as far as its timeouts go.
struct Staying {
    peer: SocketAddr,
    rank: EvictionRank,
    /// The member, or the network, that it is counted under.
    holder: Holder,
    /// The share of one holder that it needs, where those that are worth more to its holder stay as well.
    needed_share: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ConnectionClass {
    /// No request was ever sent. The oldest goes first: a client that means to send one does so at once.
    NoRequestYet,
    /// Between two requests. The one that has been idle longest goes first.
    Idle,
    /// A request or a board. The newest goes first, so that what is there stays.
    Active,
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
            None => staying.push(Staying::new(peer, connection, is_proxy)),
        }
    }
    // Which ones are worth most matters only when somebody has too many, or all together.
    if staying.len() <= max_total && !is_any_over_share(&staying, limits.per_address) {
        return evictions;
    }
    let mut surplus = take_over_share(&mut staying, limits.per_address);
    // Strangers' before members'; of either first those of whoever has most: so nobody keeps out others with what they hold.
    staying.sort_unstable_by_key(|one| (one.precedence(), Reverse(one.needed_share), one.rank));
    let over_total = staying.len().saturating_sub(max_total);
    surplus.extend(staying.drain(..over_total).map(|one| (one.peer, EvictionReason::TotalLimit)));
    for (peer, reason) in surplus {
        if let Some(connection) = table.connections.get_mut(&peer) {
            connection.shut_down_at = Some(now);
        }
        evictions.push(Eviction { peer, mode: ShutdownMode::Both, reason });
    }
    evictions
}

impl Staying {
    fn new(peer: SocketAddr, connection: &TrackedConnection, is_proxy: bool) -> Self {
        let holder = match &connection.member {
            Some(person) => Holder::Person(person.clone()),
            None => Holder::Stranger(Network::narrowest_of(Some(peer.ip()))),
        };
        Self { peer, rank: rank(connection, is_proxy), holder, needed_share: 0 }
    }

    fn is_proxys(&self) -> bool {
        self.rank.0 == ConnectionClass::Proxy
    }

    /// Its precedence over others when there are too many: the greatest stays longest.
    fn precedence(&self) -> usize {
        if self.is_proxys() { Holder::KINDS } else { self.holder.precedence() }
    }
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
    match (is_proxy, idle_since) {
        (true, _) => (ConnectionClass::Proxy, Reverse(opened)),
        (_, Some(since)) => (ConnectionClass::Idle, Reverse(-since.as_millis())),
        (_, None) if connection.in_flight == 0 => (ConnectionClass::NoRequestYet, Reverse(-opened)),
        (_, None) => (ConnectionClass::Active, Reverse(opened)),
    }
}

/// Takes the connections above `share` out of `staying`, and tells of the others what share they need. Members have one each,
/// wherever they are: a company may come from one address, or from one network. Strangers are counted by networks in steps: many
/// links of one site are not many addresses. Proxies may have as many as they like.
fn take_over_share(staying: &mut Vec<Staying>, share: usize) -> Vec<(SocketAddr, EvictionReason)> {
    // What is worth most first.
    staying.sort_unstable_by_key(|one| Reverse(one.rank));
    let (mut counts, mut out) = (HolderCounts::default(), Vec::new());
    staying.retain_mut(|one| {
        if one.is_proxys() {
            return true;
        }
        counts.add(&one.holder, 1);
        one.needed_share = counts.needed_share(&one.holder);
        let stays = one.needed_share <= share;
        if !stays {
            counts.remove(&one.holder, 1);
            out.push((one.peer, EvictionReason::PerAddressLimit));
        }
        stays
    });
    out
}

/// Whether anybody but a proxy has more than their share.
fn is_any_over_share(staying: &[Staying], share: usize) -> bool {
    let counted = || staying.iter().filter(|one| !one.is_proxys());
    let mut counts = HolderCounts::default();
    counted().for_each(|one| counts.add(&one.holder, 1));
    counted().any(|one| counts.needed_share(&one.holder) > share)
}
