use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::book::{Book, Connection};
use crate::config::ConnectionSettings;
use crate::domain::{Timestamp, TrustedProxies, network_of};

/// A connection whose reading was shut down still writes what it owes, so long at most.
const LINGER: Duration = Duration::from_secs(10);

/// How a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing more is read from it; what is owed is still written.
    Reading,
    /// At once.
    Both,
}

/// Why a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Why {
    /// Its first request has not come within `connections.head_timeout`.
    NothingAsked,
    /// Nothing more has been asked for `connections.idle_timeout`.
    Idle,
    /// It did not close after its reading was shut down.
    DoesNotClose,
    /// It does not take what it is sent.
    Stalled,
    /// There are more than `connections.per_address` from its address.
    TooManyFromThere,
    /// There are more than `connections.most` in all.
    TooMany,
}

/// A connection that has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) peer: SocketAddr,
    pub(super) end: End,
    pub(super) why: Why,
}

/// Those who go first when there is no room for all, in this order; within one kind the lesser number goes first.
type Rank = (Kind, Reverse<i64>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Nothing was ever asked. The oldest goes first: who means to ask does so at once.
    Silent,
    /// A stranger's, between two requests. The one that has been quiet longest goes first.
    StrangersQuiet,
    /// A stranger's request or board. The newest goes first, so that what is there stays.
    Strangers,
    MembersQuiet,
    Members,
    /// Behind it are many, and it bounds them itself.
    Proxy,
}

/// Judges those that the system shows at `now`, and notes who is told to end. `most` is how many there may be in all.
pub(super) fn judge(
    book: &mut Book,
    shown: &HashMap<SocketAddr, u64>,
    limits: &ConnectionSettings,
    most: usize,
    proxies: &TrustedProxies,
    now: Timestamp,
) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let mut staying = Vec::with_capacity(shown.len());
    for (&peer, &socket) in shown {
        let connection = book.see(peer, socket, now);
        let is_proxy = proxies.contains(peer.ip());
        match overdue(connection, is_proxy, limits, now) {
            Some((end, why)) => {
                connection.ended_at = Some(now);
                verdicts.push(Verdict { peer, end, why });
            }
            // It has been told, and has a moment to go.
            None if connection.ended_at.is_some() => {}
            None => staying.push((rank(connection, is_proxy), peer)),
        }
    }
    let mut crowded_out = from_one_place(&mut staying, limits.per_address);
    staying.sort_unstable();
    let surplus = staying.len().saturating_sub(most);
    crowded_out.extend(staying.drain(..surplus).map(|(_, peer)| (peer, Why::TooMany)));
    for (peer, why) in crowded_out {
        if let Some(connection) = book.connections.get_mut(&peer) {
            connection.ended_at = Some(now);
        }
        verdicts.push(Verdict { peer, end: End::Both, why });
    }
    verdicts
}

/// Whether time is over for it, whatever there is beside it.
fn overdue(connection: &Connection, is_proxy: bool, limits: &ConnectionSettings, now: Timestamp) -> Option<(End, Why)> {
    if let Some(ended_at) = connection.ended_at {
        return (now >= ended_at + LINGER).then_some((End::Both, Why::DoesNotClose));
    }
    if connection.is_hung_up {
        return Some((End::Both, Why::Stalled));
    }
    if connection.asking > 0 || is_proxy {
        return None;
    }
    match connection.answered_at {
        None if now >= connection.opened_at + limits.head_timeout => Some((End::Reading, Why::NothingAsked)),
        Some(answered_at) if now >= answered_at + limits.idle_timeout => Some((End::Reading, Why::Idle)),
        _ => None,
    }
}

fn rank(connection: &Connection, is_proxy: bool) -> Rank {
    let opened = connection.opened_at.as_millis();
    let quiet_since = connection.answered_at.filter(|_| connection.asking == 0);
    match (is_proxy, connection.is_a_members, quiet_since) {
        (true, ..) => (Kind::Proxy, Reverse(opened)),
        (_, true, Some(since)) => (Kind::MembersQuiet, Reverse(-since.as_millis())),
        (_, true, None) => (Kind::Members, Reverse(opened)),
        (_, false, Some(since)) => (Kind::StrangersQuiet, Reverse(-since.as_millis())),
        (_, false, None) if connection.asking == 0 => (Kind::Silent, Reverse(-opened)),
        (_, false, None) => (Kind::Strangers, Reverse(opened)),
    }
}

/// Takes out of `staying` whoever is too many from one address. Proxies may have as many as they like.
fn from_one_place(staying: &mut Vec<(Rank, SocketAddr)>, most: usize) -> Vec<(SocketAddr, Why)> {
    let mut places: HashMap<IpAddr, usize> = HashMap::new();
    for ((kind, _), peer) in staying.iter() {
        if *kind != Kind::Proxy {
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
        Some(count) if *count > most && *kind != Kind::Proxy => {
            *count -= 1;
            out.push((*peer, Why::TooManyFromThere));
            false
        }
        _ => true,
    });
    out
}
