use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config::ServerAddress;

/// The servers in the admin's order, except that the one that last answered comes first: a dead server costs its
/// time-out once, not at every sign-in.
pub(super) struct Servers {
    addresses: Vec<ServerAddress>,
    last_good: AtomicUsize,
}

impl Servers {
    pub(super) fn new(addresses: Vec<ServerAddress>) -> Self {
        Self { addresses, last_good: AtomicUsize::new(0) }
    }

    /// The servers in the order to try them, each with its place in the list.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (usize, &ServerAddress)> {
        let first = self.last_good.load(Ordering::Relaxed);
        let others = self.addresses.iter().enumerate().filter(move |(place, _)| *place != first);
        self.addresses.get(first).map(|server| (first, server)).into_iter().chain(others)
    }

    /// Notes that the server at `place` answered.
    pub(super) fn answered(&self, place: usize) {
        self.last_good.store(place, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Scheme;

    #[test]
    fn the_server_that_last_answered_comes_first_and_none_is_left_out() {
        let server = |port| ServerAddress { scheme: Scheme::Ldaps, host: "dc".into(), port };
        let servers = Servers::new(vec![server(1), server(2), server(3)]);
        let order = |servers: &Servers| servers.in_order().map(|(_, server)| server.port).collect::<Vec<_>>();
        assert_eq!(order(&servers), [1, 2, 3]);
        servers.answered(2);
        assert_eq!(order(&servers), [3, 1, 2]);
        servers.answered(0);
        assert_eq!(order(&servers), [1, 2, 3]);
    }
}
