use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, StdStream};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::fault::{OperationFault, OperationKind};
use super::ldap_connection::{ConnectionMetrics, LdapConnection};
use super::servers::DnsResolver;
use super::start_tls;
use super::tls::{self, TlsClient};
use crate::config::{DirectorySettings, LdapScheme, ServerAddress};
use crate::telemetry::DirectoryMetrics;

/// The most addresses dialled of one name: more are a misconfiguration, or an attempt to keep us busy.
const MAX_ADDRESSES: usize = 8;

/// Opens connections to servers, with TLS as the settings want it.
pub(in crate::directory) struct Dialler {
    pub(in crate::directory) resolver: Arc<DnsResolver>,
    metrics: DirectoryMetrics,
    tls: TlsClient,
    start_tls: bool,
    allow_plaintext: bool,
    dial_timeout: Duration,
    operation_timeout: Duration,
}

impl Dialler {
    pub(in crate::directory) fn new(settings: &DirectorySettings, tls: TlsClient, metrics: DirectoryMetrics) -> Self {
        Self {
            resolver: Arc::new(DnsResolver::new(settings.dns.clone())),
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
    pub(in crate::directory) async fn dial(&self, server: &ServerAddress) -> Result<LdapConnection, OperationFault> {
        let started = Instant::now();
        let dialled = self.try_dial(server).await;
        let outcome = if dialled.is_ok() { "ok" } else { "unreachable" };
        self.metrics.operation("dial", &server.to_string(), outcome, started.elapsed());
        dialled
    }

    async fn try_dial(&self, server: &ServerAddress) -> Result<LdapConnection, OperationFault> {
        let deadline = Instant::now() + self.dial_timeout;
        let addresses = self.resolve(server, deadline).await?;
        let mut faults = Vec::new();
        for (tried, address) in addresses.iter().enumerate() {
            let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            let share = deadline.saturating_duration_since(Instant::now()) / left;
            match timeout_at(Instant::now() + share, self.dial_address(server, *address)).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(reason)) => faults.push(format!("{address}: {reason}")),
                Err(_elapsed) => faults.push(format!("{address}: no answer within {share:.1?} (dial_timeout)")),
            }
        }
        Err(OperationFault::connection_failed(OperationKind::Dial, faults.join(", ")))
    }

    /// The server's addresses. When they cannot be found out now, those it had before: DNS often stands on the same
    /// machines, and fails with them.
    async fn resolve(&self, server: &ServerAddress, deadline: Instant) -> Result<Vec<SocketAddr>, OperationFault> {
        let fault = |reason| Err(OperationFault::connection_failed(OperationKind::Dial, reason));
        // Half of the time is left for dialling.
        let by = Instant::now() + deadline.saturating_duration_since(Instant::now()) / 2;
        let before = self.resolver.last_known(&server.host, server.port);
        let found =
            match timeout_at(if before.is_some() { by } else { deadline }, self.resolver.resolve(&server.host, server.port))
                .await
            {
                Ok(Ok(addresses)) if addresses.is_empty() => Err("its name has no address".to_owned()),
                Ok(Ok(addresses)) => Ok(addresses),
                Ok(Err(error)) => Err(format!("its name does not resolve ({error}): check url and this machine's DNS")),
                Err(_elapsed) => Err("its name was not resolved in time: check this machine's DNS".to_owned()),
            };
        let mut addresses = match (found, before) {
            (Ok(addresses), _) => addresses,
            (Err(reason), Some(before)) => {
                tracing::debug!(%server, reason, "the addresses known before are dialled");
                before
            }
            (Err(reason), None) => return fault(reason),
        };
        addresses.dedup();
        addresses.truncate(MAX_ADDRESSES);
        Ok(addresses)
    }

    async fn dial_address(&self, server: &ServerAddress, address: SocketAddr) -> Result<LdapConnection, String> {
        let encrypted = server.scheme == LdapScheme::Ldaps || self.start_tls;
        if !encrypted && !self.allow_plaintext && !address.ip().to_canonical().is_loopback() {
            return Err("plain LDAP would send passwords readable over the network: use an ldaps:// URL, set \
                        start_tls = true, or allow it with allow_plaintext = true"
                .into());
        }
        let mut stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        if encrypted && server.scheme == LdapScheme::Ldap {
            start_tls::request(&mut stream).await?;
        }
        let tls = if encrypted { Some(server.host.as_str()) } else { None };
        let stream = stream.into_std().map_err(|error| error.to_string())?;
        let socket = stream.try_clone().map_err(|error| error.to_string())?;
        let ends = self.connect_ldap(stream, tls).await?;
        let metrics = ConnectionMetrics::new(self.metrics.clone(), server.to_string());
        Ok(LdapConnection::new(ends, socket, self.operation_timeout, metrics).with_certificate_requests(self.tls.requests()))
    }

    /// Hands an open stream to the `ldap3` crate, which makes it one to this host by TLS, if there is one.
    async fn connect_ldap(&self, stream: std::net::TcpStream, tls_host: Option<&str>) -> Result<(LdapConnAsync, Ldap), String> {
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Tcp(stream));
        let (settings, url) = match tls_host {
            Some(host) => {
                let (config, host) = self.tls.config_for(host)?;
                (settings.set_config(config), format!("ldaps://{host}"))
            }
            // Nobody is looked up by it: the stream is there.
            None => (settings, "ldap://localhost".to_owned()),
        };
        LdapConnAsync::with_settings(settings, &url).await.map_err(|error| tls::explain(&error))
    }
}
