//! A wire to the directory that can die: as a machine does that is switched off, or as a service that is stopped.

use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// How the wire is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It carries.
    Whole,
    /// RunningServer connections break, new ones are closed at once.
    Refusing,
    /// Nothing comes through any more, and nobody says so.
    Silent,
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<watch::Sender<State>>,
    _accepting: AbortOnDropHandle<()>,
}

impl Proxy {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let here = listener.local_addr().unwrap().port();
        let state = Arc::new(watch::Sender::new(State::Whole));
        let accepting = tokio::spawn(accept(listener, port, Arc::clone(&state)));
        Self { port: here, state, _accepting: AbortOnDropHandle::new(accepting) }
    }

    pub(crate) fn url(&self) -> String {
        format!("ldaps://localhost:{}", self.port)
    }

    pub(crate) fn becomes(&self, state: State) {
        self.state.send_replace(state);
    }
}

async fn accept(listener: TcpListener, port: u16, state: Arc<watch::Sender<State>>) {
    while let Ok((mut near, _)) = listener.accept().await {
        let mut state = state.subscribe();
        tokio::spawn(async move {
            if *state.borrow() == State::Whole
                && let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await
            {
                tokio::select! {
                    _ = copy_bidirectional(&mut near, &mut far) => return,
                    _ = state.wait_for(|state| *state != State::Whole) => {}
                }
            }
            // A silent wire keeps its end open, so that nobody hears of its death.
            let _ = state.wait_for(|state| *state != State::Silent).await;
        });
    }
}
