//! The viewers of a load process, and the state that they share.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, Semaphore, watch};

use crate::tally::Tally;

/// The most viewers that connect at the same time, at first: a morning, not a storm.
const MAX_CONNECTING: usize = 64;

/// A viewer to simulate: its page, and its session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ViewerSpec {
    pub(crate) slug: String,
    /// The session cookie's value; empty for an anonymous viewer.
    pub(crate) token: String,
}

/// The state that the viewers of this process share.
pub(crate) struct SharedState {
    /// The servers, of which a viewer goes to the next one when one is gone.
    pub(crate) servers: Vec<SocketAddr>,
    pub(crate) process: u8,
    pub(crate) tally: RefCell<Tally>,
    pub(crate) buffer: RefCell<Vec<u8>>,
    /// Changes when every connection is to be cut.
    pub(crate) cut: watch::Sender<()>,
    /// Bounds how many connect at once, until everybody has been connected.
    pub(crate) arriving: Semaphore,
    /// The number of viewers that have received their first state, …
    pub(crate) back: Cell<usize>,
    pub(crate) of: usize,
    pub(crate) all_back: Notify,
}

impl SharedState {
    pub(crate) fn new(servers: Vec<SocketAddr>, process: u8, viewers: usize) -> Self {
        Self {
            servers,
            process,
            tally: RefCell::default(),
            buffer: RefCell::new(vec![0; 64 << 10]),
            cut: watch::Sender::new(()),
            arriving: Semaphore::new(MAX_CONNECTING),
            back: Cell::new(0),
            of: viewers,
            all_back: Notify::new(),
        }
    }

    /// Counts a viewer that has received its first state.
    pub(crate) fn viewer_is_back(&self) {
        self.back.set(self.back.get() + 1);
        if self.back.get() == self.of {
            self.all_back.notify_one();
        }
    }
}
