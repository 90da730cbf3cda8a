use std::collections::HashMap;
use std::net::SocketAddr;

use crate::domain::Timestamp;

/// What is known of each connection, by the address and port of its other end: what the system shows of them, and what the
/// web has heard on them. It holds as many as the system last showed, and those on which something is being asked.
#[derive(Default)]
pub(super) struct ConnectionTable {
    pub(super) connections: HashMap<SocketAddr, TrackedConnection>,
    /// Whether anybody looks after the connections; without it, those that are done are forgotten at once.
    pub(super) is_watched: bool,
}

/// One connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct TrackedConnection {
    /// The number that the system knows its socket by, once it has been seen.
    pub(super) socket_inode: Option<u64>,
    pub(super) opened_at: Timestamp,
    /// How many requests are under way. What goes on with a connection after its request makes it more than one.
    pub(super) in_flight: u32,
    /// When the last of them was answered; `None` when nothing was ever asked.
    pub(super) answered_at: Option<Timestamp>,
    /// Whether somebody who is signed in has asked on it.
    pub(super) is_members: bool,
    /// Whether the web has asked for its end.
    pub(super) close_requested: bool,
    /// When its reading was shut down.
    pub(super) shut_down_at: Option<Timestamp>,
}

impl TrackedConnection {
    fn new(now: Timestamp) -> Self {
        Self {
            socket_inode: None,
            opened_at: now,
            in_flight: 0,
            answered_at: None,
            is_members: false,
            close_requested: false,
            shut_down_at: None,
        }
    }
}

impl ConnectionTable {
    /// A request's head has come whole.
    pub(super) fn request_started(&mut self, peer: SocketAddr, now: Timestamp) {
        self.connections.entry(peer).or_insert_with(|| TrackedConnection::new(now)).in_flight += 1;
    }

    /// A request is answered, or nobody waits for its answer any more.
    pub(super) fn request_finished(&mut self, peer: SocketAddr, now: Timestamp) {
        let Some(connection) = self.connections.get_mut(&peer) else { return };
        connection.in_flight = connection.in_flight.saturating_sub(1);
        connection.answered_at = Some(now);
        if connection.in_flight == 0 && !self.is_watched {
            self.connections.remove(&peer);
        }
    }

    pub(super) fn mark_as_members(&mut self, peer: SocketAddr) {
        if let Some(connection) = self.connections.get_mut(&peer) {
            connection.is_members = true;
        }
    }

    pub(super) fn request_close(&mut self, peer: SocketAddr) {
        if let Some(connection) = self.connections.get_mut(&peer) {
            connection.close_requested = true;
        }
    }

    /// The system shows `socket` at `peer`.
    pub(super) fn observe(&mut self, peer: SocketAddr, socket: u64, now: Timestamp) -> &mut TrackedConnection {
        let connection = self.connections.entry(peer).or_insert_with(|| TrackedConnection::new(now));
        if connection.socket_inode != Some(socket) {
            // A new connection from a port that was another's: what the web heard since then is already of this one.
            connection.socket_inode = Some(socket);
            connection.opened_at = now;
            connection.shut_down_at = None;
            connection.close_requested = false;
        }
        connection
    }

    /// Forgets the connections that are gone: the system did not show them when it was asked at `listed_at`.
    pub(super) fn retain_listed(&mut self, shown: &HashMap<SocketAddr, u64>, listed_at: Timestamp) {
        self.connections.retain(|peer, connection| {
            let is_younger = connection.answered_at.unwrap_or(connection.opened_at) >= listed_at;
            connection.in_flight > 0 || is_younger || shown.contains_key(peer)
        });
    }
}
