use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use ldap3::{LdapConnAsync, LdapConnSettings, LdapError, StdStream};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::connection::{Connection, Meter};
use super::fault::{Fault, Operation};
use super::servers::Names;
use super::tls::{self, Tls};
use crate::config::{DirectorySettings, Scheme, ServerAddress};
use crate::telemetry::DirectoryMetrics;

/// A name with more addresses than this is a misconfiguration, or an attempt to keep us busy.
const MOST_ADDRESSES: usize = 8;

/// How connections are made.
pub(super) struct Dialler {
    pub(super) names: Arc<Names>,
    metrics: DirectoryMetrics,
    tls: Tls,
    start_tls: bool,
    allow_plaintext: bool,
    dial_timeout: Duration,
    operation_timeout: Duration,
}

impl Dialler {
    pub(super) fn new(settings: &DirectorySettings, tls: Tls, metrics: DirectoryMetrics) -> Self {
        Self {
            names: Arc::new(Names::new(settings.dns.clone())),
            metrics,
            tls,
            start_tls: settings.start_tls,
            allow_plaintext: settings.allow_plaintext,
            dial_timeout: settings.dial_timeout,
            operation_timeout: settings.operation_timeout,
        }
    }

    /// Opens a connection to one server: name, TCP, TLS, all within one deadline. Each address of the name gets an
    /// equal share of the time left, so that one that never answers does not eat the others'.
    ///
    /// # Errors
    /// A fault that names the server, and for every address what went wrong there. Nothing secret has been sent.
    pub(super) async fn dial(&self, server: &ServerAddress) -> Result<Connection, Fault> {
        let started = Instant::now();
        let dialled = self.try_dial(server).await;
        let outcome = if dialled.is_ok() { "ok" } else { "unreachable" };
        self.metrics.operation("dial", &server.to_string(), outcome, started.elapsed());
        dialled
    }

    async fn try_dial(&self, server: &ServerAddress) -> Result<Connection, Fault> {
        let deadline = Instant::now() + self.dial_timeout;
        let addresses = self.resolve(server, deadline).await?;
        let mut faults = Vec::new();
        for (tried, address) in addresses.iter().enumerate() {
            let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            let share = deadline.saturating_duration_since(Instant::now()) / left;
            let attempt = AssertUnwindSafe(self.dial_address(server, *address)).catch_unwind();
            match timeout_at(Instant::now() + share, attempt).await {
                Ok(Ok(Ok(connection))) => return Ok(connection),
                Ok(Ok(Err(reason))) => faults.push(format!("{address}: {reason}")),
                Ok(Err(_panic)) => faults.push(format!("{address}: its answer is not LDAP as RFC 4511 has it")),
                Err(_elapsed) => faults.push(format!("{address}: no answer within {share:.1?} (dial_timeout)")),
            }
        }
        Err(Fault::unreachable(Operation::Dial, faults.join(", ")))
    }

    async fn resolve(&self, server: &ServerAddress, deadline: Instant) -> Result<Vec<SocketAddr>, Fault> {
        let fault = |reason| Err(Fault::unreachable(Operation::Dial, reason));
        match timeout_at(deadline, self.names.addresses(&server.host, server.port)).await {
            Err(_elapsed) => fault("its name was not resolved in time: check this machine's DNS".to_owned()),
            Ok(Err(error)) => fault(format!("its name does not resolve ({error}): check url and this machine's DNS")),
            Ok(Ok(mut addresses)) => {
                addresses.dedup();
                addresses.truncate(MOST_ADDRESSES);
                if addresses.is_empty() { fault("its name has no address".to_owned()) } else { Ok(addresses) }
            }
        }
    }

    async fn dial_address(&self, server: &ServerAddress, address: SocketAddr) -> Result<Connection, String> {
        let encrypted = server.scheme == Scheme::Ldaps || self.start_tls;
        if !encrypted && !self.allow_plaintext && !address.ip().to_canonical().is_loopback() {
            return Err("plain LDAP would send passwords readable over the network: use an ldaps:// URL, set \
                        start_tls = true, or allow it with allow_plaintext = true"
                .into());
        }
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let stream = stream.into_std().map_err(|error| error.to_string())?;

        let mut settings = LdapConnSettings::new().set_std_stream(StdStream::Tcp(stream));
        // Without TLS the crate's URL needs a host, but makes nothing of it: the stream is already there.
        let mut url_host = "plain.invalid".to_owned();
        if encrypted {
            let tls = self.tls.speak_to(&server.host)?;
            settings = settings.set_config(tls.config).set_starttls(server.scheme == Scheme::Ldap);
            url_host = tls.url_host;
        }
        let scheme = if server.scheme == Scheme::Ldaps { "ldaps" } else { "ldap" };
        let url = format!("{scheme}://{url_host}:{}", server.port);
        let (connection, ldap) =
            LdapConnAsync::with_settings(settings, &url).await.map_err(|error| in_words(&error))?;
        let meter = Meter::new(self.metrics.clone(), server.to_string());
        Ok(Connection::new(connection, ldap, self.operation_timeout, meter))
    }
}

/// What went wrong between TCP and the first operation.
fn in_words(error: &LdapError) -> String {
    match error {
        LdapError::Io { source } => tls::explain(source).unwrap_or_else(|| format!("TLS failed: {source}")),
        LdapError::LdapResult { result } => format!(
            "it refused StartTLS (result {}), and nothing was sent without it: use an ldaps:// URL, or install a \
             certificate on the server",
            result.rc
        ),
        LdapError::DNSName { .. } => "its host name cannot be in a certificate: correct url".into(),
        other => format!("the connection could not be set up: {other}"),
    }
}
