//! One connection through the [fault proxy](super::fault_proxy): bytes go both ways, and answers suffer the fault of the
//! moment.

use std::sync::{Arc, Mutex};

use tokio::io::{self, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::fault_proxy::{Fault, FaultProxyState};
use super::ldap_requests::LdapRequestReader;
use super::ldap_results;

/// One client's connection; while it is there, it counts as open.
pub(super) struct ProxiedConnection {
    state: Arc<FaultProxyState>,
    reader: Arc<Mutex<LdapRequestReader>>,
    is_silenced: bool,
}

impl ProxiedConnection {
    /// A connection that begins now.
    pub(super) fn new(state: Arc<FaultProxyState>) -> Self {
        state.traffic.send_modify(|seen| {
            seen.connections += 1;
            seen.open += 1;
        });
        Self { state, reader: Arc::default(), is_silenced: false }
    }

    /// Forwards bytes between the client and the server until it ends.
    ///
    /// Either side may hang up at any time: that ends this connection and no other.
    pub(super) async fn forward(mut self, client: TcpStream) {
        let _ = self.try_forward(client).await;
    }

    async fn try_forward(&mut self, mut client: TcpStream) -> io::Result<()> {
        let state = Arc::clone(&self.state);
        let is_silent = *state.fault.borrow() == Fault::Silent;
        let Some(tls) = &state.tls else {
            let server = TcpStream::connect(&state.target).await;
            // A silent server is there, even if what is behind the proxy is not.
            return match server {
                Ok(server) => self.exchange(client, server).await,
                Err(_) if is_silent => io::copy(&mut client, &mut io::sink()).await.map(drop),
                Err(error) => Err(error),
            };
        };
        if is_silent {
            return io::copy(&mut client, &mut io::sink()).await.map(drop);
        }
        let client = tls.accept(client).await?;
        let server = tls.connect(TcpStream::connect(&state.target).await?).await?;
        self.exchange(client, server).await
    }

    async fn exchange(&mut self, client: impl Stream, server: impl Stream) -> io::Result<()> {
        let (mut from_client, to_client) = io::split(client);
        let (from_server, mut to_server) = io::split(server);
        let (state, reader) = (Arc::clone(&self.state), Arc::clone(&self.reader));
        let questions = async {
            let mut buffer = vec![0; 16 * 1024];
            loop {
                let length = from_client.read(&mut buffer).await?;
                if length == 0 {
                    return Ok(());
                }
                let requests = reader.lock().unwrap().read(&buffer[..length]);
                state.note(requests);
                to_server.write_all(&buffer[..length]).await?;
                to_server.flush().await?;
            }
        };
        tokio::select! {
            ended = questions => ended,
            ended = self.answers(from_server, to_client) => ended,
        }
    }

    async fn answers(&mut self, mut server: impl AsyncRead + Unpin, mut client: impl AsyncWrite + Unpin) -> io::Result<()> {
        let mut fault = self.state.fault.subscribe();
        let mut buffer = vec![0; 16 * 1024];
        loop {
            match *fault.borrow_and_update() {
                Fault::Refuse => return Ok(()),
                Fault::Silent => self.is_silenced = true,
                _ => {}
            }
            let length = tokio::select! {
                length = server.read(&mut buffer) => length?,
                changed = fault.changed() => { changed.unwrap(); continue }
            };
            if length == 0 && self.is_silenced {
                // A silent server does not hang up either; the client will.
                return std::future::pending().await;
            }
            if length == 0 || !self.answer(&buffer[..length], &mut fault, &mut client).await? {
                return Ok(());
            }
        }
    }

    /// Forwards the server's answer as the current fault has it. Returns whether the connection goes on.
    async fn answer(
        &mut self,
        said: &[u8],
        fault: &mut watch::Receiver<Fault>,
        client: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<bool> {
        let mut now = *fault.borrow_and_update();
        while let Fault::Delay(length) = now {
            match tokio::time::timeout(length, fault.wait_for(|fault| *fault != now)).await {
                Ok(changed) => now = *changed.unwrap(),
                Err(_) => now = Fault::Pass,
            }
        }
        self.is_silenced |= now == Fault::Silent;
        let passed = match now {
            _ if self.is_silenced => return Ok(true),
            Fault::Refuse => return Ok(false),
            Fault::Cut => &said[..said.len() / 2],
            Fault::Garbage(kind) => &kind.bytes(self.reader.lock().unwrap().last_id()),
            Fault::Result(code) => {
                let reader = self.reader.lock().unwrap();
                &ldap_results::result(reader.last_id(), reader.last_operation(), code)
            }
            Fault::Pass | Fault::Silent | Fault::Delay(_) => said,
        };
        client.write_all(passed).await?;
        client.flush().await?;
        Ok(now != Fault::Cut)
    }
}

impl Drop for ProxiedConnection {
    fn drop(&mut self) {
        self.state.traffic.send_modify(|seen| seen.open -= 1);
    }
}

/// A stream of bytes in both directions.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}
