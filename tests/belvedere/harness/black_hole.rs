//! An address that takes no connection and refuses none: packets to it are lost, as behind a firewall.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// The time after which a connection on loopback that is not there never will be.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(200);

/// The connections that fill a listener's queue: more than the system queues for one that asked for no queue.
const FILLERS: usize = 16;

/// The address; it can be dialled for ever until this is dropped.
pub(crate) struct BlackHole {
    address: SocketAddr,
    /// Listens and never accepts, and its queue is full: the system drops further connections (Linux, with
    /// `net.ipv4.tcp_abort_on_overflow` as it comes).
    _listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl BlackHole {
    /// Opens one on a port of its own.
    pub(crate) async fn open() -> Self {
        Self::open_at(Ipv4Addr::LOCALHOST).await
    }

    /// Opens one on a port of this address.
    pub(crate) async fn open_at(host: Ipv4Addr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((host, 0).into()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        for _ in 0..FILLERS {
            match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
                Ok(filler) => queued.push(filler.unwrap()),
                Err(_) => return Self { address, _listener: listener, _queued: queued },
            }
        }
        panic!("the queue at {address} never fills");
    }

    /// Its address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}
