use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::table::ConnectionTable;
use crate::domain::{Clock, PersonId};

/// A request in flight on a connection. Dropping it marks the request as answered.
pub struct InFlightRequest {
    table: Arc<Mutex<ConnectionTable>>,
    clock: Arc<dyn Clock>,
    peer: SocketAddr,
}

impl InFlightRequest {
    pub(super) fn start(table: Arc<Mutex<ConnectionTable>>, clock: Arc<dyn Clock>, peer: SocketAddr) -> Self {
        table.lock().unwrap_or_else(PoisonError::into_inner).request_started(peer, clock.now());
        Self { table, clock, peer }
    }

    /// Another request in flight on the same connection: for what goes on with it after the request is answered.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self::start(Arc::clone(&self.table), Arc::clone(&self.clock), self.peer)
    }

    /// Requests that the connection be closed at the next sweep, as its client does not take the response.
    pub fn request_close(&self) {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).request_close(self.peer);
    }

    /// Counts the connection under a member: when there is no room for all, strangers' end before it.
    pub fn set_member(&self, member: &PersonId) {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).set_member(self.peer, member);
    }
}

impl Drop for InFlightRequest {
    fn drop(&mut self) {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).request_finished(self.peer, self.clock.now());
    }
}
