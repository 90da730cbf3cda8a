//! The listener: it accepts connections, counts them, and ends them all with itself.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use super::connection::DemoConnection;
use super::realm::DemoRealm;
use super::sample::SampleDomain;
use crate::domain::Clock;

/// The most clients served at once. The program keeps a handful of connections; the rest is room for tools that
/// somebody tries on the demo. One more is hung up on, and may try again.
pub(super) const MAX_CONNECTIONS: usize = 64;

/// The pause after a failed accept: it fails when the process has no file handles left, and would at once fail again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// A running demo directory. It stops, with all its connections, when dropped.
pub struct DemoDirectory {
    address: SocketAddr,
    accounts: Vec<SampleAccount>,
    _listening: AbortOnDropHandle<()>,
}

/// An account as the demo prints it. There is no `Debug`, so that no log learns to print passwords.
#[derive(Clone)]
pub struct SampleAccount {
    /// The name to type into the sign-in form.
    pub username: String,
    /// The sample password.
    pub password: String,
    /// The display name.
    pub display_name: String,
    /// The outcome of signing in with it: "may open Operations", "disabled".
    pub outcome: String,
}

impl DemoDirectory {
    /// Starts serving `sample` on a free port of the IPv4 loopback address. Lock-outs and idle times go by `clock`.
    ///
    /// # Errors
    /// `InvalidInput` when the sample contradicts itself, or the reason why no port is free.
    pub async fn start(sample: &SampleDomain, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let realm = Arc::new(DemoRealm::new(sample, clock)?);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let accounts = sample
            .people
            .iter()
            .map(|person| SampleAccount {
                username: person.username.clone(),
                password: person.password.clone(),
                display_name: person.display_name.clone(),
                outcome: person.outcome.clone(),
            })
            .collect();
        let listening = AbortOnDropHandle::new(tokio::spawn(listen(listener, realm)));
        Ok(Self { address, accounts, _listening: listening })
    }

    /// The URL at which it listens, `ldap://127.0.0.1:PORT`: all that a client needs.
    pub fn url(&self) -> String {
        format!("ldap://{}", self.address)
    }

    /// The accounts, in the sample's order.
    pub fn accounts(&self) -> &[SampleAccount] {
        &self.accounts
    }
}

/// Accepts connections for ever. They are owned here, so that they end with it.
async fn listen(listener: TcpListener, realm: Arc<DemoRealm>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < MAX_CONNECTIONS => {
                    connections.spawn(DemoConnection::new(Arc::clone(&realm), stream).serve());
                }
                Ok((_, peer)) => {
                    tracing::warn!(%peer, most = MAX_CONNECTIONS, "the embedded directory has no room for a client");
                }
                Err(fault) => {
                    tracing::warn!(%fault, "the embedded directory cannot accept a client");
                    realm.clock.sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = connections.join_next() => match ended {
                Ok(Ok(())) => {}
                Ok(Err(fault)) => tracing::debug!(%fault, "a client of the embedded directory was hung up on"),
                Err(fault) => tracing::error!(%fault, "a connection of the embedded directory ended in a panic"),
            },
        }
    }
}
