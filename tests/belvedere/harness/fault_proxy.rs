//! Fault injection between a client and a directory: a proxy whose behaviour the test switches.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use super::certificates::{TestAuthority, TlsBridge};
use super::fault_connection::ProxiedConnection;
use super::garbage::Garbage;
use super::ldap_requests::{LdapRequest, SentSearch};
use super::reserved_port::{ReservedPort, bound};

/// How long a test waits for what must come, on a busy machine too.
const WITHIN: Duration = Duration::from_secs(30);

/// The fault that is applied to connections, new ones and open ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing: every byte goes through.
    Pass,
    /// The server is dead: its port is closed, and its connections with it.
    Refuse,
    /// The server receives and never answers. A connection that has fallen silent stays so.
    Silent,
    /// The next answer ends in its middle, and the connection with it.
    Cut,
    /// Every answer comes this much later.
    Delay(Duration),
    /// Instead of an answer comes this.
    Garbage(Garbage),
    /// Instead of an answer comes a result with this code and nothing else.
    Result(u32),
}

/// The counts of what has passed so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProxyTraffic {
    /// Connections taken.
    pub(crate) connections: usize,
    /// Connections that are there now.
    pub(crate) open: usize,
    /// The name of every bind, also of those without a name.
    pub(crate) binds: Vec<String>,
    /// Every search.
    pub(crate) searches: Vec<SentSearch>,
}

/// A proxy on a loopback port of its own, in front of a real server. It keeps its port while it refuses, and ends when
/// dropped.
///
/// It can read only what is not encrypted: binds and searches are counted over plain LDAP, and over LDAPS where the
/// proxy was set up [with TLS](Self::with_tls) of its own.
pub(crate) struct FaultProxy {
    url: String,
    state: Arc<FaultProxyState>,
    ca_folder: Option<TempDir>,
    /// Nobody else gets the port while the proxy refuses.
    _reserved: ReservedPort,
    _accepting: AbortOnDropHandle<()>,
}

pub(super) struct FaultProxyState {
    address: SocketAddr,
    pub(super) target: String,
    pub(super) tls: Option<TlsBridge>,
    pub(super) fault: watch::Sender<Fault>,
    is_listening: watch::Sender<bool>,
    pub(super) traffic: watch::Sender<ProxyTraffic>,
    triggered: Mutex<Option<TriggeredFault>>,
}

/// The fault that begins with a certain request.
struct TriggeredFault {
    trigger: Box<dyn Fn(&LdapRequest) -> bool + Send>,
    fault: Fault,
}

impl FaultProxy {
    /// A proxy before the server at this LDAP or LDAPS URL, on its host but for the port, so that the server's
    /// certificate is good here too.
    pub(crate) async fn before(url: &str) -> Self {
        Self::start(url, None).await
    }

    /// A proxy that ends the client's TLS and begins its own to the server, whose certificate is from `ca_file`: so it
    /// can read LDAPS as well. The client must trust [`Self::ca_file`].
    pub(crate) async fn with_tls(url: &str, ca_file: &Path) -> Self {
        Self::start(url, Some(ca_file)).await
    }

