//! A proxy between a server and its directory, or its store: it counts the bytes that the server has sent, and can be cut.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{self, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

/// A proxy on a loopback port of its own. It ends when dropped.
pub(crate) struct CuttableProxy {
    address: SocketAddr,
    state: Arc<CuttableProxyState>,
    _carrying: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct CuttableProxyState {
    bytes_sent: AtomicUsize,
    cut: AtomicBool,
    severed: Notify,
}

impl CuttableProxy {
    /// Starts a proxy to the server at this `ldap://` URL.
    pub(crate) async fn to(url: &str) -> Self {
        Self::before(url.strip_prefix("ldap://").unwrap()).await
    }

    /// Starts a proxy to the server at this address and port.
    pub(crate) async fn before(target: &str) -> Self {
        let target = target.to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(CuttableProxyState::default());
        let carrying = tokio::spawn(accept(listener, target, Arc::clone(&state)));
        Self { address, state, _carrying: AbortOnDropHandle::new(carrying) }
    }

    /// The URL for the server's settings, instead of the directory's own.
    pub(crate) fn url(&self) -> String {
        format!("ldap://{}", self.address)
    }

    /// The bytes that the server has sent to the directory.
    pub(crate) fn bytes_sent(&self) -> usize {
        self.state.bytes_sent.load(Ordering::SeqCst)
    }

    /// Drops every connection from now on.
    pub(crate) fn cut(&self) {
        self.state.cut.store(true, Ordering::SeqCst);
    }

    /// Drops every connection, those too that are open.
    pub(crate) fn sever(&self) {
        self.cut();
        self.state.severed.notify_waiters();
    }

    /// The port to connect to.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Forwards new connections again.
    pub(crate) fn restore(&self) {
        self.state.cut.store(false, Ordering::SeqCst);
    }
}

async fn accept(listener: TcpListener, target: String, state: Arc<CuttableProxyState>) {
    while let Ok((house, _)) = listener.accept().await {
        if state.cut.load(Ordering::SeqCst) {
            continue;
        }
        let (target, state) = (target.clone(), Arc::clone(&state));
        // Either side may hang up at any time: that ends this connection and no other.
        tokio::spawn(async move {
            tokio::select! {
                () = state.severed.notified() => Ok(()),
                ended = forward(house, &target, &state) => ended,
            }
        });
    }
}

async fn forward(house: TcpStream, target: &str, state: &CuttableProxyState) -> io::Result<()> {
    let (mut from_house, mut to_house) = house.into_split();
    let (mut from_directory, mut to_directory) = TcpStream::connect(target).await?.into_split();
    let questions = async {
        let mut buffer = [0; 4096];
        loop {
            let length = from_house.read(&mut buffer).await?;
            if length == 0 {
                return to_directory.shutdown().await;
            }
            state.bytes_sent.fetch_add(length, Ordering::SeqCst);
            to_directory.write_all(&buffer[..length]).await?;
        }
    };
    let answers = async {
        io::copy(&mut from_directory, &mut to_house).await?;
        to_house.shutdown().await
    };
    tokio::try_join!(questions, answers).map(drop)
}
