use std::collections::HashMap;
use std::net::SocketAddr;

use crate::domain::{PersonId, Timestamp};

/// The connections by the address and port of their other end, with what the system lists of them and the requests that the
/// web has received on them. It holds those that the system listed last, and those with requests in flight.
#[derive(Default)]
pub(super) struct ConnectionTable {
    pub(super) connections: HashMap<SocketAddr, TrackedConnection>,
    /// Whether the connections are being watched; otherwise those without requests in flight are forgotten at once.
    pub(super) is_watched: bool,
}

/// A connection in the table.
#[derive(Clone, Debug)]
pub(super) struct TrackedConnection {
    /// The inode number of its socket, once the system has listed it.
    pub(super) socket_inode: Option<u64>,
    pub(super) opened_at: Timestamp,
    /// The number of requests in flight. What goes on with a connection after its request makes it more than one.
    pub(super) in_flight: u32,
    /// When the last of them was answered; `None` when there was none yet.
    pub(super) answered_at: Option<Timestamp>,
    /// The member who sent the last request on it by which somebody proved who they are.
    pub(super) member: Option<PersonId>,
    /// Whether the web has requested that it be closed.
    pub(super) close_requested: bool,
    /// When it was shut down.
    pub(super) shut_down_at: Option<Timestamp>,
}

impl TrackedConnection {
    fn new(now: Timestamp) -> Self {
        Self {
            socket_inode: None,
            opened_at: now,
            in_flight: 0,
            answered_at: None,
            member: None,
            close_requested: false,
            shut_down_at: None,
        }
    }
}

impl ConnectionTable {
    /// Records that a request's head was received.
    pub(super) fn request_started(&mut self, peer: SocketAddr, now: Timestamp) {
        self.connections.entry(peer).or_insert_with(|| TrackedConnection::new(now)).in_flight += 1;
    }

    /// Records that a request is answered, or that nobody waits for its answer any more.
    pub(super) fn request_finished(&mut self, peer: SocketAddr, now: Timestamp) {
        let Some(connection) = self.connections.get_mut(&peer) else { return };
        connection.in_flight = connection.in_flight.saturating_sub(1);
        connection.answered_at = Some(now);
        if connection.in_flight == 0 && !self.is_watched {
            self.connections.remove(&peer);
        }
    }

    pub(super) fn set_member(&mut self, peer: SocketAddr, member: &PersonId) {
        let connection = self.connections.get_mut(&peer).filter(|connection| connection.member.as_ref() != Some(member));
        if let Some(connection) = connection {
            connection.member = Some(member.clone());
        }
    }

    pub(super) fn request_close(&mut self, peer: SocketAddr) {
        if let Some(connection) = self.connections.get_mut(&peer) {
            connection.close_requested = true;
        }
    }

    /// Whether the socket with this inode number at `peer` has requests in flight. It is open, but where its client has gone in the
    /// middle of a request; then its number may be a new connection's, which is seen once that request is over.
    pub(super) fn is_in_flight(&self, peer: &SocketAddr, inode: u64) -> bool {
        self.connections.get(peer).is_some_and(|connection| connection.in_flight > 0 && connection.socket_inode == Some(inode))
    }

    /// Records that the system lists a socket with this inode number at `peer`.
    pub(super) fn observe(&mut self, peer: SocketAddr, inode: u64, now: Timestamp) -> &mut TrackedConnection {
        let connection = self.connections.entry(peer).or_insert_with(|| TrackedConnection::new(now));
        if connection.socket_inode != Some(inode) {
            // A new connection from the port of an earlier one: the requests since then are already of this one.
            connection.socket_inode = Some(inode);
            connection.opened_at = now;
            connection.shut_down_at = None;
            connection.close_requested = false;
        }
        connection
    }

    /// Forgets the connections that are gone: the system did not list them at `listed_at`.
    pub(super) fn retain_listed(&mut self, listed: &HashMap<SocketAddr, u64>, listed_at: Timestamp) {
        self.connections.retain(|peer, connection| {
            let is_younger = connection.answered_at.unwrap_or(connection.opened_at) >= listed_at;
            connection.in_flight > 0 || is_younger || listed.contains_key(peer)
        });
    }
}
