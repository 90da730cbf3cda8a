//! A proxy to the directory that can fail: as a machine does that is switched off, or as a service that is stopped.

use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// The state of the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxyState {
    /// It forwards.
    Forwarding,
    /// Open connections break, new ones are closed at once.
    Refusing,
    /// Nothing comes through any more, and nobody says so.
    Silent,
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<watch::Sender<ProxyState>>,
    _accepting: AbortOnDropHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let here = listener.local_addr().unwrap().port();
        let state = Arc::new(watch::Sender::new(ProxyState::Forwarding));
        let accepting = tokio::spawn(accept(listener, port, Arc::clone(&state)));
        Self { port: here, state, _accepting: AbortOnDropHandle::new(accepting) }
    }

    pub(crate) fn url(&self) -> String {
        format!("ldaps://localhost:{}", self.port)
    }

    pub(crate) fn set_state(&self, state: ProxyState) {
        self.state.send_replace(state);
    }
}

async fn accept(listener: TcpListener, port: u16, state: Arc<watch::Sender<ProxyState>>) {
    while let Ok((mut near, _)) = listener.accept().await {
        let mut state = state.subscribe();
        tokio::spawn(async move {
            if *state.borrow() == ProxyState::Forwarding
                && let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await
            {
                tokio::select! {
                    _ = copy_bidirectional(&mut near, &mut far) => return,
                    _ = state.wait_for(|state| *state != ProxyState::Forwarding) => {}
                }
            }
            // A silent wire keeps its end open, so that nobody hears of its death.
            let _ = state.wait_for(|state| *state != ProxyState::Silent).await;
        });
    }
}
