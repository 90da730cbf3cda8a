use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::table::ConnectionTable;
use crate::domain::Clock;

/// A request that is under way on a connection. Dropping it says that it has been answered.
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

    /// The same once more: for what goes on with the connection when the request is answered.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self::start(Arc::clone(&self.table), Arc::clone(&self.clock), self.peer)
    }

    /// Whoever asks does not take the answer: the connection is ended at the next look.
    pub fn request_close(&self) {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).request_close(self.peer);
    }

    /// Whoever asks is signed in: when there is no room for all, they stay.
    pub fn mark_as_members(&self) {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).mark_as_members(self.peer);
    }
}

impl Drop for InFlightRequest {
    fn drop(&mut self) {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).request_finished(self.peer, self.clock.now());
    }
}