    async fn start(url: &str, server_ca: Option<&Path>) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap();
        let standard = if scheme == "ldaps" { 636 } else { 389 };
        let (host, port) = rest.rsplit_once(':').map_or((rest, standard), |(host, port)| (host, port.parse().unwrap()));
        let own: IpAddr = if host == "localhost" { "127.0.0.1" } else { host }.parse().unwrap();
        let reserved = ReservedPort::on(own);
        let address = reserved.address;
        let (mut tls, mut ca_folder) = (None, None);
        if let Some(server_ca) = server_ca {
            let (authority, folder) = (TestAuthority::new(), tempfile::tempdir().unwrap());
            let identity = authority.issue(&[host]);
            authority.write(&identity, folder.path()).unwrap();
            tls = Some(TlsBridge::new(&identity, server_ca, host));
            ca_folder = Some(folder);
        }
        let state = Arc::new(FaultProxyState {
            address,
            target: format!("{host}:{port}"),
            tls,
            fault: watch::Sender::new(Fault::Pass),
            is_listening: watch::Sender::new(false),
            traffic: watch::Sender::default(),
            triggered: Mutex::default(),
        });
        let accepting = AbortOnDropHandle::new(tokio::spawn(accept(Arc::clone(&state))));
        let url = format!("{scheme}://{host}:{}", address.port());
        let proxy = Self { url, state, ca_folder, _reserved: reserved, _accepting: accepting };
        proxy.set(Fault::Pass).await;
        proxy
    }

    /// The URL for the client's settings, instead of the server's own.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The port of that URL.
    pub(crate) fn port(&self) -> u16 {
        self.state.address.port()
    }

    /// The CA of a proxy with TLS of its own.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.ca_folder.as_ref().expect("only a proxy with TLS of its own has a CA").path().join("ca.pem")
    }

    /// Changes what happens, from now on. When this returns, the port is open or closed accordingly.
    pub(crate) async fn set(&self, fault: Fault) {
        self.state.fault.send_replace(fault);
        let mut is_listening = self.state.is_listening.subscribe();
        let wanted = fault != Fault::Refuse;
        patiently("the port to change", is_listening.wait_for(|is_listening| *is_listening == wanted)).await.unwrap();
    }

    /// The fault begins with the next request that `springs_at` knows; the request itself still reaches the server.
    pub(crate) fn set_when(&self, springs_at: impl Fn(&LdapRequest) -> bool + Send + 'static, fault: Fault) {
        *self.state.triggered.lock().unwrap() = Some(TriggeredFault { trigger: Box::new(springs_at), fault });
    }

    /// The fault begins with the next bind whose name contains `name`.
    pub(crate) fn set_at_bind(&self, name: &str, fault: Fault) {
        let wanted = name.to_lowercase();
        let springs_at = move |request: &LdapRequest| match request {
            LdapRequest::Bind(name) => name.to_lowercase().contains(&wanted),
            _ => false,
        };
        self.set_when(springs_at, fault);
    }

    /// How many connections it has taken.
    pub(crate) fn connections(&self) -> usize {
        self.state.traffic.borrow().connections
    }

    /// The name of every bind so far, in order; empty for one without a name.
    pub(crate) fn binds(&self) -> Vec<String> {
        self.state.traffic.borrow().binds.clone()
    }

    /// Every search so far, in order.
    pub(crate) fn searches(&self) -> Vec<SentSearch> {
        self.state.traffic.borrow().searches.clone()
    }

    /// Waits until what was seen is so.
    ///
    /// # Panics
    /// When it is not so in half a minute.
    pub(crate) async fn until(&self, is_so: impl FnMut(&ProxyTraffic) -> bool) -> ProxyTraffic {
        let mut seen = self.state.traffic.subscribe();
        patiently("a client", seen.wait_for(is_so)).await.unwrap().clone()
    }
}

impl FaultProxyState {
    /// Counts what the client asked. A trap springs before the server can have heard of it.
    pub(super) fn note(&self, requests: Vec<LdapRequest>) {
        for request in requests {
            let mut trap = self.triggered.lock().unwrap();
            if let Some(sprung) = trap.take_if(|trap| (trap.trigger)(&request)) {
                self.fault.send_replace(sprung.fault);
            }
            drop(trap);
            self.traffic.send_modify(|seen| match request {
                LdapRequest::Bind(name) => seen.binds.push(name),
                LdapRequest::Search(search) => seen.searches.push(search),
                LdapRequest::Other(_) => {}
            });
        }
    }
}

async fn accept(state: Arc<FaultProxyState>) {
    let mut fault = state.fault.subscribe();
    let mut connections = JoinSet::new();
    loop {
        fault.wait_for(|fault| *fault != Fault::Refuse).await.unwrap();
        let listener: TcpListener = bound(state.address).listen(1024).unwrap();
        state.is_listening.send_replace(true);
        loop {
            tokio::select! {
                _ = fault.wait_for(|fault| *fault == Fault::Refuse) => break,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => {
                    let (client, _) = accepted.unwrap();
                    connections.spawn(ProxiedConnection::new(Arc::clone(&state)).forward(client));
                }
            }
        }
        drop(listener);
        state.is_listening.send_replace(false);
    }
}

async fn patiently<T>(what: &str, awaited: impl Future<Output = T>) -> T {
    tokio::time::timeout(WITHIN, awaited).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}
