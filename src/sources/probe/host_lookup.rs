//! Looks up the addresses of hosts, as the system resolves them. A look-up has a thread for as long as the system takes, also where
//! nobody waits for it any more: each target has one at a time, and a source so many.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// The most look-ups of a source at a time: few of the threads that the whole server has for what blocks.
const MAX_AT_A_TIME: usize = 16;

/// The places of a source's look-ups.
#[derive(Clone)]
pub(super) struct LookupPlaces(Arc<Semaphore>);

/// The look-up of a target's host.
#[derive(Clone)]
pub(super) struct HostLookup {
    of_source: LookupPlaces,
    of_target: Arc<Semaphore>,
}

impl LookupPlaces {
    /// The places of one source.
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_AT_A_TIME)))
    }
}

impl HostLookup {
    /// The look-up for one target of the source with these places.
    pub(super) fn new(of_source: &LookupPlaces) -> Self {
        Self { of_source: of_source.clone(), of_target: Arc::new(Semaphore::new(1)) }
    }

    /// The addresses of a host, after the look-up of whoever has given up before.
    ///
    /// # Errors
    /// What the system answers.
    pub(super) async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let of_target = Arc::clone(&self.of_target).acquire_owned().await.map_err(io::Error::other)?;
        let of_source = Arc::clone(&self.of_source.0).acquire_owned().await.map_err(io::Error::other)?;
        let host = host.to_owned();
        let look_up = move || -> io::Result<Vec<SocketAddr>> {
            // They are given back when the system has answered.
            let _places = (of_target, of_source);
            Ok((host.as_str(), port).to_socket_addrs()?.collect())
        };
        spawn_blocking(look_up).await.map_err(io::Error::other)?
    }
}

impl Resolve for HostLookup {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = self.clone();
        Box::pin(async move {
            let found = lookup.addresses(name.as_str(), 0).await?;
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_up_that_hangs_keeps_its_place_and_an_address_needs_none() {
        let places = LookupPlaces::new();
        let (one, other) = (HostLookup::new(&places), HostLookup::new(&places));
        let hangs = Arc::clone(&one.of_target).acquire_owned().await.unwrap();
        assert_eq!(one.addresses("127.0.0.1", 1).await.unwrap().len(), 1);
        assert!(!other.addresses("localhost", 1).await.unwrap().is_empty());
        let mut waits = Box::pin(one.addresses("localhost", 1));
        assert!(futures::poll!(&mut waits).is_pending());
        drop(hangs);
        assert!(!waits.await.unwrap().is_empty());
    }
}
