//! One attempt at a target, by its protocol. Reasons are in words for everybody who sees the panel: they name no host.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::redirect::Policy;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use super::failure::{Failure, http_failure, io_reason};
use super::host_lookup::{HostLookup, LookupPlaces};
use super::ping;
use super::settings::{TargetAddress, TargetSettings};
use crate::sources::SourceError;
use crate::tls::{CertificateObserver, ServerTrust, explain_io};

/// The limit on redirects on the way to the page.
const MAX_REDIRECTS: usize = 5;

/// How much of a body is searched for words.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// A client for one target.
pub(super) struct TargetProber {
    address: TargetAddress,
    lookup: HostLookup,
    client: Option<reqwest::Client>,
    status: Vec<u16>,
    words: Option<String>,
    connector: Option<TlsConnector>,
    pub(super) observer: Option<Arc<CertificateObserver>>,
}

impl TargetProber {
    /// The client for a target. Nothing is dialled; files of certificates are read.
    ///
    /// # Errors
    /// [`SourceError::Broken`] when the certificates cannot be used.
    pub(super) fn new(settings: &TargetSettings, places: &LookupPlaces) -> Result<Self, SourceError> {
        let TargetSettings { address, status, words, ca_file, tls_fingerprint } = settings;
        let speaks_tls = match address {
            TargetAddress::Http(url) => url.scheme() == "https",
            TargetAddress::Tls(..) => true,
            TargetAddress::Tcp(..) | TargetAddress::Dns(_) | TargetAddress::Icmp(_) => false,
        };
        let trust = if speaks_tls { ServerTrust::new(ca_file.as_deref(), tls_fingerprint) } else { Ok(ServerTrust::nobody()) };
        let observer = CertificateObserver::new(trust.map_err(SourceError::Broken)?);
        let config = observer.client_config().map_err(SourceError::Broken)?;
        let lookup = HostLookup::new(places);
        let client = match address {
            TargetAddress::Http(_) => Some(http_client(config.clone(), lookup.clone())?),
            _ => None,
        };
        Ok(Self {
            address: address.clone(),
            lookup,
            client,
            status: status.clone(),
            words: words.clone(),
            connector: speaks_tls.then(|| TlsConnector::from(Arc::new(config))),
            observer: speaks_tls.then_some(observer),
        })
    }

    /// Tries the target once, without a limit of time.
    ///
    /// # Errors
    /// Why it is not as it should be.
    pub(super) async fn attempt(&self) -> Result<(), Failure> {
        match &self.address {
            TargetAddress::Http(url) => self.get(url).await,
            TargetAddress::Tcp(host, port) => self.connect(host, *port).await.map(drop),
            TargetAddress::Tls(host, port) => self.handshake(host, *port).await,
            TargetAddress::Dns(name) => self.resolve(name, 0).await.map(drop),
            TargetAddress::Icmp(host) => ping::ping(first(&self.resolve(host, 0).await?)?).await,
        }
    }

    async fn get(&self, url: &Url) -> Result<(), Failure> {
        let client = self.client.as_ref().ok_or_else(|| Failure::Unknown("it has no client".to_owned()))?;
        let mut response = client.get(url.clone()).send().await.map_err(|error| http_failure(&error))?;
        let status = response.status().as_u16();
        let is_right = if self.status.is_empty() { (200..400).contains(&status) } else { self.status.contains(&status) };
        if !is_right {
            return Err(Failure::Down(format!("answered {status}")));
        }
        let Some(words) = &self.words else { return Ok(()) };
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| http_failure(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BODY_BYTES {
                break;
            }
        }
        if String::from_utf8_lossy(&body).contains(words) {
            return Ok(());
        }
        Err(Failure::Down("the words are not in its answer".to_owned()))
    }

    async fn handshake(&self, host: &str, port: u16) -> Result<(), Failure> {
        let stream = self.connect(host, port).await?;
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|_| Failure::Unknown("its host name cannot be in a certificate".to_owned()))?;
        let connector = self.connector.as_ref().ok_or_else(|| Failure::Unknown("it has no client".to_owned()))?;
        connector.connect(name, stream).await.map(drop).map_err(|error| Failure::Down(explain_io(&error).reason))
    }

    async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, Failure> {
        let addresses = self.resolve(host, port).await?;
        TcpStream::connect(&*addresses).await.map_err(|error| Failure::Down(io_reason(error.kind()).to_owned()))
    }

    /// The addresses of a host, as the system resolves it.
    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
        let unknown = || Failure::Down("its name cannot be resolved".to_owned());
        let addresses = self.lookup.addresses(host, port).await.map_err(|_| unknown())?;
        if addresses.is_empty() { Err(unknown()) } else { Ok(addresses) }
    }
}

fn http_client(config: rustls::ClientConfig, lookup: HostLookup) -> Result<reqwest::Client, SourceError> {
    let follow = Policy::custom(|attempt| {
        let is_same = attempt.previous().last().is_some_and(|before| before.origin() == attempt.url().origin());
        match attempt.previous().len() {
            _ if !is_same => attempt.stop(),
            0..=MAX_REDIRECTS => attempt.follow(),
            _ => attempt.error("too many redirects"),
        }
    });
    reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .user_agent(concat!("belvedere/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(lookup)
        .redirect(follow)
        .referer(false)
        .no_proxy()
        // Each attempt goes all the way.
        .pool_max_idle_per_host(0)
        .build()
        .map_err(|error| SourceError::Broken(format!("its client cannot be built: {error}")))
}

fn first(addresses: &[SocketAddr]) -> Result<SocketAddr, Failure> {
    addresses.first().copied().ok_or_else(|| Failure::Down("its name cannot be resolved".to_owned()))
}
