use std::io;
use std::net::{SocketAddr, UdpSocket as StdUdpSocket};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, socket_with};
use tokio::net::UdpSocket;

use super::failure::{Failure, io_reason};

/// Types of messages (RFC 792, RFC 4443).
const ECHO_REQUEST: u8 = 8;
const ECHO_REPLY: u8 = 0;
const ECHO_REQUEST_V6: u8 = 128;
const ECHO_REPLY_V6: u8 = 129;

/// The number of the one request that a socket sends.
const SEQUENCE: [u8; 2] = [0, 1];

/// Sends an echo request, and waits for its reply. The socket is one that Linux gives to those groups alone that
/// `net.ipv4.ping_group_range` names; it fills in the identifier and the checksum, and passes on nobody else's replies.
pub(super) async fn ping(address: SocketAddr) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::Down(io_reason(error.kind()).to_owned());
    let (family, protocol, request, reply) = match address {
        SocketAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP, ECHO_REQUEST, ECHO_REPLY),
        SocketAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6, ECHO_REQUEST_V6, ECHO_REPLY_V6),
    };
    // Closed in the programs that the server starts meanwhile.
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::DGRAM, flags, Some(protocol)).map_err(|error| match error {
        Errno::ACCESS | Errno::PERM => {
            Failure::Unknown("this system lets the server send no pings (net.ipv4.ping_group_range)".to_owned())
        }
        error => Failure::Unknown(format!("this system sends no pings: {error}")),
    })?;
    let socket = UdpSocket::from_std(StdUdpSocket::from(socket)).map_err(failed)?;
    socket.connect(address).await.map_err(failed)?;
    let message = [[request, 0, 0, 0, 0, 0, SEQUENCE[0], SEQUENCE[1]], *b"belveder"].concat();
    socket.send(&message).await.map_err(failed)?;
    let mut answer = [0; 64];
    loop {
        let length = socket.recv(&mut answer).await.map_err(failed)?;
        if length >= 8 && answer[0] == reply && answer[6..8] == SEQUENCE {
            return Ok(());
        }
    }
}
