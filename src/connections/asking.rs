use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::book::Book;
use crate::domain::Clock;

/// A request that is under way on a connection. Dropping it says that it has been answered.
pub struct Asking {
    book: Arc<Mutex<Book>>,
    clock: Arc<dyn Clock>,
    peer: SocketAddr,
}

impl Asking {
    pub(super) fn begin(book: Arc<Mutex<Book>>, clock: Arc<dyn Clock>, peer: SocketAddr) -> Self {
        book.lock().unwrap_or_else(PoisonError::into_inner).begin(peer, clock.now());
        Self { book, clock, peer }
    }

    /// The same once more: for what goes on with the connection when the request is answered.
    #[must_use]
    pub fn another(&self) -> Self {
        Self::begin(Arc::clone(&self.book), Arc::clone(&self.clock), self.peer)
    }

    /// Whoever asks does not take the answer: the connection is ended at the next look.
    pub fn hang_up(&self) {
        self.book.lock().unwrap_or_else(PoisonError::into_inner).hang_up(self.peer);
    }

    /// Whoever asks is signed in: when there is no room for all, they stay.
    pub fn is_a_members(&self) {
        self.book.lock().unwrap_or_else(PoisonError::into_inner).is_a_members(self.peer);
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.book.lock().unwrap_or_else(PoisonError::into_inner).end(self.peer, self.clock.now());
    }
}
