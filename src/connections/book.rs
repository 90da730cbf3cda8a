use std::collections::HashMap;
use std::net::SocketAddr;

use crate::domain::Timestamp;

/// What is known of each connection, by the address and port of its other end: what the system shows of them, and what the
/// web has heard on them. It holds as many as the system last showed, and those on which something is being asked.
#[derive(Default)]
pub(super) struct Book {
    pub(super) connections: HashMap<SocketAddr, Connection>,
    /// Whether anybody looks after the connections; without it, those that are done are forgotten at once.
    pub(super) is_watched: bool,
}

/// One connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connection {
    /// The number that the system knows its socket by, once it has been seen.
    pub(super) socket: Option<u64>,
    pub(super) opened_at: Timestamp,
    /// How many requests are under way. What goes on with a connection after its request makes it more than one.
    pub(super) asking: u32,
    /// When the last of them was answered; `None` when nothing was ever asked.
    pub(super) answered_at: Option<Timestamp>,
    /// Whether somebody who is signed in has asked on it.
    pub(super) is_a_members: bool,
    /// Whether the web has asked for its end.
    pub(super) is_hung_up: bool,
    /// When its reading was shut down.
    pub(super) ended_at: Option<Timestamp>,
}

impl Connection {
    fn new(now: Timestamp) -> Self {
        Self {
            socket: None,
            opened_at: now,
            asking: 0,
            answered_at: None,
            is_a_members: false,
            is_hung_up: false,
            ended_at: None,
        }
    }
}

impl Book {
    /// A request's head has come whole.
    pub(super) fn begin(&mut self, peer: SocketAddr, now: Timestamp) {
        self.connections.entry(peer).or_insert_with(|| Connection::new(now)).asking += 1;
    }

    /// A request is answered, or nobody waits for its answer any more.
    pub(super) fn end(&mut self, peer: SocketAddr, now: Timestamp) {
        let Some(connection) = self.connections.get_mut(&peer) else { return };
        connection.asking = connection.asking.saturating_sub(1);
        connection.answered_at = Some(now);
        if connection.asking == 0 && !self.is_watched {
            self.connections.remove(&peer);
        }
    }

    pub(super) fn is_a_members(&mut self, peer: SocketAddr) {
        if let Some(connection) = self.connections.get_mut(&peer) {
            connection.is_a_members = true;
        }
    }

    pub(super) fn hang_up(&mut self, peer: SocketAddr) {
        if let Some(connection) = self.connections.get_mut(&peer) {
            connection.is_hung_up = true;
        }
    }

    /// The system shows `socket` at `peer`.
    pub(super) fn see(&mut self, peer: SocketAddr, socket: u64, now: Timestamp) -> &mut Connection {
        let connection = self.connections.entry(peer).or_insert_with(|| Connection::new(now));
        if connection.socket != Some(socket) {
            // A new connection from a port that was another's: what the web heard since then is already of this one.
            connection.socket = Some(socket);
            connection.opened_at = now;
            connection.ended_at = None;
            connection.is_hung_up = false;
        }
        connection
    }

    /// Forgets the connections that are gone: the system did not show them when it was asked at `listed_at`.
    pub(super) fn forget_all_but(&mut self, shown: &HashMap<SocketAddr, u64>, listed_at: Timestamp) {
        self.connections.retain(|peer, connection| {
            let is_younger = connection.answered_at.unwrap_or(connection.opened_at) >= listed_at;
            connection.asking > 0 || is_younger || shown.contains_key(peer)
        });
    }
}
