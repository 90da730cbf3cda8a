use std::collections::HashSet;
use std::net::{IpAddr, UdpSocket};

use crate::domain::HostName;

/// The hosts by which requests may name this server. A page of another site, whose own name was made to resolve to this
/// server's address (DNS rebinding), has its own name in `Host`, and reads nothing here.
#[derive(Clone, Debug, Default)]
pub struct AllowedHosts(HashSet<HostName>);

impl AllowedHosts {
    /// Allows these hosts, beside loopback and the addresses of this machine.
    pub fn new(hosts: impl IntoIterator<Item = HostName>) -> Self {
        Self(hosts.into_iter().collect())
    }

    /// Whether a request to `host` is for this server.
    pub(super) fn contains(&self, host: &HostName) -> bool {
        host.is_loopback() || self.0.contains(host) || matches!(host, HostName::Address(address) if is_own(*address))
    }
}

/// Whether an address is this machine's at the moment: only then can a socket be bound to it.
fn is_own(address: IpAddr) -> bool {
    !address.is_unspecified() && !address.is_multicast() && UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_its_addresses_and_by_no_others() {
        let hosts = AllowedHosts::new(["boards.corp.example.com".parse().unwrap()]);
        let mut own =
            vec!["127.0.0.1".to_owned(), "[::1]".to_owned(), "localhost".to_owned(), "boards.corp.example.com".to_owned()];
        // The address that packets to the outside would bear, when there is an outside; nothing is sent.
        let socket = UdpSocket::bind(("0.0.0.0", 0)).unwrap();
        own.extend(socket.connect(("192.0.2.1", 9)).and_then(|()| socket.local_addr()).ok().map(|own| own.ip().to_string()));
        for host in own {
            assert!(hosts.contains(&host.parse().unwrap()), "{host}");
        }
        for host in ["evil.example", "boards", "192.0.2.1", "0.0.0.0", "[::]", "224.0.0.1", "[2001:db8::1]", "169.254.169.254"]
        {
            assert!(!hosts.contains(&host.parse().unwrap()), "{host}");
        }
    }
}
