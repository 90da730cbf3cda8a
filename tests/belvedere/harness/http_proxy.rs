//! A proxy between browsers and a server. It cuts connections on request, and may refuse upgrades, as those of some
//! companies do.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{self, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::test_server::TestServer;

/// The longest head of a request: longer than any that a browser sends.
const MAX_HEAD: usize = 16 * 1024;

const REFUSAL: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// A proxy on a loopback port of its own. It ends when dropped.
pub(crate) struct HttpProxy {
    address: SocketAddr,
    state: Arc<HttpProxyState>,
    _carrying: AbortOnDropHandle<()>,
}

struct HttpProxyState {
    house: SocketAddr,
    takes_upgrades: bool,
    /// How often all connections were cut.
    closings: watch::Sender<usize>,
}

impl HttpProxy {
    /// A proxy that lets everything through.
    pub(crate) async fn to(house: &TestServer) -> Self {
        Self::open(house, true).await
    }

    /// A proxy that refuses upgrades, and lets everything else through.
    pub(crate) async fn without_upgrades_to(house: &TestServer) -> Self {
        Self::open(house, false).await
    }

    async fn open(house: &TestServer, takes_upgrades: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(HttpProxyState { house: house.address, takes_upgrades, closings: watch::Sender::new(0) });
        let carrying = tokio::spawn(accept(listener, Arc::clone(&state)));
        Self { address, state, _carrying: AbortOnDropHandle::new(carrying) }
    }

    /// The address of a path in the server, through here.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Ends every connection there is. New ones are let through.
    pub(crate) fn closes_all(&self) {
        self.state.closings.send_modify(|cuts| *cuts += 1);
    }
}

async fn accept(listener: TcpListener, state: Arc<HttpProxyState>) {
    while let Ok((browser, _)) = listener.accept().await {
        let (state, mut cuts) = (Arc::clone(&state), state.closings.subscribe());
        tokio::spawn(async move {
            tokio::select! {
                _ = cuts.changed() => (),
                // Either side may hang up at any time: that ends this connection and no other.
                _ = forward(browser, &state) => (),
            }
        });
    }
}

async fn forward(mut browser: TcpStream, state: &HttpProxyState) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() > MAX_HEAD || browser.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    // A browser never asks for an upgrade on a connection that it has asked for anything else on.
    let upgrades = String::from_utf8_lossy(&head).to_ascii_lowercase().contains("\r\nupgrade: websocket");
    if upgrades && !state.takes_upgrades {
        return browser.write_all(REFUSAL).await;
    }
    let mut house = TcpStream::connect(state.house).await?;
    house.write_all(&head).await?;
    io::copy_bidirectional(&mut browser, &mut house).await.map(drop)
}
