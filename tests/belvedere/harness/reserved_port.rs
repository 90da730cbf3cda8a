//! Ports that nobody else gets while nothing listens on them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// A port of loopback that is bound and never listening: whoever binds it by name, as servers do, can listen on it.
pub(crate) struct ReservedPort {
    pub(crate) address: SocketAddr,
    _socket: TcpSocket,
}

impl ReservedPort {
    /// A free port of IPv4's loopback.
    pub(crate) fn new() -> Self {
        Self::on(Ipv4Addr::LOCALHOST.into())
    }

    /// A free port of this address.
    pub(crate) fn on(address: IpAddr) -> Self {
        let socket = bound(SocketAddr::new(address, 0));
        Self { address: socket.local_addr().unwrap(), _socket: socket }
    }
}

/// A socket that is bound to the address. Several may be bound to one port as long as only one of them listens.
pub(super) fn bound(address: SocketAddr) -> TcpSocket {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket
}
